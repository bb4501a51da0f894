"""What several commands of the command line share."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Literal, Protocol, TypeAlias

import typer

from streamadapt.errors import ConfigError

if TYPE_CHECKING:
    from streamadapt.config import Config
    from streamadapt.config_live import KafkaConfig

__all__ = [
    "INTERRUPTED",
    "LogLevel",
    "PipelineFile",
    "Stoppable",
    "command",
    "kafka_of",
    "live_config",
    "soon_answered",
    "stopping",
]

INTERRUPTED = 130

_ANSWER_S = 10.0

LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]

PipelineFile = Annotated[Path, typer.Argument(metavar="PIPELINE", help="The pipeline file.")]


class Stoppable(Protocol):
    """A run that can be asked to end in order."""

    def stop(self) -> None:
        """End soon, so that the run can be resumed."""
        ...


@contextmanager
def stopping(run: Stoppable, when: str = "after the records at hand") -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end the run in order, the second at once."""
    import pyarrow

    asked = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        run.stop()
        os.write(2, f"\nstopping {when}; once more: at once\n".encode())

    # Arrow would answer the signal too, with an exception in the middle of a block.
    pyarrow.enable_signal_handlers(False)
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def command(*arguments: str) -> str:
    """Return a command of ours as it is typed.

    >>> command("replay", "my file.yaml")
    "streamadapt replay 'my file.yaml'"
    """
    return shlex.join(["streamadapt", *arguments])


def kafka_of(config: Config) -> KafkaConfig:
    """Return the section ``kafka``; raise `ConfigError` if there is none."""
    if config.kafka is None:
        raise ConfigError(f"{config.origin.file}: `kafka` is missing: it names topics and servers")
    return config.kafka


def live_config(pipeline: Path, on_lost_state: str | None = None) -> Config:
    """Return a checked pipeline with a section ``kafka``."""
    from streamadapt.config_file import load_config

    environ = dict(os.environ)
    if on_lost_state is not None:
        environ["STREAMADAPT__kafka__on_lost_state"] = on_lost_state
    return load_config(pipeline, environ)


def soon_answered(kafka: KafkaConfig) -> KafkaConfig:
    """Return the settings for a command that a person waits for: a broker that is away is said."""
    return kafka.model_copy(update={"request_timeout_s": min(kafka.request_timeout_s, _ANSWER_S)})
