"""Two things that kafka-python's membership of a group gets wrong, put right after each poll.

A join whose answer comes between two polls is never taken up, if it began because the metadata had
changed: the client neither goes on with it nor sends heartbeats, for ever.  This happens at the
start as well, where a topic's metadata come after the first join.

A cooperative member whose eviction is noticed while its JoinGroup or SyncGroup is on its way joins
again under a new id, keeps its partitions and calls no listener; and it claims them, so it may even
be given them although another member has had them in between.  A transaction under the new id is
not fenced by anything.  An eager member gives up everything before each JoinGroup.
"""

from __future__ import annotations

from typing import Any

from kafka.structs import MemberState, TopicPartition

from streamadapt.connectors.kafka_python_listener import RebalanceListener
from streamadapt.connectors.partition_log import Membership, Partition
from streamadapt.connectors.rebalances import Rebalances

__all__ = ["IdentityGuard", "take_up_join"]


def take_up_join(consumer: Any, state: str) -> None:  # noqa: ANN401 - the client has no types
    """Let the next poll go on with a join that the client has forgotten."""
    coordinator = consumer._coordinator  # noqa: SLF001 - nothing public tells or mends it
    if state == MemberState.REBALANCING and not coordinator.need_rejoin():
        coordinator.request_rejoin()


class IdentityGuard:
    """Treats partitions that outlive a member's id as lost, and as newly assigned if they stay."""

    def __init__(self, consumer: Any, rebalances: Rebalances, listener: RebalanceListener) -> None:  # noqa: ANN401 - the client has no types
        self._consumer = consumer
        self._rebalances = rebalances
        self._listener = listener
        self._members: dict[Partition, str] = {}
        self._orphans: set[Partition] = set()

    def check(self, membership: Membership, state: str) -> frozenset[Partition]:
        """Compare, after a poll, what is held with whom it was given to; return what was lost."""
        held = self._rebalances.held()
        self._members = {each: self._members.get(each, membership.member) for each in held}
        lost = frozenset(each for each in held if self._members[each] != membership.member)
        if lost:
            self._consumer.pause(*(TopicPartition(*each) for each in lost))
            self._rebalances.lose(lost)
            self._orphans |= lost
        if membership.is_member and state == MemberState.STABLE:
            self._take_back()
        return lost

    def _take_back(self) -> None:
        """Note as new what the group gave this member again, which the client tells nobody."""
        assigned = self._consumer.assignment()
        held = self._rebalances.held()
        given = [TopicPartition(*each) for each in sorted(self._orphans - held)]
        self._orphans = set()
        back = [each for each in given if each in assigned]
        if back:
            self._listener.on_partitions_assigned(back)
            member = self._consumer.group_metadata().member_id
            self._members.update({Partition(*each): member for each in back})
