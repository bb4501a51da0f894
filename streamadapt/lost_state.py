"""State that belongs to committed offsets and cannot be had: how it is told, and the choices."""

from __future__ import annotations

from collections.abc import Mapping

from streamadapt.connectors.partition_log import Committed
from streamadapt.errors import CorruptStateError, MissingStateError
from streamadapt.tag import Tag

__all__ = ["LostStateError", "choices", "out_of_log", "unreadable"]


class LostStateError(MissingStateError):
    """The state that belongs to the committed offsets cannot be had exactly; says what to do."""


def out_of_log(
    topics: Mapping[str, str],
    partition: int,
    committed: Mapping[str, Committed | None],
    bounds: Mapping[str, tuple[int, int]],
) -> str | None:
    """Say which committed offset its log does not hold, if any.

    Parameters
    ----------
    topics
        {input's letter: topic}.
    partition
        Its number.
    committed
        What the group committed of each input.
    bounds
        First offset of each log, and the one after its last.

    Examples
    --------
    >>> out_of_log({"e": "events"}, 0, {"e": Committed(5)}, {"e": (0, 9)}) is None
    True
    >>> "records 5 to 7" in out_of_log({"e": "events"}, 0, {"e": Committed(5)}, {"e": (8, 9)})
    True
    """
    for kind, (start, end) in bounds.items():
        place = committed[kind]
        topic = f"{topics[kind]}[{partition}]"
        if place is not None and place.offset < start:
            return (
                f"{topic}: retention passed the committed offset: records {place.offset} to "
                f"{start - 1} are gone, and were never taken"
            )
        if place is not None and place.offset > end:
            return (
                f"{topic}: the log ends at {end}, before the committed offset {place.offset}: "
                "the topic was made anew, or the broker lost data"
            )
    return None


def unreadable(tag: str) -> str | None:
    """Say why a tag says nothing, if so; raises `IncompatibleStateError` for a newer release's."""
    if not tag:
        return "offsets were committed without a tag, by another program perhaps"
    try:
        Tag.read(tag)
    except CorruptStateError as error:
        return str(error)
    return None


def choices(partition: int, problem: str, places: str) -> str:
    """Return what an operator is told."""
    return (
        f"partition {partition}: its state is lost: {problem}.  It stands at {places}.  Choose: "
        "--on-lost-state rebuild learns again, silently, from what the log still holds; "
        "--on-lost-state reset goes on from there with nothing learned; or bring the checkpoint "
        "back into the store and start again"
    )
