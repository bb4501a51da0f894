"""Chains of deltas: what they cost, what they need, and what is kept and swept for them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamadapt.checkpoint import MAX_DELTAS, CheckpointStore, decode, encode
from streamadapt.checkpoint_names import bases_of, chain
from streamadapt.connectors.memory import MemoryStore
from streamadapt.errors import CorruptStateError, MissingStateError, ParameterError, StateError
from streamadapt.state import State
from streamadapt.sweeping import sweep, tasks

TASK = "clicks-0"
OLD = Path(__file__).parent / "checkpoints" / "before_deltas.bin"
DIGEST = "d10af5141652ff788f25503fa85c3668b3eb099d8ae390b7e98cb0efc4a6fc81"
ROWS = np.random.default_rng(1).random((1000, 16))


def bank(n: int) -> State:
    """Return the state after `n` steps: each touched a row of a thousand."""
    rows = ROWS.copy()
    rows[:n] += 1
    return State("bank", 1, {"rows": rows, "n": n})


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def opened(store: MemoryStore, deltas: int = 16, keep: int = 3) -> CheckpointStore:
    return CheckpointStore(store, TASK, keep, deltas)


def saved(checkpoints: CheckpointStore, *steps: int) -> list[str]:
    return [checkpoints.save(n, bank(n), {"model": "f00d"}) for n in steps]


def key(store: MemoryStore, name: str) -> str:
    position, digest = name.split(":")
    [found] = store.names(f"{TASK}/{int(position):020d}:{digest}")
    return found


def links(store: MemoryStore, name: str) -> list[str]:
    return chain(name, bases_of(TASK, store.names()))


def test_a_delta_costs_what_was_touched_and_is_loaded_by_its_name(store: MemoryStore) -> None:
    names = saved(opened(store), 1, 2, 3)
    full, *deltas = (len(store.blobs[key(store, name)]) for name in names)
    assert full > 128_000
    assert max(deltas) < 2000
    for deltas_of_reader in (0, 16):
        for n, name in enumerate(names, 1):
            found = opened(store, deltas_of_reader).load(name)
            assert found.state.digest() == bank(n).digest()
            assert (found.position, found.fingerprints) == (n, {"model": "f00d"})
    assert opened(store).names() == names


def test_without_deltas_every_checkpoint_is_full(store: MemoryStore) -> None:
    names = saved(CheckpointStore(store, TASK), 1, 2)
    assert [links(store, name) for name in names] == [[name] for name in names]
    assert all(decode(blob).base is None for blob in store.blobs.values())


@pytest.mark.parametrize("deltas", [1, 3, 16])
def test_after_so_many_deltas_there_is_a_full_one(store: MemoryStore, deltas: int) -> None:
    names = saved(opened(store, deltas), *range(40))
    lengths = [len(links(store, name)) for name in names]
    assert lengths == [1 + n % (deltas + 1) for n in range(40)]


def test_a_delta_that_would_not_save_is_a_full_one(store: MemoryStore) -> None:
    names = saved(opened(store), 0, 600, 601)
    assert [len(links(store, name)) for name in names] == [1, 1, 2]


def test_deltas_are_together_no_larger_than_what_they_build_on(store: MemoryStore) -> None:
    names = saved(opened(store), 0, 400, 800, 1000)
    assert [len(links(store, name)) for name in names] == [1, 2, 3, 1]


def test_a_state_that_compresses_well_is_not_made_larger_by_a_delta(store: MemoryStore) -> None:
    checkpoints, zeros = opened(store), np.zeros(100_000)
    checkpoints.save(1, State("k", 1, {"w": zeros}), {})
    noise = zeros.copy()
    noise[:5000] = ROWS.reshape(-1)[:5000]
    name = checkpoints.save(2, State("k", 1, {"w": noise}), {})
    assert links(store, name) == [name]


def test_a_restored_task_goes_on_with_deltas(store: MemoryStore) -> None:
    names = saved(opened(store), 1, 2)
    restored = opened(store)
    restored.load(names[1])
    [third] = saved(restored, 3)
    assert links(store, third) == [third, *names[::-1]]
    assert opened(store).load(third).state.digest() == bank(3).digest()


def test_one_that_restarts_from_an_earlier_one_branches_off(store: MemoryStore) -> None:
    first = saved(opened(store), 1, 2, 3)
    other = opened(store)
    other.load(first[1])
    state = State("bank", 1, {"rows": bank(9).array("rows"), "n": -1})
    name = other.save(3, state, {})
    assert links(store, name) == [name, first[1], first[0]]
    assert opened(store).load(name).state.digest() == state.digest()
    assert opened(store).load(first[2]).state.digest() == bank(3).digest()


def test_a_state_saved_again_at_its_position_or_before_is_full(store: MemoryStore) -> None:
    checkpoints = opened(store)
    names = saved(checkpoints, 5)
    names += [checkpoints.save(5, bank(6), {}), checkpoints.save(4, bank(4), {})]
    assert [len(links(store, name)) for name in names] == [1, 1, 1]


def test_arrays_that_were_written_into_after_saving_spoil_nothing(store: MemoryStore) -> None:
    checkpoints, state = opened(store), bank(1)
    checkpoints.save(1, state, {})
    state.values["rows"][7] = 99.0  # type: ignore[index,call-overload]
    [second] = saved(checkpoints, 2)
    assert opened(store).load(second).state.digest() == bank(2).digest()


def test_arrays_of_a_loaded_state_may_be_written_into(store: MemoryStore) -> None:
    checkpoints = opened(store)
    found = checkpoints.load(saved(checkpoints, 1, 2)[1])
    found.state.values["rows"][7] = 99.0  # type: ignore[index,call-overload]
    [third] = saved(checkpoints, 3)
    assert opened(store).load(third).state.digest() == bank(3).digest()


def test_after_a_wipe_the_next_one_is_full(store: MemoryStore) -> None:
    checkpoints = opened(store)
    saved(checkpoints, 1, 2)
    store.blobs.clear()
    names = saved(checkpoints, 3, 4)
    assert checkpoints.names() == names
    assert [len(links(store, name)) for name in names] == [1, 2]


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_lost_link_is_said_with_its_name_and_an_older_one_is_found(
    store: MemoryStore, lost: int
) -> None:
    checkpoints = opened(store)
    names = saved(checkpoints, 1, 2, 3, 4)
    store.delete([key(store, names[lost])])
    with pytest.raises(MissingStateError, match=names[lost].split(":")[1] + ".*builds"):
        checkpoints.load(names[3])
    [fifth] = saved(checkpoints, 5)
    assert links(store, fifth) == [fifth]
    if lost:
        found = checkpoints.latest(names)
        assert found is not None
        assert found.name == names[lost - 1]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_damaged_link_is_said_with_its_name(store: MemoryStore, place: int) -> None:
    names = saved(opened(store), 1, 2, 3)
    damaged = key(store, names[place])
    store.blobs[damaged] = store.blobs[damaged][:-1] + bytes([store.blobs[damaged][-1] ^ 1])
    with pytest.raises(CorruptStateError, match=names[place].split(":")[1]):
        opened(store).load(names[2])


def forge(store: MemoryStore, name: str, **facts: str) -> str:
    """Write that delta again with other facts, under the name that it then has."""
    there = decode(store.blobs[key(store, name)])
    blob = encode(there.state, {**there.meta, **facts})
    digest = blob[24:32].hex()
    base = facts.get("base", there.base)
    store.put(f"{TASK}/{there.position:020d}:{digest}~{base}", blob)
    return f"{there.position}:{digest}"


def test_a_chain_that_ends_with_another_state_is_refused(store: MemoryStore) -> None:
    names = saved(opened(store), 1, 2, 3)
    with pytest.raises(CorruptStateError, match="another state"):
        opened(store).load(forge(store, names[2], checksum="0" * 32))
    with pytest.raises(CorruptStateError, match="another state"):
        opened(store).load(forge(store, names[2], base=names[0]))


def test_a_delta_whose_key_tells_another_base_is_refused(store: MemoryStore) -> None:
    names = saved(opened(store), 1, 2)
    blob = store.blobs.pop(key(store, names[1]))
    position, digest = names[1].split(":")
    store.put(f"{TASK}/{int(position):020d}:{digest}~1:{'0' * 16}", blob)
    with pytest.raises(CorruptStateError, match="holds"):
        opened(store).load(names[1])


def test_what_is_kept_is_kept_with_what_it_builds_on(store: MemoryStore) -> None:
    checkpoints = opened(store, deltas=4, keep=1)
    names = saved(checkpoints, *range(13))  # full ones: 0, 5, 10
    checkpoints.retain([names[7]])
    assert checkpoints.names() == [*names[5:8], *names[10:]]
    for name in (names[7], names[12]):
        assert opened(store).load(name).state.digest() == bank(int(name.split(":")[0])).digest()
    checkpoints.retain()
    assert checkpoints.names() == names[10:]


def test_discarding_leaves_what_others_build_on(store: MemoryStore) -> None:
    checkpoints = opened(store)
    names = saved(checkpoints, 1, 2, 3)
    checkpoints.discard([names[0], names[2]])
    assert checkpoints.names() == names[:2]
    checkpoints.discard(names[:2])
    assert checkpoints.names() == []


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_saved_loaded_lost_and_swept_what_is_named_is_there(
    data: st.DataObject,
) -> None:
    store = MemoryStore()
    checkpoints = opened(store, data.draw(st.integers(0, 3)), keep=1)
    expected: dict[str, str] = {}
    position = 0
    for _ in range(data.draw(st.integers(1, 12))):
        position += 1
        what = data.draw(st.sampled_from(["save", "save", "save", "load", "retain", "sweep"]))
        there = [name for name in expected if name in checkpoints.names()]
        if what == "save" or not there:
            n = data.draw(st.integers(0, 1000))
            name = checkpoints.save(position, bank(n), {})
            expected[name] = bank(n).digest()
            continue
        name = data.draw(st.sampled_from(there))
        if what == "load":
            assert checkpoints.load(name).state.digest() == expected[name]
        elif what == "retain":
            checkpoints.retain([name])
        else:
            sweep(store, TASK, [name], 0.0)
        assert opened(store).load(name).state.digest() == expected[name]
    for name in checkpoints.names():
        assert opened(store).load(name).state.digest() == expected[name]


@pytest.mark.parametrize("deltas", [-1, MAX_DELTAS + 1])
def test_a_number_of_deltas_that_makes_no_sense_is_refused(store: MemoryStore, deltas: int) -> None:
    with pytest.raises(ParameterError, match="deltas"):
        opened(store, deltas)


def test_a_checkpoint_written_before_there_were_deltas_is_loaded_and_built_on() -> None:
    old = f"{TASK}/{500:020d}:bdb727ca38ceb5a1"
    store = MemoryStore({old: OLD.read_bytes()})
    checkpoints = opened(store)
    assert checkpoints.names() == ["500:bdb727ca38ceb5a1"]
    found = checkpoints.load("500:bdb727ca38ceb5a1")
    assert found.state.digest() == DIGEST
    assert found.fingerprints == {"model": "f00d"}
    name = checkpoints.save(501, found.state, {})
    assert opened(store).load(name).state.digest() == found.state.digest()


# Sweeping.


class AgedStore(MemoryStore):
    """A store with neighbours, whose blobs are as old as is said."""

    def __init__(self, age_s: float | None) -> None:
        super().__init__()
        self._age_s = age_s

    def identity(self) -> str | None:
        return None

    def age_s(self, name: str) -> float | None:
        return self._age_s

    def sweep(self, grace_s: float) -> int:
        return 0


def test_orphans_before_the_newest_named_one_are_swept(store: MemoryStore) -> None:
    checkpoints = opened(store, deltas=0)
    names = saved(checkpoints, *range(6))
    assert sweep(store, TASK, [names[1], names[4]], 60.0) == [names[0], names[2], names[3]]
    assert checkpoints.names() == [names[1], names[4], names[5]]


@pytest.mark.parametrize(("age_s", "goes"), [(59.0, False), (61.0, True), (None, False)])
def test_one_that_may_yet_be_named_is_swept_only_after_the_grace(
    age_s: float | None, goes: bool
) -> None:
    store = AgedStore(age_s)
    names = saved(opened(store, deltas=0), 1, 2)
    other = opened(store, deltas=0).save(1, bank(9), {})
    assert set(sweep(store, TASK, [names[0]], 60.0)) == ({names[1], other} if goes else set())


def test_what_a_young_orphan_builds_on_is_left(store: MemoryStore) -> None:
    checkpoints = opened(store)
    names = saved(checkpoints, 1, 2, 5)
    full = opened(store).save(4, bank(700), {})
    assert sweep(store, TASK, [full], 0.0) == []
    store.delete([key(store, names[2])])
    assert sweep(store, TASK, [full], 0.0) == names[:2]


@pytest.mark.parametrize("named", [[], ["9:0123456789abcdef"], ["no name"]])
def test_nothing_is_swept_while_an_operator_may_have_to_choose(
    store: MemoryStore, named: Collection[str]
) -> None:
    names = saved(opened(store), 1, 2)
    assert sweep(store, TASK, named, 0.0) == []
    store.delete([key(store, names[0])])
    assert sweep(store, TASK, [names[1]], 0.0) == []


def test_other_tasks_are_listed_and_left_alone(store: MemoryStore) -> None:
    other = CheckpointStore(store, "gone/3", deltas=16)
    for n in (1, 2):
        other.save(n, bank(n), {})
    names = saved(opened(store), 1, 700)
    store.put("something else", b"x")
    assert sweep(store, TASK, names[1:], 0.0) == names[:1]
    assert tasks(store) == {TASK: 1, "gone/3": 2}


def test_errors_of_a_link_keep_their_kind(store: MemoryStore) -> None:
    names = saved(opened(store), 1, 2)
    there = decode(store.blobs[key(store, names[1])])
    blob = encode(State("delta", 2), there.meta)
    store.put(f"{TASK}/{2:020d}:{blob[24:32].hex()}~{names[0]}", blob)
    with pytest.raises(StateError, match="version 2"):
        opened(store).load(f"2:{blob[24:32].hex()}")
