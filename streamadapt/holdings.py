"""The partitions a worker holds: waiting, being restored, worked on, laid aside, or refused.

A partition waits, paused, from its assignment until its task stands at the committed offsets.  At
every rebalance all tasks are laid aside; one goes on as it is only if what is committed now is what
it committed last itself (rule 3): then nobody else has worked on the partition in between.
Anything else is restored from what is committed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from streamadapt.arrival_order import ArrivalOrder
from streamadapt.connectors.partition_log import (
    BrokerError,
    Changes,
    Committed,
    GroupConsumer,
    Membership,
    OffsetsPendingError,
    Partition,
)
from streamadapt.live_task import LiveTask
from streamadapt.lost_state import LostStateError
from streamadapt.restoring import RestoreSettings, Restoring
from streamadapt.saving import Saving

__all__ = ["Holdings"]

_ANSWER_S = 2.0


class Holdings:
    """What became of each partition number that this worker was given.

    Parameters
    ----------
    topics
        {input's letter: topic}; partitions of the same number belong to one task.
    consumer
        The member of the group.
    settings
        What partitions are restored with.
    saving
        Is told of each task that goes on.
    """

    def __init__(
        self,
        topics: Mapping[str, str],
        consumer: GroupConsumer,
        settings: RestoreSettings,
        saving: Saving,
    ) -> None:
        self.tasks: dict[int, LiveTask] = {}
        self.orders: dict[int, ArrivalOrder] = {}
        self.refused: dict[int, LostStateError] = {}
        self._topics = topics
        self._consumer = consumer
        self._settings = settings
        self._saving = saving
        self._reporter = settings.reporter
        self._aside: dict[int, LiveTask] = {}
        self._waiting: set[int] = set()
        self._restoring: dict[int, Restoring] = {}
        self._member: tuple[int, str] = (-1, "")

    @property
    def waiting(self) -> list[int]:
        """Partitions that are not worked on yet."""
        return sorted(self._waiting | self._restoring.keys())

    def partitions(self, numbers: Collection[int]) -> frozenset[Partition]:
        """Return the partitions of all inputs with these numbers, as far as they are held."""
        own = frozenset(Partition(t, n) for t in self._topics.values() for n in numbers)
        return own & self._consumer.assigned()

    def rebalanced(self, changes: Changes, membership: Membership) -> bool:
        """Take in what the last poll did to the group; return whether it did anything.

        Then the records of that poll are to be left: all partitions are sought anew.
        """
        member = (membership.generation, membership.member)
        if member == self._member and not changes:
            return False
        # Even without a word: a member that was thrown out may be back under another name while
        # its client still believes it holds what it held.
        self._member = member
        self._lay_aside(set(self.tasks) | self._restoring.keys() | self.refused.keys())
        for number in {partition.number for partition in changes.lost}:
            self._aside.pop(number, None)
        held = {partition.number for partition in self._consumer.assigned()}
        self._waiting = (self._waiting | {p.number for p in changes.assigned}) & held
        self._aside = {n: task for n, task in self._aside.items() if n in held}
        self._consumer.pause(self.partitions(held))
        self._reporter.note("assigned", {"partitions": sorted(held), "member": membership.member})
        return True

    def drop_all(self) -> None:
        """Throw all tasks away: what they learned may not be what was committed (rule 2)."""
        self._lay_aside(set(self.tasks) | self._restoring.keys())
        self._aside.clear()
        self._consumer.pause(self.partitions(self._waiting))

    def step(self) -> None:
        """Bring waiting partitions a step further; the others go on meanwhile.

        Raises
        ------
        LostStateError
            If no partition is left to work on.
        IncompatibleStateError
            If states cannot be used under this configuration.
        BrokerError
            If the broker is away while records are read again.
        """
        if self._waiting:
            self._ask()
        for number, restoring in list(self._restoring.items()):
            try:
                task = restoring.step()
            except LostStateError as error:
                self._refuse(number, error)
                continue
            if task is not None:
                self._forget(number)
                task.committed = restoring.committed
                self._saving.expect(task, restoring.needs_checkpoint)
                self._go_on(task)

    def close(self) -> None:
        """Let go of what is being restored."""
        for number in list(self._restoring):
            self._forget(number)

    def _ask(self) -> None:
        """Ask what is committed for those that wait; transactions under way are waited for."""
        ready = [n for n in self._waiting if len(self.partitions({n})) == len(self._topics)]
        partitions = self.partitions(ready)
        if not partitions:
            return
        try:
            committed = self._consumer.committed(partitions, _ANSWER_S)
            bounds = self._consumer.bounds(partitions, _ANSWER_S)
        except OffsetsPendingError:
            return
        except BrokerError as error:
            self._reporter.note("broker_away", {"problem": str(error)})
            return
        for number in sorted(ready):
            own = {kind: Partition(topic, number) for kind, topic in self._topics.items()}
            self._take_back(
                number,
                {kind: committed[partition] for kind, partition in own.items()},
                {kind: bounds[partition] for kind, partition in own.items()},
            )
        self._waiting -= set(ready)

    def _take_back(
        self,
        number: int,
        committed: Mapping[str, Committed | None],
        bounds: Mapping[str, tuple[int, int]],
    ) -> None:
        """Let a task that was laid aside go on, if nobody else committed; or restore it."""
        task = self._aside.pop(number, None)
        if task is not None and task.committed == committed:
            self._go_on(task)
            return
        try:
            self._restoring[number] = Restoring(number, self._settings, committed, bounds)
        except LostStateError as error:
            self._refuse(number, error)

    def _go_on(self, task: LiveTask) -> None:
        """Work on a task from where it stands; seek before resume, or records would be missed."""
        number = task.partition
        self.tasks[number] = task
        self.orders[number] = ArrivalOrder(task.offsets.get("l", 0))
        for kind, topic in self._topics.items():
            self._consumer.seek(Partition(topic, number), task.offsets[kind])
        self._consumer.resume(self.partitions({number}))

    def _lay_aside(self, numbers: Collection[int]) -> None:
        for number in numbers:
            self._forget(number)
            task = self.tasks.pop(number, None)
            if task is not None:
                self._aside[number] = task
            self._waiting.add(number)

    def _refuse(self, number: int, error: LostStateError) -> None:
        self._forget(number)
        self.refused[number] = error
        self._reporter.note("partition_refused", {"partition": number, "problem": str(error)})
        if not (self.tasks or self._restoring or self._waiting - {number}):
            raise error

    def _forget(self, number: int) -> None:
        self.refused.pop(number, None)
        restoring = self._restoring.pop(number, None)
        if restoring is not None:
            restoring.close()
