"""Checkpoints: every state survives, every damage is noticed, the right one is chosen."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamadapt.checkpoint import CheckpointStore, decode, encode, environment
from streamadapt.connectors.memory import MemoryStore
from streamadapt.envelope import LIMIT_BYTES, Codec
from streamadapt.errors import (
    CorruptStateError,
    IncompatibleStateError,
    MissingStateError,
    ParameterError,
    StateError,
)
from streamadapt.state import State
from streamadapt.state_tree import MAX_DEPTH
from tests.streamadapt.states import STATES

SMALL = State("demo", 1, {"w": np.arange(6.0).reshape(2, 3), "b": np.ones(3, np.bool_), "n": 2**70})
LARGE = State("demo", 1, {"zeros": np.zeros(5000), "noise": np.random.default_rng(1).random(99)})
META = {"task": "clicks", "position": 7, "fingerprints": {"model": "f00d"}}
BLOBS = [encode(SMALL, META), encode(LARGE, META), encode(LARGE, META, "zstd")]


PINNED = "4b08683d5fd00ca9b8fff1684a5c5589da70e2454a74870a450c450b1c44e365"


def sealed(head: bytes, stored: bytes) -> bytes:
    """Return a blob with a right digest, as an attacker would make it."""
    return head + hashlib.sha256(head + stored).digest() + stored


def forged(tree: Any, arrays: bytes = b"", meta: Any = None) -> bytes:
    """Return a blob with a right digest around a tree of one's own."""
    header = msgspec.msgpack.encode([tree, {} if meta is None else meta])
    payload = header + b"\0" * (-len(header) % 8) + arrays
    return sealed(struct.pack("<4sBBHQQ", b"SADT", 1, 0, 0, len(header), len(payload)), payload)


@given(STATES, st.sampled_from([None, "none", "lz4", "zstd"]))
def test_every_state_comes_back_bit_for_bit(state: State, codec: Codec | None) -> None:
    found = decode(encode(state, META, codec))
    assert found.state.digest() == state.digest()
    assert found.meta == META


@given(STATES)
def test_equal_states_give_equal_bytes_whatever_the_order_of_their_names(state: State) -> None:
    backwards = State(state.kind, state.version, dict(reversed(list(state.values.items()))))
    assert encode(backwards, META) == encode(state, META)


def test_restored_arrays_are_writable_and_their_own() -> None:
    for state, codec in ((SMALL, "none"), (LARGE, "lz4")):
        restored = decode(encode(state, {}, codec)).state  # type: ignore[arg-type]
        for array in restored.values.values():
            if isinstance(array, np.ndarray):
                assert array.flags.writeable
                assert array.flags.c_contiguous
                assert array.flags.owndata


def test_numpy_floats_are_taken_for_numbers() -> None:
    assert decode(encode(State("k", 1, {"x": np.float64(0.1)}), {})).state.number("x") == 0.1


def test_compression_is_used_where_it_saves() -> None:
    zeros, noise = State("k", 1, {"w": np.zeros(10_000)}), np.random.default_rng(1).bytes(80_000)
    assert len(encode(zeros, {})) < 2000
    assert len(encode(zeros, {}, "none")) > 80_000
    assert 80_000 < len(encode(State("k", 1, {"w": noise}), {})) < 80_200


@settings(max_examples=300)
@given(st.sampled_from(BLOBS), st.data())
def test_one_changed_byte_anywhere_is_noticed(blob: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(blob) - 1))
    changed = bytearray(blob)
    changed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CorruptStateError):
        decode(bytes(changed))


@settings(max_examples=200)
@given(st.sampled_from(BLOBS), st.data())
def test_a_lost_end_is_noticed_wherever_it_begins(blob: bytes, data: st.DataObject) -> None:
    with pytest.raises(CorruptStateError):
        decode(blob[: data.draw(st.integers(0, len(blob) - 1))])


@given(st.sampled_from(BLOBS), st.binary(min_size=1))
def test_something_at_the_end_is_noticed(blob: bytes, rest: bytes) -> None:
    with pytest.raises(CorruptStateError):
        decode(blob + rest)


@given(st.binary(max_size=300))
def test_bytes_that_are_no_checkpoint_are_refused(junk: bytes) -> None:
    for blob in (junk, b"SADT" + junk, sealed(BLOBS[0][:24], junk)):
        with pytest.raises(CorruptStateError):
            decode(blob)


def test_a_newer_format_is_told_from_damage() -> None:
    head = b"SADT" + bytes([2]) + BLOBS[0][5:24]
    with pytest.raises(IncompatibleStateError, match="format 2"):
        decode(sealed(head, BLOBS[0][56:]))
    with pytest.raises(CorruptStateError):
        decode(head + BLOBS[0][24:])


FORGERIES: dict[str, bytes] = {
    "objects": forged(["S", "k", 1, {"x": ["A", "|O", [1], 0]}], bytes(8)),
    "texts as an array": forged(["S", "k", 1, {"x": ["A", "<U1", [2], 0]}], bytes(8)),
    "big-endian": forged(["S", "k", 1, {"x": ["A", ">f8", [1], 0]}], bytes(8)),
    "more than is there": forged(["S", "k", 1, {"x": ["A", "<f8", [10**9], 0]}], bytes(8)),
    "far more": forged(["S", "k", 1, {"x": ["A", "<f8", [2**40, 2**40, 2**40], 0]}], bytes(8)),
    "less than is there": forged(["S", "k", 1, {"x": ["A", "<f8", [1], 0]}], bytes(16)),
    "an impossible empty shape": forged(["S", "k", 1, {"x": ["A", "<f8", [0, 2**62, 2**62], 0]}]),
    "a negative length": forged(["S", "k", 1, {"x": ["A", "<f8", [-1], 0]}], bytes(8)),
    "a negative offset": forged(["S", "k", 1, {"x": ["A", "<f8", [1], -8]}], bytes(8)),
    "a truth as a length": forged(["S", "k", 1, {"x": ["A", "<f8", [True], 0]}], bytes(8)),
    "too many dimensions": forged(["S", "k", 1, {"x": ["A", "<f8", [1] * 65, 0]}], bytes(8)),
    "the same bytes twice": forged(
        ["S", "k", 1, {n: ["A", "<f8", [1], 0] for n in "ab"}], bytes(8)
    ),
    "the same bytes twice, and others never": forged(
        ["S", "k", 1, {n: ["A", "<f8", [1], 0] for n in "ab"}], bytes(16)
    ),
    "truth values of 2": forged(["S", "k", 1, {"x": ["A", "|b1", [8], 0]}], b"\2" * 8),
    "no state": forged(7),
    "an array as root": forged(["A", "<f8", [1], 0], bytes(8)),
    "an unknown letter": forged(["S", "k", 1, {"x": ["X", 1]}]),
    "a time": forged(["S", "k", 1, {"x": msgspec.msgpack.Ext(-1, bytes(4))}]),
    "an extension": forged(["S", "k", 1, {"x": msgspec.msgpack.Ext(5, b"code")}]),
    "a number as a name": forged(["S", "k", 1, {7: 1}]),
    "meta that is no mapping": forged(["S", "k", 1, {}], meta=[1, 2]),
    "meta of a wrong kind": forged(["S", "k", 1, {}], meta={"task": 0.5}),
    "meta with a wrong name": forged(["S", "k", 1, {}], meta={5: {"a": "b"}}),
}


@pytest.mark.parametrize("what", FORGERIES)
def test_a_forged_blob_with_a_right_digest_is_refused(what: str) -> None:
    with pytest.raises(CorruptStateError):
        decode(FORGERIES[what])


@settings(max_examples=300)
@given(st.binary(max_size=80))
def test_any_header_under_a_right_digest_is_read_or_refused(header: bytes) -> None:
    head = struct.pack("<4sBBHQQ", b"SADT", 1, 0, 0, len(header), len(header))
    with pytest.raises(CorruptStateError):
        decode(sealed(head, header))


def test_nesting_without_end_is_refused_in_both_directions() -> None:
    deep: Any = ["S", "k", 1, {}]
    state = State("k", 1)
    for _ in range(MAX_DEPTH - 1):
        deep, state = ["S", "k", 1, {"x": deep}], State("k", 1, {"x": state})
    assert decode(forged(deep)).state.digest() == decode(encode(state, {})).state.digest()
    with pytest.raises(CorruptStateError):
        decode(forged(["S", "k", 1, {"x": deep}]))
    with pytest.raises(StateError, match="nested"):
        encode(State("k", 1, {"x": state}), {})
    brackets = b"\x91" * 100_000
    head = struct.pack("<4sBBHQQ", b"SADT", 1, 0, 0, len(brackets), len(brackets))
    with pytest.raises(CorruptStateError):
        decode(sealed(head, brackets))


@pytest.mark.parametrize("claimed", [0, 100, 1 << 26, LIMIT_BYTES + 1, 2**63])
def test_a_wrong_length_before_compression_is_refused(claimed: int) -> None:
    stored = pa.compress(bytes(1 << 24), codec="zstd", asbytes=True)
    head = struct.pack("<4sBBHQQ", b"SADT", 1, 2, 0, 10, claimed)
    with pytest.raises(CorruptStateError):
        decode(sealed(head, stored))


def test_bytes_that_do_not_decompress_are_refused() -> None:
    for codec in (1, 2, 3):
        head = struct.pack("<4sBBHQQ", b"SADT", 1, codec, 0, 10, 100)
        with pytest.raises(CorruptStateError):
            decode(sealed(head, b"no frame of any kind"))


def test_what_is_no_kind_of_state_is_not_written() -> None:
    for value in ([1], np.array(["a"]), np.zeros(2, ">f8")):
        with pytest.raises(TypeError, match="not a kind of state"):
            encode(State("k", 1, {"x": value}), {})  # type: ignore[dict-item]


def test_the_bytes_of_this_format_are_pinned() -> None:
    state = State("demo", 1, {"w": np.arange(3.0), "n": 7, "child": State("c", 2, {"t": "é"})})
    assert hashlib.sha256(encode(state, {"task": "t"})).hexdigest() == PINNED


def test_the_environment_names_versions_and_cpu() -> None:
    found = environment()
    assert found["numpy"] == np.__version__
    assert all(found.values())
    found["cpu"] = "changed"
    assert environment()["cpu"] != "changed"


# The store of checkpoints.


def state(n: int) -> State:
    return State("demo", 1, {"n": n})


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def checkpoints(store: MemoryStore) -> CheckpointStore:
    return CheckpointStore(store, "clicks-0", keep=2)


def damage(store: MemoryStore, place: int) -> None:
    """Change a byte of the blob at that place in the order of names."""
    key = store.names()[place]
    store.blobs[key] = store.blobs[key][:-1] + bytes([store.blobs[key][-1] ^ 1])


def test_a_saved_checkpoint_is_loaded_by_its_name(checkpoints: CheckpointStore) -> None:
    name = checkpoints.save(500, state(7), {"model": "f00d"})
    found = checkpoints.load(name)
    assert found.state.digest() == state(7).digest()
    assert (found.position, found.task) == (500, "clicks-0")
    assert (found.fingerprints, found.environment) == ({"model": "f00d"}, environment())


def test_a_name_is_the_position_and_what_the_blob_holds(
    store: MemoryStore, checkpoints: CheckpointStore
) -> None:
    first, again = (checkpoints.save(500, state(7), {}) for _ in range(2))
    other = checkpoints.save(500, state(8), {})
    assert first == again != other
    assert first.startswith("500:")
    assert store.names() == sorted(f"clicks-0/{500:020d}:{n[4:]}" for n in (first, other))


def test_a_checkpoint_that_is_there_is_not_written_again_unless_it_is_damaged(
    store: MemoryStore, checkpoints: CheckpointStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = checkpoints.save(500, state(7), {})
    damage(store, 0)
    assert checkpoints.save(500, state(7), {}) == name
    assert checkpoints.load(name).state.integer("n") == 7
    monkeypatch.setattr(store, "put", None)
    assert checkpoints.save(500, state(7), {}) == name


def test_the_latest_is_that_of_the_greatest_position(checkpoints: CheckpointStore) -> None:
    assert checkpoints.latest() is None
    for position in (9, 1000, 200, 0):
        checkpoints.save(position, state(position), {})
    found = checkpoints.latest()
    assert found is not None
    assert (found.checkpoint.position, found.problems) == (1000, ())
    assert [name.split(":")[0] for name in checkpoints.names()] == ["0", "9", "200", "1000"]


def test_a_damaged_one_is_passed_over_and_told(
    store: MemoryStore, checkpoints: CheckpointStore
) -> None:
    for position in (1, 2, 3):
        checkpoints.save(position, state(position), {})
    damage(store, -1)
    found = checkpoints.latest()
    assert found is not None
    assert found.checkpoint.position == 2
    [problem] = found.problems
    assert isinstance(problem, CorruptStateError)
    assert store.names()[-1] in str(problem)


def test_if_none_can_be_read_that_is_an_error_and_not_a_fresh_start(
    store: MemoryStore, checkpoints: CheckpointStore
) -> None:
    for position in (1, 2):
        checkpoints.save(position, state(position), {})
    damage(store, 0)
    damage(store, 1)
    with pytest.raises(CorruptStateError, match=r"0002:.*0001:"):
        checkpoints.latest()


def test_of_named_ones_only_those_are_chosen(checkpoints: CheckpointStore) -> None:
    names = [checkpoints.save(position, state(position), {}) for position in (1, 2, 3)]
    found = checkpoints.latest(names[:2])
    assert found is not None
    assert found.name == names[1]
    found = checkpoints.latest([names[0], f"99:{'0' * 16}"])
    assert found is not None
    assert found.name == names[0]
    assert [type(problem) for problem in found.problems] == [MissingStateError]
    with pytest.raises(MissingStateError):
        checkpoints.latest([f"99:{'0' * 16}"])


def test_one_of_a_newer_release_is_not_passed_over(
    store: MemoryStore, checkpoints: CheckpointStore
) -> None:
    checkpoints.save(1, state(1), {})
    checkpoints.save(2, state(2), {})
    key = store.names()[-1]
    blob = store.blobs.pop(key)
    newer = sealed(b"SADT" + bytes([9]) + blob[5:24], blob[56:])
    store.blobs[key.rpartition(":")[0] + f":{newer[24:32].hex()}"] = newer
    with pytest.raises(IncompatibleStateError, match="format 9"):
        checkpoints.latest()


def test_a_missing_one_is_told_from_a_damaged_one(
    store: MemoryStore, checkpoints: CheckpointStore
) -> None:
    name = checkpoints.save(1, state(1), {})
    damage(store, 0)
    with pytest.raises(CorruptStateError, match="clicks-0/"):
        checkpoints.load(name)
    store.delete(store.names())
    with pytest.raises(MissingStateError, match="clicks-0/"):
        checkpoints.load(name)


@pytest.mark.parametrize("name", ["", "1", "x:y", "1:ABCDEF0123456789", "01:0123456789abcdef"])
def test_what_is_no_name_is_missing(checkpoints: CheckpointStore, name: str) -> None:
    with pytest.raises(MissingStateError, match="not the name"):
        checkpoints.load(name)


def test_a_blob_under_anothers_name_is_refused(
    store: MemoryStore, checkpoints: CheckpointStore
) -> None:
    names = [checkpoints.save(position, state(position), {}) for position in (1, 2)]
    first, second = store.names()
    store.blobs[second] = store.blobs[first]
    with pytest.raises(CorruptStateError, match="holds"):
        checkpoints.load(names[1])
    store.blobs[second] = b""
    with pytest.raises(CorruptStateError, match="holds another, empty"):
        checkpoints.load(names[1])
    other = CheckpointStore(store, "other")
    store.put(first.replace("clicks-0", "other"), store.blobs[first])
    with pytest.raises(CorruptStateError, match="holds"):
        other.load(names[0])


def test_tasks_with_names_that_begin_alike_do_not_see_each_other(store: MemoryStore) -> None:
    tasks = ["a", "a/b", "ab", f"a/{1:020d}:{'0' * 16}"]
    names = [CheckpointStore(store, task).save(1, state(i), {}) for i, task in enumerate(tasks)]
    for task, name in zip(tasks, names, strict=True):
        assert CheckpointStore(store, task).names() == [name]
    CheckpointStore(store, "a", keep=1).retain()
    assert len(store.names()) == 4


def test_all_but_the_last_and_the_named_are_deleted(checkpoints: CheckpointStore) -> None:
    names = [checkpoints.save(position, state(position), {}) for position in range(6)]
    checkpoints.retain([names[1], "99:absent"])
    assert checkpoints.names() == [names[1], names[4], names[5]]
    checkpoints.retain()
    assert checkpoints.names() == names[4:]


def test_nothing_is_deleted_before_it_is_asked_for(checkpoints: CheckpointStore) -> None:
    for position in range(6):
        checkpoints.save(position, state(position), {})
    assert len(checkpoints.names()) == 6


@pytest.mark.parametrize(
    "wrong",
    [
        lambda store: CheckpointStore(store, "t", keep=0),
        lambda store: CheckpointStore(store, "t").save(-1, state(1), {}),
        lambda store: CheckpointStore(store, "t").save(10**19, state(1), {}),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    store: MemoryStore, wrong: Callable[[MemoryStore], object]
) -> None:
    with pytest.raises(ParameterError):
        wrong(store)


def test_a_blob_of_another_name_is_not_even_unpacked(
    store: MemoryStore, checkpoints: CheckpointStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = checkpoints.save(1, state(1), {})
    [key] = store.names()
    store.blobs[key] = forged(["S", "demo", 1, {"n": [None] * 1_000_000}])

    def unpacked(blob: bytes) -> None:
        raise AssertionError("what somebody put there was unpacked")

    monkeypatch.setattr("streamadapt.checkpoint.decode", unpacked)
    with pytest.raises(CorruptStateError, match="holds another"):
        checkpoints.load(name)
