"""Late labels, slow and obvious: one event at a time, a list of labels on their way."""

from __future__ import annotations

from collections.abc import Sequence

Step = tuple[str, int]


def by_events(labels: Sequence[float | None], delay: int) -> list[Step]:
    steps: list[Step] = []
    for i in range(len(labels)):
        steps.append(("event", i))
        if i >= delay and labels[i - delay] is not None:
            steps.append(("label", i - delay))
    return steps + [
        ("label", i)
        for i in range(max(0, len(labels) - delay), len(labels))
        if labels[i] is not None
    ]


def by_seconds(labels: Sequence[float | None], times: Sequence[float], delay: float) -> list[Step]:
    steps: list[Step] = []
    waiting: list[int] = []
    now = float("-inf")
    for i, time in enumerate(times):
        now = max(now, time)
        due = [j for j in waiting if times[j] + delay < now]
        steps += [("label", j) for j in due]
        waiting = [j for j in waiting if j not in due]
        steps.append(("event", i))
        if labels[i] is not None:
            waiting.append(i)
    return steps + [("label", j) for j in waiting]
