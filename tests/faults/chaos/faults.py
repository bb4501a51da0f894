"""Kinds of faults: what each does, whom it needs for itself, how often it is drawn."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from streamadapt.connectors.redis import RedisStore
from streamadapt.transactions import MOMENTS
from tests.faults.chaos.feed import N_PARTITIONS
from tests.faults.chaos.pipeline import TRANSACTION_S
from tests.faults.chaos.world import World

_PAST_TRANSACTION_S = TRANSACTION_S + 1.3  # the broker looks once a second
_MOMENT_LIMIT_S = 15.0


@dataclass(frozen=True)
class Drawn:
    """A fault with all that chance decided about it."""

    kind: str
    slot: str
    moment: str
    seconds: float
    number: int

    def __str__(self) -> str:
        return f"{self.kind} (slot {self.slot}, {self.moment}, {self.seconds:.1f} s, {self.number})"


@dataclass(frozen=True)
class Kind:
    """How a fault is made; ``needs`` says what no other fault may touch meanwhile."""

    make: Callable[[World, Drawn], str | None]
    weight: int
    needs: frozenset[str] = frozenset({"slot"})


KINDS: dict[str, Kind] = {}


def kind(weight: int, *needs: str) -> Callable[..., Callable[[World, Drawn], str | None]]:
    """Register a kind; it returns a text if it could not be made as drawn."""

    def register(make: Callable[[World, Drawn], str | None]) -> Callable[..., str | None]:
        KINDS[make.__name__] = Kind(make, weight, frozenset(needs or {"slot"}))
        return make

    return register


# -- workers


@kind(10)
def kill(world: World, drawn: Drawn) -> None:
    """SIGKILL; started again at once."""
    with world.fleet.left_alone(drawn.slot) as member:
        member.kill()


@kind(14)
def kill_at(world: World, drawn: Drawn) -> str | None:
    """SIGKILL at a named moment of a transaction."""
    member = world.fleet.members[drawn.slot]
    member.order("kill", drawn.moment)
    return None if member.obeyed(_MOMENT_LIMIT_S) else f"never came to {drawn.moment}"


@kind(5)
def pause(world: World, drawn: Drawn) -> None:
    """SIGSTOP shorter than any time-out."""
    _stopped(world, drawn.slot, min(drawn.seconds, 1.5))


@kind(8)
def zombie(world: World, drawn: Drawn) -> None:
    """SIGSTOP past the session: others take its partitions; then it goes on."""
    _stopped(world, drawn.slot, _past_session_s(world))


@kind(12)
def zombie_at(world: World, drawn: Drawn) -> str | None:
    """The same, at a named moment of a transaction."""
    return _stopped_at(world, drawn, _past_session_s(world))


@kind(8)
def transaction_timeout_at(world: World, drawn: Drawn) -> str | None:
    """SIGSTOP at a named moment, past the transaction's time-out but not the session's."""
    return _stopped_at(world, drawn, _PAST_TRANSACTION_S)


@kind(8)
def zombie_replaced(world: World, drawn: Drawn) -> None:
    """SIGSTOP; another process starts under the same ids; then the first one goes on beside it."""
    fleet = world.fleet
    with fleet.left_alone(drawn.slot) as old:
        old.signal(signal.SIGSTOP)
        fleet.begin(drawn.slot)
        time.sleep(2.0 + drawn.seconds)
        old.signal(signal.SIGCONT)
        time.sleep(2.0)
        old.kill()


@kind(10, "slots")
def join_in_flight(world: World, drawn: Drawn) -> None:
    """SIGSTOP past the session of a member whose JoinGroup waits for one that was killed."""
    fleet = world.fleet
    victim = next(slot for slot in world.slots if slot != drawn.slot)
    with fleet.left_alone(victim) as dead:
        dead.kill()
        fleet.begin(victim)
    time.sleep(1.0 + 0.5 * drawn.seconds)
    _stopped(world, drawn.slot, _past_session_s(world))


@kind(8)
def join_and_leave(world: World, drawn: Drawn) -> None:
    """Another worker joins and leaves, three times; in order or by SIGKILL."""
    slot = f"guest{drawn.slot}"
    for i in range(3):
        guest = world.fleet.begin(slot)
        time.sleep(0.4 * world.session_s + drawn.seconds / 2)
        if (drawn.number + i) % 2:
            with world.fleet.left_alone(slot):
                guest.kill()
                world.fleet.forget(slot)
        else:
            world.fleet.retire(slot)


# -- broker


@kind(5, "broker")
def broker_kill(world: World, drawn: Drawn) -> None:
    """SIGKILL of a broker, started again after a while."""
    i = drawn.number % world.site.kafka.n_brokers
    world.site.kafka.kill(i)
    time.sleep(drawn.seconds)
    world.site.kafka.restart(i)


@kind(3, "broker")
def broker_pause(world: World, drawn: Drawn) -> None:
    """SIGSTOP of a broker: connections stay open, nothing is answered."""
    i = drawn.number % world.site.kafka.n_brokers
    world.site.kafka.pause(i)
    time.sleep(drawn.seconds)
    world.site.kafka.resume(i)


@kind(6, "broker")
def cut(world: World, drawn: Drawn) -> None:
    """All connections between workers and a broker are reset, and new ones refused."""
    proxy = world.site.proxies[drawn.number % len(world.site.proxies)]
    proxy.cut()
    time.sleep(drawn.seconds)
    proxy.heal()


@kind(5, "broker")
def black_hole(world: World, drawn: Drawn) -> None:
    """Nothing passes between workers and a broker for a while; then all that was held back."""
    proxy = world.site.proxies[drawn.number % len(world.site.proxies)]
    proxy.black_hole()
    time.sleep(drawn.seconds + 1.0)
    proxy.heal()


# -- store


@kind(4, "redis")
def redis_kill(world: World, drawn: Drawn) -> None:
    """SIGKILL of Redis, started again after a while."""
    world.site.redis.kill()
    time.sleep(drawn.seconds)
    world.site.redis.start()


@kind(3, "redis", "slot")
def redis_kill_then_worker(world: World, drawn: Drawn) -> None:
    """A worker dies while Redis is away: its partitions wait for Redis."""
    world.site.redis.kill()
    with world.fleet.left_alone(drawn.slot) as member:
        member.kill()
    time.sleep(drawn.seconds)
    world.site.redis.start()


@kind(3, "redis", "slots", "broker")
def redis_emptied(world: World, drawn: Drawn) -> None:
    """All keys are deleted; once they were written again, a worker dies.

    Who was replaced must be out of the group first: in a rebalance the store alone has the state.
    """
    time.sleep(_past_session_s(world))
    world.settle()
    world.store_command("FLUSHALL")
    world.settle()
    kill(world, drawn)


@kind(3, "redis", "slots", "broker")
def checkpoint_missing(world: World, drawn: Drawn) -> str | None:
    """The newest named checkpoint of a partition is deleted; workers die at once."""
    return _spoiled(world, drawn, missing=True)


@kind(3, "redis", "slots", "broker")
def checkpoint_corrupted(world: World, drawn: Drawn) -> str | None:
    """The newest named checkpoint of a partition is overwritten; workers die at once."""
    return _spoiled(world, drawn, missing=False)


@kind(3, "redis")
def redis_full(world: World, drawn: Drawn) -> None:
    """Redis refuses all writes for want of memory."""
    world.store_command("CONFIG", "SET", "maxmemory", 1)
    time.sleep(drawn.seconds)
    world.store_command("CONFIG", "SET", "maxmemory", 0)


@kind(3, "redis")
def redis_read_only(world: World, drawn: Drawn) -> None:
    """Redis becomes a replica of nobody, and takes no writes."""
    world.store_command("REPLICAOF", "127.0.0.1", 1)
    time.sleep(drawn.seconds)
    world.store_command("REPLICAOF", "NO", "ONE")


@kind(3, "redis")
def redis_black_hole(world: World, drawn: Drawn) -> None:
    """Redis answers nothing; connections stay open."""
    world.site.redis_proxy.black_hole()
    time.sleep(drawn.seconds + 2.0)
    world.site.redis_proxy.heal()


def _past_session_s(world: World) -> float:
    return world.session_s + 1.5


def _stopped(world: World, slot: str, seconds: float) -> None:
    with world.fleet.left_alone(slot) as member:
        member.signal(signal.SIGSTOP)
        time.sleep(seconds)
        member.signal(signal.SIGCONT)


def _stopped_at(world: World, drawn: Drawn, seconds: float) -> str | None:
    member = world.fleet.members[drawn.slot]
    member.order("stop", drawn.moment)
    if not member.obeyed(_MOMENT_LIMIT_S):
        return f"never came to {drawn.moment}"
    time.sleep(seconds)
    member.signal(signal.SIGCONT)
    return None


def _spoiled(world: World, drawn: Drawn, *, missing: bool) -> str | None:
    """Spoil a checkpoint that is named now, while nobody can name a newer one."""
    world.settle()
    members = [world.fleet.members[slot] for slot in world.slots]
    for member in members:
        member.signal(signal.SIGSTOP)
    try:
        time.sleep(0.2)
        key = world.newest_key(drawn.number % N_PARTITIONS)
        store = RedisStore(world.site.redis.url, world.name)
        found = [k for k in store.names(f"{key}~") + ([key] if key else []) if store.get(k)]
        for each in found[:1]:
            store.delete([each]) if missing else store.put(each, b"spoiled" * 50)
        store.close()
    finally:
        for member in members:
            member.kill()
    world.settle()
    return None if found else "no checkpoint was named"


assert MOMENTS  # the names that `Drawn.moment` takes
