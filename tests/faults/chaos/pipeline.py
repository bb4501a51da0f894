"""The pipeline that the workers under fault run: cheap learners, one of them reset at drifts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamadapt.config import Config
from streamadapt.config_file import load_config

FEATURES = ("x0", "x1", "x2", "x3")
SESSION_S = 5.0
TRANSACTION_S = 2.5


@dataclass(frozen=True)
class Servers:
    """Where workers find Kafka and Redis (through proxies), and which client they take."""

    bootstrap: str
    redis_url: str
    driver: str = "kafka-python"


def tree(name: str, servers: Servers, **changes: Any) -> dict[str, Any]:
    """Return the pipeline as a tree; `changes` are values by dotted path."""
    made: dict[str, Any] = {
        "name": name,
        "task": {"kind": "classification", "target": "class", "classes": ["a", "b"]},
        "record": {"id": "id", "features": dict.fromkeys(FEATURES, "numeric")},
        "labels": {"max_pending": 5000, "max_early": 200},
        "learners": {
            "tree": {
                "kind": "hoeffding_tree",
                "grace_period": 50,
                "watch": {"drift": {"kind": "adwin", "delta": 0.05}, "on_drift": ["reset"]},
            },
            "logistic": {"kind": "logistic"},
        },
        "reaction_block": 32,
        "checkpoint": {"every_s": 0.5},
        "store": {"url": servers.redis_url, "prefix": name},
        "kafka": {
            "bootstrap": servers.bootstrap,
            "driver": servers.driver,
            "events": f"{name}-events",
            "output": f"{name}-output",
            "dead_letters": f"{name}-dead",
            "labels": {"topic": f"{name}-labels"},
            "control": f"{name}-control",
            "facts": f"{name}-facts",
            "session_timeout_s": SESSION_S,
            "max_poll_interval_s": 20,
            "transaction_timeout_s": TRANSACTION_S,
            "request_timeout_s": 5,
            "delivery_timeout_s": 8,
        },
    }
    for path, value in changes.items():
        *folders, last = path.split(".")
        place = made
        for folder in folders:
            place = place[folder]
        place[last] = value
    return made


def written(folder: Path, name: str, servers: Servers, **changes: Any) -> Path:
    """Write the pipeline file (JSON is YAML) and return its path."""
    path = folder / "pipeline.yaml"
    path.write_text(json.dumps(tree(name, servers, **changes), indent=1))
    return path


def loaded(path: Path) -> Config:
    return load_config(path, {})
