"""The report, looked at by a browser: no error, no empty chart, nothing of the stream runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from streamadapt.ops import write_series, write_summary
from streamadapt.ops.compare import compare_runs
from streamadapt.ops.report import write_report
from streamadapt.replay import Replay
from tests.streams import CLASSIFY, FORECAST, config, write_classes
from tests.streams import write_series as write_numbers

EVIL = "<script>document.body.innerHTML='hacked'</script>"


def replayed(out: Path, text: str, stream: Path) -> Path:
    run = Replay(config(text), stream, out, {})
    summary = run.run()
    run.close()
    write_series(out, run)
    write_summary(out, summary)
    return out


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classes")
    return replayed(folder / "run", CLASSIFY, write_classes(folder / "stream.csv"))


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("numbers")
    return replayed(folder / "run", FORECAST, write_numbers(folder / "stream.csv"))


def drawn(page: Path, profile: Path) -> str:
    """Return the page as it is when its scripts have run."""
    browser = shutil.which("chromium")
    if browser is None:
        reason = "chromium is missing: apt-get install chromium"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--disable-background-networking", "--no-first-run", f"--user-data-dir={profile}",
        "--enable-logging=stderr", "--virtual-time-budget=20000", "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    return done.stdout


def assert_all_charts_are_drawn(dom: str, names: set[str]) -> None:
    assert re.search(r'id="problems">\s*</div>', dom), "the page tells of a problem"
    found = dict(re.findall(r'<figure id="(\w+)" data-marks="(\d+)"', dom))
    assert names <= found.keys()
    assert [name for name, n in found.items() if int(n) == 0] == []
    assert len(re.findall("<figure ", dom)) == len(found)


def test_all_charts_of_classes_are_drawn(classes: Path, tmp_path: Path) -> None:
    dom = drawn(write_report(classes), tmp_path)
    assert_all_charts_are_drawn(dom, {"curves", "facts", "calibration", "confusion"})


def test_all_charts_of_numbers_are_drawn(numbers: Path, tmp_path: Path) -> None:
    assert_all_charts_are_drawn(drawn(write_report(numbers), tmp_path), {"curves", "errors"})


def test_runs_are_compared(classes: Path, tmp_path: Path) -> None:
    stream = classes.parent / "stream.csv"
    other = replayed(
        tmp_path / "other", CLASSIFY.replace("grace_period: 50", "grace_period: 400"), stream
    )
    pairs = compare_runs([classes, other], tmp_path / "compare.html")
    assert {pair.learner.split("/")[0] for pair in pairs} == {"run", "other"}
    assert_all_charts_are_drawn(drawn(tmp_path / "compare.html", tmp_path / "profile"), {"curves"})


def test_what_a_stream_calls_its_columns_is_never_run(tmp_path: Path) -> None:
    stream = write_classes(tmp_path / "stream.csv", 300, dirty=False)
    stream.write_text(stream.read_text().replace(",label\n", f",{EVIL}\n").replace("yes", EVIL))
    text = CLASSIFY.replace("target: label", f'target: "{EVIL}"').replace('"yes"', f'"{EVIL}"')
    page = write_report(replayed(tmp_path / "run", text, stream))
    assert EVIL not in page.read_text()
    assert_all_charts_are_drawn(drawn(page, tmp_path / "profile"), {"curves", "confusion"})


def test_a_report_asks_for_nothing_from_elsewhere(classes: Path) -> None:
    html = write_report(classes).read_text()
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', html.split("<script>")[0]) == []
    assert "default-src 'none'" in html
    assert len(html) < 3_000_000
