"""Checkpoints of live tasks: when they are due, written in the background, named once they stand.

A checkpoint is the task as it stands when a transaction begins; its name goes into the first
transaction after it is safely in the store, and until then the older names are repeated.  What a
commit no longer names is deleted only after it.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from streamadapt.checkpoint import CheckpointStore
from streamadapt.checkpoint_names import position_of
from streamadapt.config import Config
from streamadapt.contracts import HasNeighbours, Reporter, Store
from streamadapt.errors import RetryableError
from streamadapt.live_task import LiveTask
from streamadapt.state import State
from streamadapt.store_thread import StoreThread
from streamadapt.sweeping import stands, sweep
from streamadapt.tag import LIMIT_CHARS, Entry

__all__ = ["Saving", "task_name"]

NAMED = 3
"""How many checkpoints a tag names."""

_GRACE = 30
"""Transaction time-outs after which a checkpoint that no commit named will not be named."""

_LOOK_S = 1.0
_SWEEP_S = 600.0
_RETRY_S = 1.0


def task_name(config: Config, partition: int) -> str:
    """Return the name under which a partition's checkpoints stand in the store."""
    return f"{config.name}.{partition}"


@dataclass(slots=True)
class _Plan:
    """When the next checkpoint of a task is due, and the one being written."""

    task: LiveTask
    due_s: float
    saved_position: int
    before_position: int = -1
    """Of the checkpoint before; it is the last one again if this one cannot be written."""
    writing: tuple[Future[str], Entry] | None = None
    began_s: float = 0.0
    not_before_s: float = 0.0


class Saving:
    """Writes checkpoints of the tasks of one worker.

    Parameters
    ----------
    config
        The pipeline; ``checkpoint`` says how often.
    stores
        Where they go.
    reporter
        Is told of each checkpoint, and of failures.
    """

    def __init__(self, config: Config, stores: StoreThread, reporter: Reporter) -> None:
        self._config = config
        self._every = config.checkpoint
        self._stores = stores
        self._reporter = reporter
        kafka = config.kafka
        self._grace_s = _GRACE * (kafka.transaction_timeout_s if kafka else 10.0)
        self._plans: dict[int, _Plan] = {}
        self._kept: dict[int, tuple[int, CheckpointStore]] = {}
        self._looked_s = 0.0
        self._swept_s = time.monotonic()
        self._looking: Future[list[int]] | None = None

    def checkpoints(self, store: Store, partition: int) -> CheckpointStore:
        """Return the checkpoints of a partition; in the store's thread only."""
        identity, kept = self._kept.get(partition, (0, None))
        if kept is None or identity != id(store):
            name, every = task_name(self._config, partition), self._every
            kept = CheckpointStore(store, name, every.keep, self._config.store.deltas)
            self._kept[partition] = (id(store), kept)
        return kept

    def expect(self, task: LiveTask, at_once: bool) -> None:
        """Follow a task that begins or was restored."""
        due_s = 0.0 if at_once else time.monotonic() + self._every.every_s
        # Of what was read again since the newest checkpoint there is none yet, come more or not.
        saved = max(map(position_of, task.tag.names), default=task.position)
        self._plans[task.partition] = _Plan(task, due_s, saved)

    def step(self, tasks: Mapping[int, LiveTask]) -> None:
        """Take in what has been written; take snapshots of the tasks that are due."""
        for number in self._plans.keys() - tasks.keys():
            del self._plans[number]
        now = time.monotonic()
        for task in tasks.values():
            plan = self._plan(task)
            if plan.writing is not None and plan.writing[0].done():
                self._written(plan)
            if plan.writing is None and self._may_write(plan) and self._is_due(plan, now):
                self._write(plan)
        self._stores.ask()
        self._look(tasks.values())

    def committed(self, task: LiveTask, names: tuple[str, ...]) -> None:
        """Delete what the commit just made, which had these names, no longer names."""
        if names != task.committed_names:
            task.committed_names = names
            sweeping = self._stores.submit(partial(self._sweep, task.partition, names))
            sweeping.add_done_callback(partial(self._swept, task.partition))

    def finish(self, tasks: Iterable[LiveTask], timeout_s: float) -> None:
        """Write all tasks now, and wait for it, if the store answers."""
        end_s = time.monotonic() + timeout_s
        own = [self._plan(task) for task in tasks]
        for plan in own:
            self._await(plan, end_s)
            if self._may_write(plan) and plan.task.position != plan.saved_position:
                self._write(plan)
                self._await(plan, end_s)

    def is_full(self, task: LiveTask) -> bool:
        """Whether the tag has no room for more runs of labels and events in turn."""
        return _is_long(task, 0.85)

    def _plan(self, task: LiveTask) -> _Plan:
        plan = self._plans.get(task.partition)
        if plan is None or plan.task is not task:
            self.expect(task, at_once=not task.tag.is_named)
            plan = self._plans[task.partition]
        return plan

    def _may_write(self, plan: _Plan) -> bool:
        """Whether the store is there, and the group has committed.

        A checkpoint that is older than all commits would look as if the offsets had been lost.
        """
        return not self._stores.is_away and (plan.task.is_committed or plan.due_s == 0.0)

    def _is_due(self, plan: _Plan, now_s: float) -> bool:
        taken = plan.task.position - plan.saved_position
        if now_s < plan.not_before_s or (taken == 0 and plan.due_s > 0):
            return False
        return now_s >= plan.due_s or taken >= self._every.every_events or _is_long(plan.task, 0.5)

    def _write(self, plan: _Plan) -> None:
        task, entry = plan.task, Entry("", [])
        job = partial(self._save, task, task.position, task.state())
        plan.writing = (self._stores.submit(job), entry)
        plan.before_position, plan.saved_position = plan.saved_position, task.position
        plan.began_s = time.monotonic()
        plan.due_s = plan.began_s + self._every.every_s
        task.tag.entries.append(entry)

    def _save(self, task: LiveTask, position: int, state: State, store: Store) -> str:
        return self.checkpoints(store, task.partition).save(position, state, task.fingerprints)

    def _sweep(self, partition: int, names: Collection[str], store: Store) -> None:
        sweep(store, task_name(self._config, partition), names, self._grace_s)
        if isinstance(store, HasNeighbours) and time.monotonic() - self._swept_s > _SWEEP_S:
            self._swept_s = time.monotonic()
            store.sweep(self._grace_s)  # what writes left that ended midway

    def _swept(self, partition: int, sweeping: Future[None]) -> None:
        """Say it if the store refused: it would grow without a word."""
        problem = None if sweeping.cancelled() else sweeping.exception()
        if problem is not None and not isinstance(problem, RetryableError):
            self._reporter.note("sweep_failed", {"partition": partition, "problem": str(problem)})

    def _written(self, plan: _Plan) -> None:
        """Give the entry its name; or try again soon."""
        if plan.writing is None:
            return
        future, entry = plan.writing
        plan.writing = None
        try:
            entry.name = future.result()
        except RetryableError as error:
            plan.due_s, plan.saved_position = 0.0, plan.before_position
            plan.task.tag.drop(entry)
            plan.not_before_s = time.monotonic() + _RETRY_S
            self._reporter.count("checkpoints_failed")
            self._reporter.note(
                "checkpoint_failed", {"partition": plan.task.partition, "problem": str(error)}
            )
            return
        n = NAMED
        plan.task.tag.keep(n)
        while n > 1 and _is_long(plan.task, 0.25):
            n -= 1
            plan.task.tag.keep(n)
        plan.task.has_new_tag = True
        self._reporter.count("checkpoints")
        self._reporter.note(
            "checkpoint",
            {
                "partition": plan.task.partition,
                "name": entry.name,
                "seconds": round(time.monotonic() - plan.began_s, 3),
            },
        )

    def _await(self, plan: _Plan, end_s: float) -> None:
        while plan.writing is not None and time.monotonic() < end_s:
            if plan.writing[0].done():
                self._written(plan)
            else:
                time.sleep(0.005)

    def _look(self, tasks: Collection[LiveTask]) -> None:
        """See now and then whether the store still holds what the commits name; write it again.

        A server that was wiped, or replaced by an empty one, is noticed here.
        """
        if self._looking is not None and self._looking.done():
            looking, self._looking = self._looking, None
            for number in [] if looking.exception() else looking.result():
                plan = self._plans.get(number)
                if plan is not None and plan.writing is None:
                    plan.due_s = 0.0
                    self._reporter.note("checkpoints_vanished", {"partition": number})
        now = time.monotonic()
        if self._looking is None and not self._stores.is_away and now - self._looked_s >= _LOOK_S:
            self._looked_s = now
            named = {task.partition: task.committed_names for task in tasks}
            self._looking = self._stores.submit(partial(self._vanished, named))

    def _vanished(self, named: Mapping[int, tuple[str, ...]], store: Store) -> list[int]:
        return [
            number
            for number, names in named.items()
            if names and not stands(store, task_name(self._config, number), names[0])
        ]


def _is_long(task: LiveTask, part: float) -> bool:
    """Whether the tag fills more than this part of what it may."""
    return task.is_ordered and task.tag.length > part * LIMIT_CHARS
