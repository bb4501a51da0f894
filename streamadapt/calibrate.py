"""Calibration: a detector's threshold for a wanted time between false alarms.

The pipeline is replayed as it is, reactions and all.  What its detector hears there, the learner's
losses or uncertainty, is what streams without a change are made of (`streamadapt.false_alarms`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from streamadapt.bootstrap import automatic_block_length
from streamadapt.build import build_task, detector_of
from streamadapt.config import Config
from streamadapt.config_file import placed
from streamadapt.contracts import Detector, FloatArray, TakesBits
from streamadapt.detectors import uncertainty
from streamadapt.detectors.threshold import Threshold
from streamadapt.errors import ConfigError
from streamadapt.false_alarms import (
    Delay,
    MeanTime,
    Stream,
    delay_of_change,
    found_threshold,
    mean_time,
)
from streamadapt.feed import POLL_RECORDS, Feed, delay_of, opened_source
from streamadapt.trial import TailGrades

__all__ = ["Calibrated", "Calibration", "Role", "Watched"]

Role: TypeAlias = Literal["drift", "warning"]

BITS_RISES = (0.05, 0.1, 0.2)
DEVIATIONS = (0.25, 0.5, 1.0)
"""Changes whose delay is told if none are asked for: of a share of errors; of any number."""

_LEAST_BLOCKS = 30


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What came of it.

    ``lane`` is the one whose false alarms were the most frequent; of a forecast each horizon is
    a lane.  ``n`` values of ``n_heard`` were used, ``block`` is the mean length of blocks.
    """

    lane: str
    kind: str
    signal: str
    parameter: str
    path: str
    given: float
    value: float
    between: int
    n_heard: int
    n: int
    block: float
    time: MeanTime
    time_as_it_is: MeanTime
    delays: list[tuple[float, Delay | None]]


@dataclass(frozen=True, slots=True)
class Watched:
    """A detector of a pipeline whose threshold can be set.

    ``make`` gives one with another threshold; ``path`` is that of the parameter in the file.
    """

    learner: str
    signal: str
    kind: str
    path: str
    threshold: Threshold
    given: float
    make: Callable[[float], Detector]

    @classmethod
    def of(
        cls, config: Config, environ: Mapping[str, str], learner: str | None, role: Role
    ) -> Watched:
        """Return the detector that is meant.

        Raises
        ------
        ConfigError
            If the pipeline is wrong, or there is no such detector, or several, or its class names
            no threshold.
        """
        with placed(config):
            build_task(config, environ)
        name = _meant(config, learner, role)
        watch = config.learners[name].watch
        where = f"learners.{name}.watch.{role}"
        with placed(config):
            component, given = detector_of(getattr(watch, role), where)
        threshold = getattr(component, "alarm_threshold", None)
        kind = getattr(watch, role).kind
        if not isinstance(threshold, Threshold):
            raise ConfigError(f"{where}: {kind} names no threshold that could be set")
        usual = component(**given)
        threshold = threshold.beside_that_of(usual)
        own = "params." * (kind == "python") + threshold.name
        now = float(getattr(usual, threshold.name))
        make = partial(_made, component, given, threshold.name)
        return cls(name, watch.signal, kind, f"{where}.{own}", threshold, now, make)


def _made(component: Any, given: Mapping[str, Any], name: str, value: float) -> Detector:  # noqa: ANN401 - a class
    return component(**{**given, name: value})  # type: ignore[no-any-return]


def _meant(config: Config, learner: str | None, role: Role) -> str:
    watched = [
        name
        for name, spec in config.learners.items()
        if (watch := getattr(spec, "watch", None)) and getattr(watch, role) is not None
    ]
    if not watched:
        raise ConfigError(f"no learner has a `watch` with a `{role}` detector to calibrate")
    if learner is None and len(watched) == 1:
        return watched[0]
    if learner not in watched:
        named = "which detector? give --learner" if learner is None else f"--learner {learner}"
        raise ConfigError(f"{named}: those with a {role} detector are {', '.join(watched)}")
    return learner


class Calibration:
    """One calibration of one detector on one recorded stream.

    Parameters
    ----------
    config
        The pipeline.
    watched
        Its detector.
    source
        The recorded stream; None for the one that the pipeline generates.
    between
        The wanted mean number of values between false alarms.
    seed
        Of the resampling.

    Raises
    ------
    ConfigError
        If the pipeline is wrong.
    """

    def __init__(
        self, config: Config, watched: Watched, source: Path | None, between: int, seed: int = 0
    ) -> None:
        self._config, self._watched, self._source = config, watched, source
        self._between, self._seed = between, seed

    def run(
        self,
        environ: Mapping[str, str],
        skip: int | None = None,
        sizes: Sequence[float] = (),
    ) -> Calibrated:
        """Replay, set the threshold, and measure what it does.

        Parameters
        ----------
        environ
            Environment variables, for secrets.
        skip
            How many values at the start to leave out, where the learner knows little yet; by
            default a tenth.
        sizes
            Changes of the mean whose delay is to be told.

        Raises
        ------
        ConfigError
            If the stream is too short to say anything of so long a time, all of its values are
            equal, or no threshold has it.
        SourceError
            If the source cannot be opened.
        """
        watched = self._watched
        streams: dict[str, tuple[int, Stream]] = {}
        for lane, values in heard(self._config, self._source, watched, environ).items():
            streams[lane] = len(values), self._stream(lane, values, skip)
        found = {
            lane: found_threshold(
                watched.threshold, watched.make, stream, watched.given, self._between
            )
            for lane, (_, stream) in streams.items()
        }
        calm = max if watched.threshold.fewer == "higher" else min
        lane = calm(found, key=found.__getitem__)
        n_heard, stream = streams[lane]
        return self._measured(lane, found[lane], stream, n_heard, sizes)

    def _stream(self, lane: str, values: FloatArray, skip: int | None) -> Stream:
        usable = values[np.isfinite(values)]
        usable = usable[len(usable) // 10 if skip is None else skip :]
        if not len(usable):
            raise ConfigError(f"{lane}: the stream has no {self._watched.signal} to learn from")
        if usable.min() == usable.max():
            raise ConfigError(
                f"{lane}: each {self._watched.signal} is {usable[0]:g}: nothing is learned from it"
            )
        block = automatic_block_length(usable)
        needed = max(self._between, math.ceil(_LEAST_BLOCKS * block))
        if needed > len(usable):
            raise ConfigError(
                f"{lane}: {len(usable):,} values, of which about {block:.3g} in a row are alike, "
                f"are too few to say what comes once in {self._between:,}: "
                f"at least {needed:,} are needed"
            )
        return Stream(usable, block, (self._seed,))

    def _measured(
        self, lane: str, value: float, stream: Stream, n_heard: int, sizes: Sequence[float]
    ) -> Calibrated:
        watched, between = self._watched, self._between
        make = partial(watched.make, value)
        asked = sizes or _usual_changes(make(), stream.values)
        return Calibrated(
            lane=lane,
            kind=watched.kind,
            signal=watched.signal,
            parameter=watched.threshold.name,
            path=watched.path,
            given=watched.given,
            value=value,
            between=between,
            n_heard=n_heard,
            n=len(stream.values),
            block=stream.block,
            time=mean_time(make, stream, between),
            time_as_it_is=mean_time(partial(watched.make, watched.given), stream, between),
            delays=[(size, delay_of_change(make, stream, size, between)) for size in asked],
        )


def heard(
    config: Config, source: Path | None, watched: Watched, environ: Mapping[str, str]
) -> dict[str, FloatArray]:
    """Return {lane: float64 [n]}, what the learner's detectors hear in a replay."""
    with placed(config):
        task = build_task(config, environ)
    opened = opened_source(config, source)
    feed = Feed(config, task, delay_of(config, source), opened)
    grades = TailGrades(config, task)
    names = [lane.name for lane in task.lanes if lane.learner_name == watched.learner]
    unsure: dict[str, list[FloatArray]] = {name: [] for name in names}
    with closing(opened):
        while not feed.ended:
            outcome, _ = feed.step(POLL_RECORDS)
            if watched.signal == "loss":
                grades.take(outcome)
            else:
                for name, parts in unsure.items():
                    parts.append(uncertainty(outcome.outputs[name]))
    if watched.signal == "loss":
        losses = grades.scores().losses
        return {name: losses[name][1] for name in names}
    return {name: np.concatenate(parts) for name, parts in unsure.items()}


def _usual_changes(detector: Detector, x: FloatArray) -> tuple[float, ...]:
    if isinstance(detector, TakesBits) or set(np.unique(x)) <= {0.0, 1.0}:
        return BITS_RISES
    deviation = float(x.std())
    digits = 2 - math.floor(math.log10(deviation))
    return tuple(round(part * deviation, digits) for part in DEVIATIONS)
