"""Detectors that each break one law."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from streamadapt.contracts import Alarm, BoolArray, FloatArray
from streamadapt.state import State
from tests.laws.breakers import Breakers
from tests.laws.sound_detector import RecentAgainstAll, RecentAgainstAllBits

DETECTORS = Breakers()
breaks = DETECTORS.breaks


@breaks("a_great_change_raises_an_alarm")
class NeverAlarms(RecentAgainstAll):
    def alarm(self, gap: float = 0.0) -> None:
        pass


@breaks("a_great_change_raises_an_alarm")
class AlarmsOnZeros(RecentAgainstAll):
    def take(self, x: float) -> None:
        super().take(x)
        if self.n > 2500:
            self.alarm()


@breaks("equal_detectors_raise_equal_alarms")
class Unseeded(RecentAgainstAll):
    def __init__(self) -> None:
        super().__init__()
        self.sums += np.random.default_rng().normal(size=2) * 1e-9


@breaks("cutting_the_values_changes_no_alarm")
class StartsEachCallAnew(RecentAgainstAll):
    def update_many(self, xs: FloatArray) -> BoolArray:
        self.sums[1] = 0.0
        return super().update_many(xs)


@breaks("update_says_what_update_many_says")
class ForgetsToSayItAfterMany(RecentAgainstAll):
    def update_many(self, xs: FloatArray) -> BoolArray:
        flags = super().update_many(xs)
        self.drift_detected = False
        return flags


@breaks("nan_and_inf_are_counted_and_otherwise_ignored")
class CountsNaNAsAValue(RecentAgainstAll):
    def update(self, x: float) -> None:
        super().update(x)
        self.n += not np.isfinite(x)


@breaks("nan_and_inf_are_counted_and_otherwise_ignored")
class DoesNotCountInf(RecentAgainstAll):
    def update(self, x: float) -> None:
        super().update(0.0 if np.isinf(x) else x)


@breaks("nan_and_inf_are_counted_and_otherwise_ignored")
class IsPoisonedByNaN(RecentAgainstAll):
    def is_usable(self, x: float) -> bool:
        return not np.isinf(x)


@breaks("huge_values_never_raise", OverflowError)
class Squares(RecentAgainstAll):
    def take(self, x: float) -> None:
        super().take(x**2)

    def is_usable(self, x: float) -> bool:
        return bool(np.isfinite(x))


@breaks("a_restored_detector_goes_on_bit_for_bit")
class LosesItsCount(RecentAgainstAll):
    def state(self) -> State:
        return State(self.kind, 1, {**super().state().values, "n": 0})


@breaks("a_restored_detector_goes_on_bit_for_bit")
class KeepsItsOwnSkips(RecentAgainstAll):
    def restore(self, state: State) -> None:
        skipped = self.n_skipped
        super().restore(state)
        self.n_skipped = max(skipped, self.n_skipped)


@breaks("a_restored_alarm_is_still_an_alarm")
class LosesItsAlarm(RecentAgainstAll):
    def restore(self, state: State) -> None:
        super().restore(state)
        self.drift_detected = False


@breaks("a_state_that_does_not_fit_is_refused_and_changes_nothing")
class TakesAnyKind(RecentAgainstAll):
    def restore(self, state: State) -> None:
        super().restore(State(self.kind, state.version, state.values))


@breaks("a_state_is_a_copy")
class HandsOutViews(RecentAgainstAll):
    def state(self) -> State:
        return State(self.kind, 1, {**super().state().values, "sums": self.sums})


@breaks("memory_stops_growing")
class KeepsAllValues(RecentAgainstAll):
    def __init__(self) -> None:
        super().__init__()
        self.kept: list[int] = []

    def take(self, x: float) -> None:
        super().take(x)
        self.kept.append(int(x))

    def state(self) -> State:
        return State(self.kind, 1, {**super().state().values, "kept": np.array(self.kept, np.int8)})


@breaks("any_array_of_values_will_do", ValueError)
class WritesIntoItsValues(RecentAgainstAll):
    def update_many(self, xs: FloatArray) -> BoolArray:
        xs[xs > 1e9] = 1e9
        return super().update_many(xs)


@breaks("any_array_of_values_will_do", IndexError)
class NeedsAValue(RecentAgainstAll):
    def update_many(self, xs: FloatArray) -> BoolArray:
        self.latest = xs[-1]
        return super().update_many(xs)


@breaks("alarms_are_those_of_the_flags")
class TellsOnlyTheLast(RecentAgainstAll):
    def update_many(self, xs: FloatArray) -> BoolArray:
        flags = super().update_many(xs)
        self.alarms = self.alarms[-1:]
        return flags


@breaks("alarms_are_those_of_the_flags")
class KeepsOldAlarms(RecentAgainstAll):
    def update_many(self, xs: FloatArray) -> BoolArray:
        return super().update_many(xs) if len(xs) else np.zeros(0, np.bool_)


class _Adjusts(RecentAgainstAll):
    def adjusted(self, alarm: Alarm) -> Alarm:
        return alarm

    def alarm(self, gap: float = 0.0) -> None:
        super().alarm(gap)
        self.alarms = [self.adjusted(alarm) for alarm in self.alarms]


@breaks("alarms_do_not_depend_on_the_cuts")
class CountsTheAgeWithinTheCall(RecentAgainstAll):
    def update_many(self, xs: FloatArray) -> BoolArray:
        flags = super().update_many(xs)
        self.alarms = [replace(a, age=min(a.age, a.index + 1)) for a in self.alarms]
        return flags


@breaks("update_tells_the_same_alarm")
class TellsNothingAfterOne(RecentAgainstAll):
    is_many = False

    def update_many(self, xs: FloatArray) -> BoolArray:
        self.is_many = True
        flags = super().update_many(xs)
        self.is_many = False
        return flags

    def update(self, x: float) -> None:
        super().update(x)
        self.alarms = self.alarms if self.is_many else []


@breaks("a_restored_detector_tells_the_same_alarms")
class TellsOfTheLifeBefore(RecentAgainstAll):
    def restore(self, state: State) -> None:
        alarms = self.alarms
        super().restore(state)
        self.alarms = alarms


@breaks("a_restored_detector_tells_the_same_alarms")
class LosesItsAge(_Adjusts):
    def __init__(self) -> None:
        super().__init__()
        self.lived = 0

    def take(self, x: float) -> None:
        self.lived += 1
        super().take(x)

    def restore(self, state: State) -> None:
        super().restore(state)
        self.lived = 0

    def adjusted(self, alarm: Alarm) -> Alarm:
        return replace(alarm, age=1 + self.lived)


@breaks("alarms_make_sense")
class SizesHaveNoSign(_Adjusts):
    def adjusted(self, alarm: Alarm) -> Alarm:
        return replace(alarm, size=abs(alarm.size))


@breaks("alarms_make_sense")
class HasNoThreshold(_Adjusts):
    def adjusted(self, alarm: Alarm) -> Alarm:
        return replace(alarm, threshold=np.nan)


@breaks("alarms_make_sense")
class DividesItsProbabilityByZero(_Adjusts):
    def adjusted(self, alarm: Alarm) -> Alarm:
        return replace(alarm, p_value=np.inf)


@breaks("what_is_no_bit_is_refused_and_nothing_taken")
class TakesHalves(RecentAgainstAllBits):
    def refuse(self, xs: FloatArray) -> None:
        super().refuse(xs[xs != 0.5])


@breaks("what_is_no_bit_is_refused_and_nothing_taken")
class TakesWhatCameBefore(RecentAgainstAllBits):
    def update_many(self, xs: FloatArray) -> BoolArray:
        return RecentAgainstAll.update_many(self, xs)
