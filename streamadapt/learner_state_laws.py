"""The laws of a learner's state: it is data, a copy, complete, and stops growing."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator

from streamadapt.contracts import (
    Learner,
)
from streamadapt.law_evidence import (
    agree,
    feed,
    refuses_or_becomes,
    require,
    same_bits,
    same_state,
    spoilt,
    through_bytes,
)
from streamadapt.law_streams import Stream, cuts, stream_for
from streamadapt.state import State

__all__ = ["LEARNER_STATE_LAWS"]

Make = Callable[[], Learner]

# State and heap may grow this much where a leak of a single number per row would grow by more.
_STATE_SLACK_BYTES = 4096
_HEAP_SLACK_BYTES = 48 * 1024
_MANY_ROWS = 10_000


def a_restored_learner_goes_on_bit_for_bit(make: Make) -> None:
    """Written as a checkpoint, read and restored, it has the same digest and the same future."""
    for rows in (0, 303):
        original, fresh = make(), make()
        first, second = _with_past(original, rows)
        _goes_on_like(original, fresh, second, f"restored after {len(first)} rows")


def a_used_learner_can_be_restored(make: Make) -> None:
    """Nothing of what it was before shows through."""
    original, used = make(), make()
    _, second = _with_past(original, 700)
    feed(used, stream_for(used, 900, seed=8))
    used.adapt(second.X[:50].copy())
    _goes_on_like(original, used, second, "restored over another past")


def _with_past(learner: Learner, rows: int) -> tuple[Stream, Stream]:
    stream = stream_for(learner)
    first, second = stream.part(0, rows), stream.part(rows, len(stream))
    if rows:
        feed(learner, first)
        learner.adapt(first.X[-70:].copy())
    return first, second


def _goes_on_like(original: Learner, other: Learner, rest: Stream, when: str) -> None:
    other.restore(through_bytes(original.state()))
    agree(original, other, when)
    same_bits(feed(original, rest), feed(other, rest), f"predictions when {when}")
    agree(original, other, f"{when}, and after {len(rest)} more rows")


def a_state_that_does_not_fit_is_refused_and_changes_nothing(make: Make) -> None:
    """Another kind or version, a lost value or a wrong length: `StateError`, or restored as is.

    If what was lost is known anyway, all may be restored.
    """
    writer, reader = make(), make()
    feed(writer, stream_for(writer, 700))
    feed(reader, stream_for(reader, 300, seed=8))
    whole = writer.state()
    for what, state in spoilt(whole):
        refuses_or_becomes(reader, state, f"a state {what}", whole)


def a_state_is_a_copy(make: Make) -> None:
    """Neither the learner that gave it, nor one restored from it, changes it by going on."""
    learner, other = make(), make()
    first, second = stream_for(learner).halves()
    feed(learner, first)
    state = learner.state()
    digest = state.digest()
    other.restore(state)
    feed(learner, second)
    require(state.digest() == digest, "learning changed a state that was taken before")
    feed(other, second)
    require(state.digest() == digest, "a restored learner changed the state it was restored from")
    agree(learner, other, "restored from a state in memory")


def a_state_is_data(make: Make) -> None:
    """As such it can be written, and holds no bytes that could be a pickle, unless signed."""
    learner = make()
    feed(learner, stream_for(learner, 500))
    state = learner.state()
    same_state(state, through_bytes(state), "written as a checkpoint and read again")
    raw = list(_raw(state))
    require(not raw, f"bytes without a signature in the state: {', '.join(raw)}")


def _raw(state: State) -> Iterator[str]:
    """Yield the names of bytes that have no `signature` beside them."""
    for name, value in state.values.items():
        if isinstance(value, State):
            yield from _raw(value)
        elif isinstance(value, bytes) and "signature" not in state.values:
            yield f"{state.kind}.{name}"


def memory_stops_growing(make: Make) -> None:
    """After 10,000 rows another 10,000 need no more of state or heap."""
    learner = make()
    stream = stream_for(learner, _MANY_ROWS)
    spans = list(cuts(len(stream), 1000))
    feed(learner, stream, spans)
    early = learner.state().nbytes()
    heap_growth = _heap_growth(lambda: feed(learner, stream, spans))
    late = learner.state().nbytes()
    require(late <= 1.05 * early + _STATE_SLACK_BYTES, f"state grew from {early} to {late} bytes")
    require(
        heap_growth <= max(_HEAP_SLACK_BYTES, early),
        f"the heap grew by {heap_growth} bytes, the state has {late}",
    )


def _heap_growth(work: Callable[[], object]) -> int:
    """Bytes that are still held after `work` and were not before."""
    tracemalloc.start()
    try:
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        work()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


LEARNER_STATE_LAWS = (
    a_restored_learner_goes_on_bit_for_bit,
    a_used_learner_can_be_restored,
    a_state_that_does_not_fit_is_refused_and_changes_nothing,
    a_state_is_a_copy,
    a_state_is_data,
    memory_stops_growing,
)
