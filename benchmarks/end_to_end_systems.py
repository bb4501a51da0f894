"""The processes that ``end_to_end.py`` measures: our worker, and its peers beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from end_to_end_loops import FEATURES, TARGET, Loop
from replay_streams import CLASSES

from streamadapt.connectors.kafka_settings import KafkaSettings

__all__ = ["INTERVAL_S", "Job", "System", "keeping", "ours", "peer"]

HERE = Path(__file__).parent
INTERVAL_S = 0.1
"""Between transactions, of all systems."""


class Job(NamedTuple):
    """From where to where, under which name; `folder` is for files of the run."""

    bootstrap: str
    group: str
    source: str
    output: str
    dead_letters: str
    folder: Path
    slot: str = "0"

    def log(self, slot: str) -> Path:
        """Return the file with what a process of the job says."""
        return self.folder / f"{self.group}-{slot}.log"


@dataclass(frozen=True)
class System:
    """How a process is started; `n_records` are enough to measure it by."""

    name: str
    n_records: int
    command: Any
    """Job -> arguments."""
    environ: Mapping[str, str] = field(default_factory=dict)

    def start(self, job: Job) -> subprocess.Popen[bytes]:
        """Start it on a job; what it says goes into a file of the job's folder."""
        with job.log(job.slot).open("ab") as out:
            return subprocess.Popen(
                self.command(job), stdout=out, stderr=out, env={**os.environ, **self.environ}
            )


def ours(name: str, driver: str, n_records: int, **more: Any) -> System:
    """Our worker; `more` are parts of the pipeline file, ``kafka`` among them."""

    def command(job: Job) -> list[str]:
        kafka = {
            "bootstrap": job.bootstrap,
            "driver": driver,
            "events": job.source,
            "output": job.output,
            "dead_letters": job.dead_letters,
            **more.get("kafka", {}),
        }
        pipeline = {
            "name": job.group,
            "task": {"kind": "classification", "target": TARGET, "classes": list(CLASSES)},
            "record": {"features": dict.fromkeys(FEATURES, "numeric")},
            "learners": {"tree": "hoeffding_tree"},
            "store": {"url": f"sqlite:{job.folder / job.group}.sqlite"},
            **more,
            "kafka": kafka,
        }
        path = job.folder / f"{job.group}.yaml"
        path.write_text(json.dumps(pipeline))
        return [sys.executable, "-m", "streamadapt", "run", str(path), "--slot", job.slot]

    return System(name, n_records, command)


def keeping(n_events: int) -> dict[str, Any]:
    """A part of a pipeline file that makes the state about 100 bytes for each of so many events."""
    return {"labels": {"remember": n_events, "max_pending": n_events}}


def peer(name: str, kind: str, driver: str, n_records: int, interval_s: float) -> System:
    """A loop of the same client with the same settings; or Quix Streams with librdkafka's."""
    settings = KafkaSettings(bootstrap="localhost:1")

    def command(job: Job) -> list[str]:
        script = "end_to_end_quix.py" if kind == "quix" else "end_to_end_loops.py"
        consumer, producer = _python(settings) if driver == "kafka-python" else _c(settings)
        loop = Loop(
            kind, driver, job.bootstrap, job.group, job.source, job.output, interval_s,
            consumer, producer,
        )  # fmt: skip
        return [sys.executable, str(HERE / script), json.dumps(loop._asdict())]

    path = os.environ.get("QUIXSTREAMS_PATH", "")
    return System(name, n_records, command, {"PYTHONPATH": path} if kind == "quix" else {})


def _python(settings: KafkaSettings) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"metrics_enabled": False}, {
        "metrics_enabled": False,
        "linger_ms": settings.linger_ms,
        "batch_size": settings.batch_bytes,
        "compression_type": settings.compression,
    }


def _c(settings: KafkaSettings) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"fetch.queue.backoff.ms": 10, "check.crcs": True}, {
        "linger.ms": settings.linger_ms,
        "batch.size": settings.batch_bytes,
        "compression.type": settings.compression,
        "queue.buffering.max.messages": 200_000,
        "delivery.report.only.error": True,
    }
