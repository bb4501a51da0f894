"""The label join, slow and obvious: a list of waiting events, a list of early labels."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamadapt.labels import LabelLimits


@dataclass(eq=False)
class Waiting:
    id: int
    time: int | None
    label: float | None
    row: int
    labelled: bool = False
    number: int = 0


@dataclass
class NaiveJoin:
    limits: LabelLimits
    events: list[Waiting] = field(default_factory=list)
    early: list[Waiting] = field(default_factory=list)
    remembered: list[Waiting] = field(default_factory=list)
    n_events: int = 0
    n_early: int = 0
    watermark: int | None = None
    refused: int | None = None
    steps: list[tuple[object, ...]] = field(default_factory=list)
    drops: list[tuple[int, str]] = field(default_factory=list)
    n_expired: int = 0

    def event(self, position: int, id: int, time: int | None, label: float | None) -> None:
        if self._found(self.events, id):
            self.drops.append((position, "duplicate"))
            return
        behind = self.watermark is not None and time is not None and self.watermark - time
        lateness = self.limits.allowed_lateness_s
        if behind and lateness is not None and behind > lateness * 1e6:
            self.drops.append((position, "too_late"))
            return
        if self._is_too_early(time):
            self.refused = time
            self.drops.append((position, "too_early"))
            return
        self.refused = None
        if time is not None:
            self.watermark = time if self.watermark is None else max(time, self.watermark)
        early = self._found(self.early, id)
        if early:
            label = early.label if label is None else label
            self.early.remove(early)
        event = Waiting(id, time, label, position, label is not None, self.n_events)
        self.events.append(event)
        self.n_events += 1
        if event.labelled:
            self._remember(event)
        self.steps.append(("predict", position, label))
        self._evict()

    def label(self, position: int, id: int, time: int | None, label: float | None) -> None:
        if label is None:
            self.drops.append((position, "no_label"))
            return
        event, early = self._found(self.events, id), self._found(self.early, id)
        known = event if event and event.labelled else early
        if event and not event.labelled:
            if self._too_old(event):
                self.drops.append((position, "expired"))
                return
            self._learn(event, label, graded=True)
        elif known and known.label == label:
            self.drops.append((position, "repeated"))
        elif known is event and known:
            if self.limits.learn_corrections:
                self._learn(event, label, graded=False)
            else:
                self.drops.append((position, "corrected"))
        elif early:
            early.label = label
        else:
            when = self.watermark if time is None else time
            self.early.append(Waiting(id, when, label, position, number=self.n_early))
            self.n_early += 1
            self._evict_early()

    def _learn(self, event: Waiting, label: float, graded: bool) -> None:
        if graded:
            self._remember(event)
        event.label, event.labelled = label, True
        self.steps.append(("learn", event.row, label, graded))

    def _found(self, waiting: list[Waiting], id: int) -> Waiting | None:
        return next((w for w in waiting if w.id == id), None)

    def _too_old(self, w: Waiting) -> bool:
        age = self.limits.max_age_s
        return (
            age is not None
            and w.time is not None
            and self.watermark is not None
            and self.watermark - w.time > age * 1e6
        )

    def _is_too_early(self, time: int | None) -> bool:
        ahead = self.limits.max_ahead_s
        if ahead is None or time is None or self.watermark is None:
            return False
        agrees = self.refused is not None and abs(time - self.refused) <= ahead * 1e6
        return time - self.watermark > ahead * 1e6 and not agrees

    def _remember(self, event: Waiting) -> None:
        self.remembered.append(event)
        if len(self.remembered) > min(self.limits.remember, self.limits.max_pending):
            oldest = self.remembered.pop(0)
            if oldest in self.events:
                self.events.remove(oldest)

    def _evict(self) -> None:
        while self.events:
            oldest = self.events[0]
            is_far = self.n_events - oldest.number > self.limits.max_pending
            if not is_far and (oldest.labelled or not self._too_old(oldest)):
                break
            self.n_expired += not oldest.labelled
            self.events.pop(0)
        self._evict_early()

    def _evict_early(self) -> None:
        while self.early:
            oldest = self.early[0]
            is_far = self.n_early - oldest.number > self.limits.max_early
            if not is_far and not self._too_old(oldest):
                break
            self.early.pop(0)
            self.drops.append((oldest.row, "unknown_id"))
