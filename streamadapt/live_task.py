"""A task in a worker: where it stands in its inputs, what it has to say, and what names its state.

Everything here is a pure function of the records taken; the worker decides only how many at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from streamadapt.build import build_task, fingerprints
from streamadapt.config import Config
from streamadapt.connectors.partition_log import BrokerError, Committed, Outgoing
from streamadapt.errors import ConfigError
from streamadapt.events import Reject
from streamadapt.fact_lines import FactLines
from streamadapt.live_input import Block, LiveInput, Piece
from streamadapt.pipeline import Fact
from streamadapt.publication import Publication
from streamadapt.state import State
from streamadapt.tag import Entry, Run, Tag, coded, decoded, origin_name
from streamadapt.task import Outcome

__all__ = ["LiveTask", "Said"]


@dataclass(slots=True)
class Said:
    """What a task said since the last commit: records for topics, and what to report."""

    outgoing: list[Outgoing] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    n_taken: int = 0


class LiveTask:
    """One partition's task with the offsets of its inputs and its tag.

    Parameters
    ----------
    config
        The pipeline.
    environ
        Environment variables, for secrets.
    partition
        Its number.
    offsets
        {input's letter: offset of the next record}, where nothing has been learned yet.
    """

    def __init__(
        self,
        config: Config,
        environ: Mapping[str, str],
        partition: int,
        offsets: Mapping[str, int],
    ) -> None:
        if config.kafka is None:
            raise ConfigError("kafka: this section is missing: it names topics and servers")
        self.partition = partition
        self.offsets = dict(offsets)
        self.tag = Tag([Entry(origin_name(self.offsets), [])])
        self.task = build_task(config, environ)
        self.said = Said()
        self.committed: Mapping[str, Committed | None] = {}
        self.committed_names: tuple[str, ...] = ()
        self.has_new_tag = False
        self._fingerprints = fingerprints(config)
        self._input = LiveInput(config)
        self._publication = Publication(config, self.task, partition, self._fingerprints)
        self._fact_lines = FactLines(config, self.task)
        self._publishes_facts = config.kafka.facts is not None
        self._since_event: list[Run] = []  # labels and commands, since the last prediction

    @property
    def is_ordered(self) -> bool:
        """Whether there is more than one input, so that the order taken matters."""
        return len(self.offsets) > 1

    @property
    def has_news(self) -> bool:
        """Whether there is anything to commit."""
        return self.said.n_taken > 0 or self.has_new_tag

    @property
    def is_committed(self) -> bool:
        """Whether the group has committed offsets of it, as far as is known."""
        return self.committed.get("e") is not None

    @property
    def position(self) -> int:
        """A number that grows with every record taken from any input."""
        return sum(self.offsets.values())

    def take(self, pieces: Sequence[Piece]) -> None:
        """Take records in this order: predict, learn, and remember what is to be published.

        Raises
        ------
        BrokerError
            If records came that were taken before: the client is not where it was told to be.
        """
        for kind, batch in pieces:
            if int(batch.offsets[0]) < self.offsets[kind]:
                raise BrokerError(f"{batch.partition}: gave records that were taken before")
        for block in self._input.blocks(pieces, self.offsets["e"]):
            self._take(block)
        for kind, batch in pieces:
            self.tag.entries[-1].take(kind, len(batch))
            self.said.n_taken += len(batch)

    def take_silently(self, pieces: Sequence[Piece]) -> None:
        """Take records whose predictions have been published before."""
        for block in self._input.blocks(pieces, self.offsets["e"]):
            self._fact_lines.take(self._run(block)[0])

    def hand_over(self) -> Said:
        """Return all said so far, to be published: it is committed or lost with this tag."""
        said, self.said = self.said, Said()
        self.has_new_tag = False
        return said

    def commit_offsets(self) -> dict[str, Committed]:
        """Return what is to be committed of each input; the tag stands with the events."""
        offsets = {kind: Committed(offset) for kind, offset in self.offsets.items()}
        tag = self.tag.text(self.is_ordered)
        return offsets | {"e": Committed(self.offsets["e"], tag)}

    def state(self) -> State:
        """Return the task and where it stands: what a checkpoint holds."""
        return State(
            "live",
            1,
            {
                "task": self.task.state(),
                "fact_lines": self._fact_lines.state(),
                "offsets": State("offsets", 1, dict(self.offsets)),
                "since_event": coded(self._since_event),
            },
        )

    def restore(self, state: State, skip: frozenset[str] = frozenset()) -> None:
        """Become what a checkpoint holds, but for the learners named in `skip`."""
        state.expect("live", 1)
        self.task.restore(state.child("task"), skip)
        self._fact_lines.restore(state.child("fact_lines"))
        offsets = state.child("offsets")
        # An input that is new in the pipeline begins where it was told to.
        self.offsets |= {kind: offsets.integer(kind) for kind in offsets.values}
        self._since_event = decoded(state.text("since_event"))

    def changed_since(self, old: Mapping[str, str]) -> list[str]:
        """Return which components are configured otherwise than where `old` was written."""
        return sorted(n for n, hash_ in self._fingerprints.items() if old.get(n) != hash_)

    @property
    def fingerprints(self) -> dict[str, str]:
        """Hash of each component's configuration."""
        return self._fingerprints

    def _take(self, block: Block) -> None:
        outcome, offsets, since = self._run(block)
        self._say(outcome, self._publication.predictions(outcome, block, offsets, since))
        lines = self._fact_lines.take(outcome)
        if self._publishes_facts and lines:
            self.said.outgoing.append(self._publication.facts(lines))

    def _run(self, block: Block) -> tuple[Outcome, dict[str, int], list[Run]]:
        """Let the task take a block; return what came of it, and what `_advance` returns."""
        offsets, since = self._advance(block)
        outcome = self.task.run(block.records)
        last = int(outcome.positions[-1]) if len(outcome.positions) else -1
        kept = Entry("", self._since_event)
        for kind, batch in block.pieces:
            if kind != "e":
                kept.take(kind, len(batch))
            elif last >= int(batch.offsets[0]):  # what came before is told; else the next one does
                kept = Entry("", [])
        self._since_event = kept.order
        return outcome, offsets, since

    def _say(self, outcome: Outcome, predictions: Outgoing) -> None:
        said = self.said
        if len(predictions):
            said.outgoing.append(predictions)
        if outcome.rejects:
            said.outgoing.append(self._publication.dead_letters(outcome))
        said.rejects += outcome.rejects
        said.facts += outcome.facts

    def _advance(self, block: Block) -> tuple[dict[str, int], list[Run]]:
        """Move on past a block; return offsets, and the order since a prediction, before it."""
        found, since, has_begun = dict(self.offsets), Entry("", list(self._since_event)), False
        for kind, batch in block.pieces:
            self.offsets[kind] = batch.next_offset
            has_begun |= kind == "e"
            since.take(kind, 0 if has_begun else len(batch))
        if "c" in found:
            found["c"] = self.offsets["c"]  # commands begin a block
        return found, since.order
