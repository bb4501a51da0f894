"""The parts of a pipeline file that only a live worker reads: Kafka's topics, and the store."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from streamadapt.config_kinds import ConfigModel
from streamadapt.connectors.kafka_settings import KafkaSettings
from streamadapt.connectors.redis_address import parse_address
from streamadapt.errors import ConfigError
from streamadapt.events import TimeField

__all__ = ["KafkaConfig", "LabelsTopic", "LostState", "StoreConfig"]

Topic = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]

LostState = Literal["fail", "rebuild", "reset"]


class LabelsTopic(ConfigModel):
    """A topic with labels that come after their events, in JSON.

    Parameters
    ----------
    topic
        Its name; a label stands in the partition of the same number as its event.
    id
        Which key names the event; by default as in events (``record.id``).
    label
        Which key holds the label; by default the task's target.
    time
        Which key says when, and how it is written.
    """

    topic: Topic
    id: str | None = None
    label: str | None = None
    time: TimeField | None = None


class KafkaConfig(KafkaSettings):
    """Topics and servers of a live pipeline, and how it commits.

    Parameters
    ----------
    events
        Topic of the events, in JSON unless ``record.codec`` says otherwise.
    output
        Topic of the predictions; it needs as many partitions as the events.
    dead_letters
        Topic of the records that cannot be used, with the reason.
    labels
        Topic of labels that come later; by default labels stand in the events.
    control
        Topic of operator's commands (``streamadapt control``).
    facts
        Topic of drifts and reactions.
    group
        Consumer group; by default the pipeline's name.
    publish
        Learners whose predictions are published; by default all but the baselines.
    start
        Where a group that never committed begins.
    on_lost_state
        What to do with a partition whose state is lost: ``fail`` refuses it and says what there is
        to choose from; ``rebuild`` learns again from what the log still holds, silently; ``reset``
        goes on with nothing learned.
    transaction_interval_s
        How often what was predicted is committed, and so becomes readable.
    max_uncommitted
        Most records taken in one transaction.
    """

    events: Topic
    output: Topic
    dead_letters: Topic
    labels: LabelsTopic | None = None
    control: Topic | None = None
    facts: Topic | None = None
    group: str | None = None
    publish: tuple[str, ...] = ()
    start: Literal["earliest", "latest"] = "earliest"
    on_lost_state: LostState = "fail"
    transaction_interval_s: float = Field(0.1, ge=0, le=60)
    max_uncommitted: int = Field(20_000, ge=1, le=1_000_000)

    @model_validator(mode="after")
    def _topics_differ(self) -> KafkaConfig:
        labels = self.labels.topic if self.labels else None
        names = [self.events, self.output, self.dead_letters, labels, self.control, self.facts]
        given = [name for name in names if name is not None]
        if len(set(given)) < len(given):
            raise ValueError("kafka: two of the topics have the same name")
        if self.assignor != "range" and len(self.inputs) > 1:
            raise ValueError(
                "kafka.assignor: with topics of labels or commands it must be 'range': others do "
                "not give partitions of the same number to the same worker"
            )
        return self

    @property
    def inputs(self) -> dict[str, str]:
        """Topics that a task reads, by letter: ``e`` events, ``l`` labels, ``c`` control."""
        labels = self.labels.topic if self.labels else None
        topics = {"e": self.events, "l": labels, "c": self.control}
        return {kind: topic for kind, topic in topics.items() if topic is not None}


class StoreConfig(ConfigModel):
    """Where checkpoints are kept.

    Parameters
    ----------
    url
        ``redis://HOST:PORT/DB``, ``rediss://...`` (TLS), ``redis+sentinel://HOST,HOST/SERVICE``,
        ``redis+cluster://HOST,HOST``, ``unix://PATH``, or ``sqlite:FILE`` for one machine.
    prefix
        Stands before the name of every key in Redis.
    deltas
        Most checkpoints in a row that hold only what changed; 0 for none.
    check_server
        Whether a Redis is asked at the start if it may delete state; ``false`` for one that allows
        nobody to ask, which then is yours to look after.
    """

    url: str = Field(
        "sqlite:state.sqlite",
        pattern=r"^(rediss?(\+(sentinel|cluster))?://|unix://|sqlite:[^:])",
    )
    prefix: str = Field("streamadapt", pattern=r"^[A-Za-z0-9._:-]{1,100}$")
    deltas: int = Field(16, ge=0, le=16)
    check_server: bool = True

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        if not value.startswith("sqlite:"):
            try:
                parse_address(value)
            except ConfigError as error:
                raise ValueError(str(error)) from None
        return value
