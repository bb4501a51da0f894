"""Drift detectors: how soon they find known drifts, how often they miss or imagine one.

    python benchmarks/detectors_quality.py [--seeds 50] [--moa-jar moa.jar] [--only defaults]
        [--kinds errors normal] [--detectors ecdd rddm]

Prints tables; writes ``results/detectors_defaults.json``, ``results/detectors_calibrated.json`` and
from these the plots of ``docs/detectors.md``.  What is measured again replaces what the files say
of it, and the rest stays.

A stream has 6,000 values; at 3,000 something changes for good (at once, or value by value over
1,000 more of them), or nothing ever does.  Alarms before a change, or of a stream without one, are
false; the first alarm after it is its delay; a run without one missed it.  From Bifet (2017,
"Classifier concept drift detection and the illusion of progress"): the mean time between false
alarms MTFA, the mean delay MTD, the share of misses MDR, and ``MTR = MTFA / MTD * (1 - MDR)``.

First all detectors with the defaults of each library: ours, River's, MOA's.  River's are compared
alarm by alarm with ours, and not told again where none differs.  Then ours with thresholds such
that there is one false alarm in 5,000 values of each kind: only so delays can be compared.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import vl_convert
from river import drift
from river.drift import binary

from streamadapt.bootstrap import automatic_block_length
from streamadapt.contracts import FloatArray
from streamadapt.detectors import DETECTORS
from streamadapt.errors import ConfigError
from streamadapt.false_alarms import Stream, found_threshold

sys.path.insert(0, str(Path(__file__).parent))
from bench import HERE, Row, row, versions, write_results
from moa_loop import java_versions, moa_jar

N, CHANGE, WIDTH = 6_000, 3_000, 1_000
BETWEEN = 5_000
PARTS = ("defaults", "calibrated")
FIGURES = HERE.parent / "docs" / "figures"

KINDS = {
    "errors": "0 and 1, independent",
    "errors in runs": "0 and 1, autocorrelated (0.5)",
    "normal": "normal, independent",
    "heavy tails": "Student's t with 3 degrees of freedom",
    "autocorrelated": "normal, autocorrelated (0.7)",
}
BITS = ("errors", "errors in runs")
DRIFTS = ("none", "abrupt", "small", "gradual")
"""Errors: 0.2 to 0.4, small 0.2 to 0.3; numbers by 1 standard deviation, small by a half."""

RIVER: dict[str, Callable[[], Any]] = {
    "adwin": drift.ADWIN,
    "page_hinkley": drift.PageHinkley,
    "kswin": lambda: drift.KSWIN(seed=0),
    "ddm": binary.DDM,
    "eddm": binary.EDDM,
    "hddm_a": binary.HDDMA,
    "hddm_w": binary.HDDMW,
    "fhddm": binary.FHDDM,
}
RIVER_SEEDS = {"kswin": 1}
"""Streams compared with River's, where it takes 0.2 ms a value; else ten of each."""

MOA = {
    "ADWINChangeDetector": "adwin",
    "PageHinkleyDM": "page_hinkley",
    "DDM": "ddm",
    "EDDM": "eddm",
    "HDDM_A_Test": "hddm_a",
    "HDDM_W_Test": "hddm_w",
    "RDDM": "rddm",
    "STEPD": "stepd",
    "EWMAChartDM": "ecdd",
    "CusumDM": "cusum",
    "GeometricMovingAverageDM": "geometric_moving_average",
    "SEEDChangeDetector": "seed",
    "SeqDrift2ChangeDetector": "",
}
MOA_OF_BITS = {"SeqDrift2ChangeDetector"}
"""It has no end on numbers: looking for the best bound, it steps over it for ever."""

OF_BITS = {kind for kind, made in DETECTORS.items() if hasattr(made, "takes_bits")}

Alarms = dict[tuple[str, int], list[int]]
"""{(drift, seed): indices}."""


def moved(how: str, n: int) -> FloatArray:
    """Return how far the change has come at each value, from 0 to 1 (of a small one: a half)."""
    since = np.arange(n) - CHANGE
    if how == "gradual":
        return np.clip((since + 1) / WIDTH, 0.0, 1.0)
    full = {"none": 0.0, "abrupt": 1.0, "small": 0.5}[how]
    return np.where(since >= 0, full, 0.0)


@cache
def stream(kind: str, how: str, seed: int, n: int = N) -> FloatArray:
    rng, moves = np.random.default_rng([seed, list(KINDS).index(kind)]), moved(how, n)
    if kind == "errors":
        return (rng.random(n) < 0.2 + 0.2 * moves).astype(np.float64)
    if kind == "errors in runs":
        u, goes_on, is_error = rng.random(n), rng.random(n) < 0.5, np.empty(n)
        is_error[0] = u[0] < 0.2
        for i in range(1, n):
            fresh = float(u[i] < 0.2 + 0.2 * moves[i])
            is_error[i] = is_error[i - 1] if goes_on[i] else fresh
        return is_error
    if kind == "heavy tails":
        return rng.standard_t(3, n) / np.sqrt(3.0) + moves
    x = rng.normal(size=n)
    if kind == "autocorrelated":
        for i in range(1, n):
            x[i] = 0.7 * x[i - 1] + np.sqrt(1.0 - 0.49) * x[i]
    return x + moves


@dataclass(frozen=True)
class Quality:
    """What became of the streams of one kind."""

    false_alarms: int
    calm: int
    delays: dict[str, float]
    missed: dict[str, float]

    @property
    def between(self) -> float:
        return self.calm / self.false_alarms if self.false_alarms else float("inf")

    def ratio(self, how: str) -> float:
        """MTR; with no false alarm, that of half an alarm, as the least it may be."""
        between = self.calm / max(self.false_alarms, 0.5)
        return between / self.delays[how] * (1.0 - self.missed[how])


def quality(alarms: Alarms, seeds: int) -> Quality:
    false_alarms = calm = 0
    delays: dict[str, list[int]] = {how: [] for how in DRIFTS[1:]}
    for (how, _), found in alarms.items():
        end = N if how == "none" else CHANGE
        calm += end
        false_alarms += sum(index < end for index in found)
        after = [index for index in found if index >= end]
        if after:
            delays[how].append(after[0] - CHANGE + 1)
    mean = {how: float(np.mean(d)) if d else float("nan") for how, d in delays.items()}
    missed = {how: 1.0 - len(d) / seeds for how, d in delays.items()}
    return Quality(false_alarms, calm, mean, missed)


def fitting(kind: str, asked: Collection[str]) -> list[str]:
    return [name for name in asked if kind in BITS or name not in OF_BITS]


def alarms_of(make: Callable[[], Any], kind: str, seeds: int) -> Alarms:
    return {
        (how, seed): np.flatnonzero(make().update_many(stream(kind, how, seed))).tolist()
        for how in DRIFTS
        for seed in range(seeds)
    }


def rivers_differences(name: str, kind: str, ours: Alarms, seeds: int) -> tuple[int, int]:
    """Return how many alarms of ours and of River's are not the other's, of how many streams."""
    differ = n = 0
    for how in DRIFTS:
        for seed in range(min(seeds, RIVER_SEEDS.get(name, 10))):
            detector, found = RIVER[name](), []
            xs = stream(kind, how, seed)
            given = (1.0 - xs if name == "fhddm" else xs).tolist()
            for i, x in enumerate(given):
                detector.update(x)
                if detector.drift_detected:
                    found.append(i)
            differ, n = differ + len(set(found) ^ set(ours[how, seed])), n + 1
    return differ, n


def moas(kind: str, seeds: int, jar: Path, folder: Path) -> Iterator[tuple[str, Alarms]]:
    """Yield the alarms of MOA's detectors, of those that take such values."""
    keys = [(how, seed) for how in DRIFTS for seed in range(seeds)]
    np.concatenate([stream(kind, *key) for key in keys]).astype(">f8").tofile(folder / "in")
    names = [
        name
        for name, ours in MOA.items()
        if kind in BITS or (ours not in OF_BITS and name not in MOA_OF_BITS)
    ]
    path = f"{jar}{os.pathsep}{folder}"
    command = ["java", "-cp", path, "Alarms", folder / "in", str(len(keys)), str(N), folder / "out"]
    subprocess.run([*command, *names], check=True)
    found: dict[str, Alarms] = {name: {} for name in names}
    for line in (folder / "out").read_text().splitlines():
        name, place, *indices = line.split()
        found[name][keys[int(place)]] = list(map(int, indices))
    yield from found.items()


def calibrated(name: str, kind: str) -> float | None:
    """Return the threshold with one false alarm in `BETWEEN` values of this kind."""
    made = DETECTORS[name]
    record = stream(kind, "none", 10_000, 200_000)
    source = Stream(record, automatic_block_length(record), (0,))
    threshold = made.alarm_threshold.beside_that_of(made())
    try:
        given = getattr(made(), threshold.name)
        return found_threshold(
            threshold, lambda value: made(**{threshold.name: value}), source, given, BETWEEN
        )
    except ConfigError as error:
        print(f"{name}, {kind}: {error}")
        return None


def rows_of(kind: str, system: str, found: Quality) -> Iterator[Row]:
    yield row(kind, system, "false_alarms", found.false_alarms, "count")
    yield row(kind, system, "calm_values", found.calm, "count")
    for how in DRIFTS[1:]:
        yield row(kind, system, f"delay_{how}", found.delays[how], "values")
        yield row(kind, system, f"missed_{how}", found.missed[how], "share")
        yield row(kind, system, f"mtr_{how}", found.ratio(how), "ratio")


def line(system: str, found: Quality) -> str:
    between = f"{found.between:,.0f}" if found.false_alarms else f"> {found.calm:,}"
    cells = []
    for how in DRIFTS[1:]:
        missed = f" ({found.missed[how]:.0%})" if found.missed[how] else ""
        delay = "-" if found.missed[how] == 1.0 else f"{found.delays[how]:,.0f}"
        cells.append(f"{delay}{missed}")
    sign = "> " * (not found.false_alarms)
    ratio = f"{sign}{found.ratio('abrupt'):,.0f}" if found.missed["abrupt"] < 1.0 else "0"
    return f"| {system} | {between} | {' | '.join(cells)} | {ratio} |"


def head(title: str) -> None:
    print(f"\n{title}\n")
    print("| detector | values between false alarms | delay, abrupt | small | gradual | MTR |")
    print("|---|---|---|---|---|---|", flush=True)


def defaults(kind: str, asked: Collection[str], seeds: int) -> list[Row]:
    rows: list[Row] = []
    head(f"{kind} ({KINDS[kind]}), defaults")
    same, other = [], []
    for name in fitting(kind, asked):
        ours = alarms_of(DETECTORS[name], kind, seeds)
        found = quality(ours, seeds)
        print(line(f"`{name}`", found), flush=True)
        rows += rows_of(kind, name, found)
        if name in RIVER:
            differ, n = rivers_differences(name, kind, ours, seeds)
            rows.append(row(kind, name, "alarms_unlike_rivers", differ, "count"))
            (other if differ else same).append(f"{name} ({differ} in {n} streams)")
    print(f"\nalarms unlike River's: {'; '.join(same + other)}", flush=True)
    return rows


def moas_defaults(kind: str, seeds: int, jar: Path, folder: Path) -> list[Row]:
    rows: list[Row] = []
    head(f"{kind} ({KINDS[kind]}), MOA's defaults")
    for name, alarms in moas(kind, seeds, jar, folder):
        found = quality(alarms, seeds)
        print(line(f"MOA {name}", found), flush=True)
        rows += rows_of(kind, f"MOA {name}", found)
    return rows


def at_one_rate(kind: str, asked: Collection[str], seeds: int) -> list[Row]:
    rows: list[Row] = []
    head(f"{kind} ({KINDS[kind]}), one false alarm in {BETWEEN:,} values asked for")
    for name in fitting(kind, asked):
        value = calibrated(name, kind)
        if value is None:
            continue
        made = DETECTORS[name]
        parameter = made.alarm_threshold.name
        alarms = alarms_of(partial(made, **{parameter: value}), kind, seeds)
        found = quality(alarms, seeds)
        print(line(f"`{name}`, {parameter} {value:g}", found), flush=True)
        rows += rows_of(kind, f"{name} calibrated", found)
        rows.append(row(kind, f"{name} calibrated", parameter, value, "parameter"))
    return rows


def plot(name: str, title: str, data: list[dict[str, Any]], encoding: dict[str, Any]) -> None:
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": "white",
        "title": title,
        "data": {"values": data},
        "mark": {"type": "point", "filled": True, "size": 60, "opacity": 0.8},
        "encoding": encoding,
        "height": {"step": 16},
        "width": 360,
    }
    FIGURES.mkdir(parents=True, exist_ok=True)
    svg = vl_convert.vegalite_to_svg(json.dumps(spec))
    (FIGURES / f"{name}.svg").write_text(svg + "\n")


def plots(rows: list[Row]) -> None:
    """Draw the delays at one rate of false alarms, and what the defaults do."""
    table = {(r["case"], r["system"], r["metric"]): r["value"] for r in rows}
    at_rate, as_given = [], []
    for (kind, system, metric), value in table.items():
        if metric == "delay_abrupt" and value is not None:
            name = str(system).removesuffix(" calibrated")
            missed = table[kind, system, "missed_abrupt"]
            calm, false = (table[kind, system, m] for m in ("calm_values", "false_alarms"))
            point = {"detector": name, "kind": kind, "delay": value, "missed": missed}
            if name != system:
                at_rate.append(point)
            elif not name.startswith("MOA"):
                as_given.append(point | {"between": calm / max(false, 0.5)})
    names = {"field": "detector", "type": "nominal", "title": None, "sort": "x"}
    kinds = {"field": "kind", "type": "nominal", "title": None, "sort": list(KINDS)}
    delay = {"field": "delay", "type": "quantitative", "scale": {"type": "log"}}
    missed = {"field": "missed", "type": "quantitative", "title": "share missed"}
    plot(
        "detectors_delay",
        f"Mean delay of an abrupt change, one false alarm in {BETWEEN:,} values",
        at_rate,
        {"x": delay | {"title": "values"}, "y": names, "color": kinds, "opacity": missed
         | {"scale": {"domain": [0, 1], "range": [1, 0.15]}}},
    )  # fmt: skip
    between = {"field": "between", "type": "quantitative", "scale": {"type": "log"}}
    plot(
        "detectors_false_alarms",
        "Values between false alarms, defaults",
        as_given,
        {"x": between | {"title": "values"}, "y": names, "color": kinds},
    )


def remembered(part: str) -> tuple[dict[str, str], list[Row]]:
    """Return the versions and the rows that the file of results has."""
    path = HERE / "results" / f"detectors_{part}.json"
    facts = json.loads(path.read_text()) if path.is_file() else {"versions": {}, "rows": []}
    return facts["versions"], facts["rows"]


def merged(old: list[Row], new: list[Row]) -> list[Row]:
    """Return the rows of both, of what was measured again the new ones; by kind and detector."""
    again = {(r["case"], r["system"]) for r in new}
    kept = [r for r in old if (r["case"], r["system"]) not in again]
    kinds = list(KINDS)
    return sorted(
        kept + new,
        key=lambda r: (kinds.index(str(r["case"])), str(r["system"])[:3] == "MOA", r["system"]),
    )


def compiled(jar: Path, folder: Path) -> None:
    source = HERE / "detectors_moa" / "Alarms.java"
    subprocess.run(["javac", "-cp", jar, "-d", folder, source], check=True)


def measured(part: str, options: argparse.Namespace) -> None:
    """Measure one part, and write what there is after each kind of values."""
    kinds, asked, seeds = options.kinds, options.detectors or list(DETECTORS), options.seeds
    jar = moa_jar(options.moa_jar) if part == "defaults" and not options.detectors else None
    found = versions() | (java_versions() if jar else {})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if jar is not None:
            compiled(jar, folder)
        for kind in kinds:
            one = defaults if part == "defaults" else at_one_rate
            rows = one(kind, asked, seeds)
            if jar is not None:
                rows += moas_defaults(kind, seeds, jar, folder)
            if seeds >= 50:
                before, old = remembered(part)
                write_results(f"detectors_{part}", before | found, merged(old, rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--moa-jar", default=os.environ.get("MOA_JAR"))
    parser.add_argument("--only", choices=[*PARTS, "plots"])
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--detectors", nargs="+", choices=list(DETECTORS), default=[])
    options = parser.parse_args()
    for part in PARTS:
        if options.only in {None, part}:
            measured(part, options)
    if options.only in {None, "plots"}:
        plots([found for part in PARTS for found in remembered(part)[1]])


if __name__ == "__main__":
    main()
