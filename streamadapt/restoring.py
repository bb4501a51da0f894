"""From "this partition is yours" to a task that goes on where the last commit stands.

Kafka decides: the offsets and the tag committed with them say which state is valid, and nothing
else does.  The newest checkpoint that the tag names and that can be read is loaded, and what was
taken after it is fed to it again, silently.  If that cannot be done exactly, the state is lost, and
what then happens is the operator's choice (``kafka.on_lost_state``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass

from streamadapt.checkpoint import CheckpointStore, Found, environment
from streamadapt.config import Config
from streamadapt.connectors.partition_log import Committed, Driver, LogReader, Partition
from streamadapt.contracts import Reporter, Store
from streamadapt.errors import (
    CorruptStateError,
    IncompatibleStateError,
    MissingStateError,
    RetryableError,
)
from streamadapt.live_task import LiveTask
from streamadapt.log_feed import LogFeed, Stretch
from streamadapt.lost_state import LostStateError, choices, out_of_log, unreadable
from streamadapt.store_thread import StoreThread
from streamadapt.tag import Entry, Run, Tag, origin_of

__all__ = ["RestoreSettings", "Restoring"]

_SLICE_RECORDS = 10_000
_INPUTS = {"e": "kafka.events", "l": "kafka.labels", "c": "kafka.control"}


@dataclass(frozen=True, slots=True)
class RestoreSettings:
    """What every partition is restored with.

    ``reset`` names learners that begin anew; ``make`` gives a task that has seen nothing.
    """

    config: Config
    driver: Driver
    stores: StoreThread
    reporter: Reporter
    make: Callable[[int, Mapping[str, int]], LiveTask]
    checkpoints: Callable[[Store, int], CheckpointStore]
    reset: frozenset[str] = frozenset()


class Restoring:
    """One partition on its way to go on.

    Parameters
    ----------
    partition
        Its number.
    settings
        What it is restored with.
    committed
        {input's letter: what the group committed, None if nothing}.
    bounds
        {input's letter: first offset in the log, and the one after the last}.

    Raises
    ------
    LostStateError
        If the state is lost and ``kafka.on_lost_state`` is ``fail``; also from `step`.
    """

    def __init__(
        self,
        partition: int,
        settings: RestoreSettings,
        committed: Mapping[str, Committed | None],
        bounds: Mapping[str, tuple[int, int]],
    ) -> None:
        self.partition = partition
        self._settings = settings
        self.committed = committed
        self._bounds = bounds
        self._task: LiveTask | None = None
        self._feed: LogFeed | None = None
        self._tag: Tag | None = None
        self._began_s = time.monotonic()
        self.n_replayed = 0
        self.needs_checkpoint = False
        self._job: Callable[[Store], Found | list[str] | None]
        self._asked: Future[Found | list[str] | None] | None = None
        self._examine()

    def step(self) -> LiveTask | None:
        """Do a little of the work; return the task once it stands at the committed offsets.

        Raises
        ------
        LostStateError
            As above.
        IncompatibleStateError
            If components are configured otherwise than the state, or a newer release wrote it.
        BrokerError
            If the broker is away.
        """
        if self._task is None:
            self._load()
        if self._task is None:
            return None
        if self._feed is not None and not self._replayed():
            return None
        seconds = round(time.monotonic() - self._began_s, 3)
        self._settings.reporter.note(
            "restored",
            {
                "partition": self.partition,
                "offsets": dict(self._task.offsets),
                "replayed": self.n_replayed,
                "seconds": seconds,
            },
        )
        return self._task

    def close(self) -> None:
        """Let go of the readers."""
        if self._feed is not None:
            self._feed.close()
            self._feed = None

    def _examine(self) -> None:
        """Decide what to ask the store for, or that the state is lost."""
        first = self.committed["e"]
        if first is None:
            self._job = self._names
            return
        problem = out_of_log(self._inputs(), self.partition, self.committed, self._bounds)
        problem = problem or unreadable(first.tag)
        if problem is not None:
            self._lost(problem)
            return
        self._tag = Tag.read(first.tag)
        self._job = self._newest

    def _names(self, store: Store) -> list[str]:
        return self._settings.checkpoints(store, self.partition).names()

    def _newest(self, store: Store) -> Found | None:
        if self._tag is None:
            return None
        try:
            return self._settings.checkpoints(store, self.partition).latest(self._tag.names)
        except (CorruptStateError, MissingStateError) as error:
            self._settings.reporter.note("checkpoint_lost", {"problem": str(error)})
            return None

    def _load(self) -> None:
        """Ask the store, wait for its answer over many steps, and go on with it."""
        stores = self._settings.stores
        if self._asked is None:
            stores.ask()
            self._asked = None if stores.is_away else stores.submit(self._job)
        if self._asked is None or not self._asked.done():
            return
        asked, self._asked = self._asked, None
        try:
            found = asked.result()
        except RetryableError:
            return  # the store is away: asked again later
        self._found(found)

    def _found(self, found: Found | list[str] | None) -> None:
        if isinstance(found, Found):
            self._from(found)
        elif found:
            self._lost(
                f"no offset is committed, but the store holds checkpoints up to {found[-1]}: "
                "offsets expired, were deleted, or the group has another name; whatever is "
                "chosen, it begins where kafka.start says, and publishes again what it finds there"
            )
        elif self._tag is None:
            self._begin()
        else:
            self._without_checkpoint()

    def _begin(self) -> None:
        """Begin with nothing learned: this group never committed."""
        offsets = self._where()
        self._settings.reporter.note("begun", {"partition": self.partition, "offsets": offsets})
        self._task = self._settings.make(self.partition, offsets)
        # Committed at once: after a crash, "latest" would be later, and what came between lost.
        self._task.has_new_tag = True

    def _from(self, found: Found) -> None:
        """Restore a checkpoint, and make ready to feed what came after it."""
        settings, tag = self._settings, self._tag
        if tag is None:
            raise CorruptStateError("a checkpoint without a tag")
        for problem in found.problems:
            settings.reporter.note("checkpoint_lost", {"problem": str(problem)})
        checkpoint = found.checkpoint
        task = settings.make(self.partition, self._where())
        left = sorted(set(task.changed_since(checkpoint.fingerprints)) - settings.reset)
        if left:
            raise IncompatibleStateError(_changed(self.partition, left))
        if checkpoint.environment != environment():
            settings.reporter.note("environment_changed", {"was": checkpoint.environment})
        task.restore(checkpoint.state, settings.reset)
        self._resume(task, tag, found.name, checkpoint.state.child("offsets").values.keys())

    def _without_checkpoint(self) -> None:
        """Go on from the very beginning if the tag still names it and the log still holds it."""
        tag = self._tag
        if tag is None or not tag.entries[0].is_origin:
            self._lost("the store holds none of the checkpoints that the commit names")
            return
        origin = tag.entries[0]
        known = origin_of(origin.name)
        task = self._settings.make(self.partition, self._where() | known)
        self._resume(task, tag, origin.name, known.keys())

    def _resume(self, task: LiveTask, tag: Tag, name: str, known: Collection[str]) -> None:
        """Feed `task`, which stands where the entry `name` says, up to the committed offsets.

        Newer checkpoints could not be read: the tag names them no longer.  Of inputs that are not
        `known` there, no entry says where they began: a new one is committed before any record.
        """
        self._refuse_without_inputs(task)
        until = self._where()
        gone = [
            f"{kind} {offset} (the log begins at {self._bounds[kind][0]})"
            for kind, offset in task.offsets.items()
            if offset < min(self._bounds[kind][0], until[kind])
        ]
        if gone:
            self._lost(f"retention passed the checkpoint {name}: {', '.join(gone)}")
            return
        task.tag = tag
        is_lost = bool(task.offsets.keys() - known)
        if task.offsets != until:
            # An input that is new in the pipeline: until now there was one, and no order to tell.
            order = (tag.since(name) or None) if task.is_ordered else None
            self._open(task, until, order)
            is_lost |= task.is_ordered and order is None
        self._without_order(task, is_lost)
        self._task = task  # not before it can be fed: a task is taken to be ready without a feed
        newer = tag.names[: tag.names.index(name)] if name in tag.names else tag.names
        if newer:
            tag.forget(newer)
            self.needs_checkpoint = True
        task.committed_names = tuple(tag.names)

    def _refuse_without_inputs(self, task: LiveTask) -> None:
        """Raise if the state has taken records from an input that the pipeline no longer has."""
        gone = [_INPUTS[kind] for kind in sorted(task.offsets.keys() - self._bounds.keys())]
        if gone:
            raise IncompatibleStateError(
                f"partition {self.partition}: its state goes on with a topic that the pipeline no "
                f"longer names: name {' and '.join(gone)} again (it may stay empty), or give the "
                "pipeline another name"
            )

    def _without_order(self, task: LiveTask, is_lost: bool) -> None:
        """If no tag can say how the task came to be, commit a checkpoint first."""
        if is_lost:
            task.tag = Tag([Entry("", [])])
            self.needs_checkpoint = True

    def _open(self, task: LiveTask, until: dict[str, int], order: list[Run] | None) -> None:
        topics = self._inputs()
        readers: dict[str, LogReader] = {}
        with ExitStack() as opened:
            for kind, offset in task.offsets.items():
                place = Partition(topics[kind], self.partition)
                readers[kind] = self._settings.driver.reader(place, offset)
                opened.callback(readers[kind].close)
            opened.pop_all()
        stretches = None if order is None else [Stretch(kind, n) for kind, n in order]
        self._feed = LogFeed(readers, until, stretches)

    def _replayed(self) -> bool:
        """Feed a slice; return whether that was the last."""
        if self._feed is None or self._task is None:
            return True
        try:
            pieces = self._feed.take(_SLICE_RECORDS)
        except MissingStateError as error:
            self.close()
            self._task = None
            self._lost(str(error))
            return False
        if pieces:
            self.n_replayed += sum(len(piece.batch) for piece in pieces)
            self._task.take_silently(pieces)
        if pieces is not None:
            return False
        self.close()
        self._task.offsets = self._where()
        return True

    def _lost(self, problem: str) -> None:
        """Do what the operator chose for lost state."""
        kafka = self._settings.config.kafka
        policy = kafka.on_lost_state if kafka else "fail"
        where = self._where()
        if policy == "fail":
            topics = self._inputs()
            places = ", ".join(f"{topics[kind]} {offset}" for kind, offset in where.items())
            raise LostStateError(choices(self.partition, problem, places))
        self._settings.reporter.note(
            "state_lost", {"partition": self.partition, "problem": problem, "policy": policy}
        )
        if policy == "reset":
            self._task = self._settings.make(self.partition, where)
            self._task.has_new_tag = True  # as where a task begins
        else:
            begin = {kind: min(self._bounds[kind][0], offset) for kind, offset in where.items()}
            task = self._settings.make(self.partition, begin)
            self._open(task, where, None)
            self._without_order(task, is_lost=task.is_ordered)
            self._task = task
        self.needs_checkpoint = True

    def _where(self) -> dict[str, int]:
        """Return the committed offsets, or the nearest that the log still holds.

        Where a group that never committed begins, the pipeline says; a new input at its first.
        """
        if self.committed["e"] is None:
            kafka = self._settings.config.kafka
            place = kafka is not None and kafka.start == "latest"
            return {kind: bounds[place] for kind, bounds in self._bounds.items()}
        where = {}
        for kind, (start, end) in self._bounds.items():
            committed = self.committed[kind]
            where[kind] = start if committed is None else min(max(committed.offset, start), end)
        return where

    def _inputs(self) -> dict[str, str]:
        kafka = self._settings.config.kafka
        return kafka.inputs if kafka else {}


def _changed(partition: int, names: list[str]) -> str:
    lanes = [name for name in names if not name.startswith("@")]
    advice = (
        f"--reset {' --reset '.join(lanes)} begins those anew"
        if lanes == names
        else ("what all learners share cannot change under a state: give the pipeline another name")
    )
    return (
        f"partition {partition}: configured otherwise than its state: {', '.join(names)}; {advice}"
    )
