"""DDM against River, and its alarms against the formulas of the paper."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.drift import binary

from streamadapt.detectors import DDM
from streamadapt.errors import ParameterError
from tests.detectors.rivers import assert_equal, segments
from tests.detectors.streams import BIT_KINDS, bits

PARAMETERS = st.fixed_dictionaries(
    {
        "warm_start": st.integers(0, 100),
        "warning_threshold": st.sampled_from([0.0, 0.5, 1.0, 2.0, 4.0]),
        "drift_threshold": st.sampled_from([0.0, 0.5, 1.5, 3.0, 10.0]),
    }
)


@pytest.mark.parametrize("kind", BIT_KINDS)
def test_alarms_and_warnings_are_rivers_to_the_index(kind: str) -> None:
    for seed in range(5):
        assert_equal(DDM(), binary.DDM(), bits(kind, 8000, seed))


def test_streams_of_the_comparison_do_raise_alarms() -> None:
    assert sum(assert_equal(DDM(), binary.DDM(), bits("sudden", 8000, seed)) for seed in (0, 1)) > 3
    assert assert_equal(DDM(), binary.DDM(), bits("none", 8000, 0)) == 0


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(BIT_KINDS), st.integers(1, 2500), st.integers(0, 2**32), PARAMETERS)
def test_parameters_mean_what_they_mean_in_river(
    kind: str, n: int, seed: int, parameters: dict[str, Any]
) -> None:
    assert_equal(DDM(**parameters), binary.DDM(**parameters), bits(kind, n, seed))


def test_a_drift_threshold_below_that_of_warnings_is_rivers_however_the_values_are_cut() -> None:
    rates = np.repeat([0.1, 0.16], 3000)
    xs = (np.random.default_rng(3).random(6000) < rates).astype(np.float64)
    given_ = {"warning_threshold": 3.0, "drift_threshold": 2.0}
    assert assert_equal(DDM(**given_), binary.DDM(**given_), xs) == 19  # type: ignore[arg-type]
    whole = DDM(**given_)  # type: ignore[arg-type]
    flags = whole.update_many(xs)
    for size in (1, 7):
        cut = DDM(**given_)  # type: ignore[arg-type]
        parts = [cut.update_many(xs[i : i + size]) for i in range(0, len(xs), size)]
        assert np.concatenate(parts).tolist() == flags.tolist()
        assert cut.state().digest() == whole.state().digest()


@pytest.mark.parametrize("kind", ["sudden", "gradual", "often"])
def test_an_alarm_tells_of_the_lowest_rate_and_of_the_errors_since(kind: str) -> None:
    xs, ours = bits(kind, 8000, 3), DDM()
    ours.update_many(xs)
    assert ours.alarms
    for alarm, part in zip(ours.alarms, segments(ours, xs), strict=True):
        n = np.arange(1, len(part) + 1)
        p = np.cumsum(part) / n
        s = np.sqrt(p * (1 - p) / n)
        best = 30 + len(part) - 30 - 1 - int(np.argmin((p + s)[:29:-1]))  # the last of the lowest
        assert alarm.statistic == pytest.approx((p + s)[-1])
        assert alarm.threshold == pytest.approx(p[best] + 3 * s[best])
        assert alarm.statistic > alarm.threshold
        assert alarm.age == len(part) - best - 1
        assert alarm.size == pytest.approx(part[best + 1 :].mean() - p[best])
        assert (alarm.direction, alarm.p_value) == (1, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [("warm_start", -1), ("warning_threshold", np.nan), ("drift_threshold", -0.1)],
)
def test_parameters_that_make_no_sense_are_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ParameterError, match=name):
        DDM(**{name: value})  # type: ignore[arg-type]
