"""The report, looked at by a browser: no error, no empty chart, nothing of the stream runs."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

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


def drawn(page: Path, profile: Path, *options: str) -> str:
    """Return the page as it is when its scripts have run."""
    return looked_at(page, profile, "--dump-dom", *options)


def looked_at(page: Path, profile: Path, *options: str) -> str:
    """Let a browser draw the page, without a word on its console; return what it prints."""
    browser = shutil.which("chromium")
    if browser is None:
        reason = "chromium is missing: apt-get install chromium"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--disable-background-networking", "--no-first-run", f"--user-data-dir={profile}",
        "--enable-logging=stderr", "--virtual-time-budget=20000", *options, page.as_uri(),
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


def first_pixel(png: Path) -> tuple[int, ...]:
    """Return the colour of the left upper corner; there no filter of PNG has anything to add."""
    data, place, packed = png.read_bytes(), 8, b""
    while place < len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        packed += data[place + 8 : place + 8 + size] if kind == b"IDAT" else b""
        place += 12 + size
    return tuple(zlib.decompress(packed)[1:4])


def probed(page: Path, tmp_path: Path, *options: str) -> dict[str, Any]:
    """Return what a script finds in the drawn page: sizes on screen, for printing, and after it."""
    probe = """
      const sizes = () => [...document.querySelectorAll("figure svg")].map(svg => svg.clientWidth);
      const sleep = () => new Promise(done => setTimeout(done, 20));
      const look = async () => {
        while (!document.body.dataset.drawn) await sleep();
        const found = {screen: sizes(), over: document.documentElement.scrollWidth - innerWidth};
        dispatchEvent(new Event("beforeprint")); await sleep(); found.paper = sizes();
        dispatchEvent(new Event("afterprint")); await sleep(); found.after = sizes();
        document.body.dataset.probe = btoa(JSON.stringify(found));
      };
      look();"""
    copy = tmp_path / "probed.html"
    html, end, rest = page.read_text().rpartition("</body>")  # the library has one, too
    copy.write_text(f"{html}<script>{probe}</script>{end}{rest}")
    found = re.search(r'data-probe="([^"]+)"', drawn(copy, tmp_path / "probe", *options))
    assert found, "the page was not drawn"
    answer: dict[str, Any] = json.loads(base64.b64decode(found[1]))
    return answer


@pytest.fixture(scope="module")
def pages(
    classes: Path, numbers: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """All kinds of pages."""
    folder = tmp_path_factory.mktemp("pages")
    found = {"classes": write_report(classes), "numbers": write_report(numbers)}
    for name, run in (("classes", classes), ("numbers", numbers)):
        found[f"compared {name}"] = folder / f"{name}.html"
        compare_runs([run], found[f"compared {name}"])
    return found


PAGES = pytest.mark.parametrize("name", ["classes", "numbers", "compared classes"])


@PAGES
def test_a_page_at_night_is_dark_and_has_all_its_charts(
    name: str, pages: dict[str, Path], tmp_path: Path
) -> None:
    night = "--blink-settings=preferredColorScheme=0"
    assert_all_charts_are_drawn(drawn(pages[name], tmp_path / "a", night), {"curves"})
    shot = tmp_path / "shot.png"
    looked_at(pages[name], tmp_path / "b", night, f"--screenshot={shot}", "--window-size=500,300")
    assert max(first_pixel(shot)) < 0x30


@PAGES
def test_charts_are_drawn_anew_for_paper_and_again_for_the_screen(
    name: str, pages: dict[str, Path], tmp_path: Path
) -> None:
    found = probed(pages[name], tmp_path, "--window-size=1400,900")
    assert found["screen"][0] > 800
    assert all(500 < width <= 700 for width in found["paper"])
    assert found["after"] == found["screen"]


@PAGES
def test_a_page_can_be_printed(name: str, pages: dict[str, Path], tmp_path: Path) -> None:
    paper = tmp_path / "page.pdf"
    looked_at(pages[name], tmp_path, f"--print-to-pdf={paper}")
    n_pages = len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))
    assert 1 <= n_pages <= 6


@PAGES
def test_a_page_fits_into_a_narrow_window(
    name: str, pages: dict[str, Path], tmp_path: Path
) -> None:
    assert probed(pages[name], tmp_path, "--window-size=500,900")["over"] <= 0


def test_long_names_do_not_widen_a_page(tmp_path: Path) -> None:
    long = "a_learner_with_" + "quite_" * 12 + "a_long_name"
    stream = write_classes(tmp_path / "stream.csv", 1_000)
    page = write_report(
        replayed(tmp_path / "run", CLASSIFY.replace("  tree:", f"  {long}:"), stream)
    )
    assert long in page.read_text()
    assert probed(page, tmp_path, "--window-size=500,900")["over"] <= 0


@pytest.mark.parametrize("scheme", ["light", "dark", "paper"])
def test_letters_stand_out_from_what_they_stand_on(scheme: str, classes: Path) -> None:
    html = write_report(classes).read_text()
    found = [
        dict(re.findall(r"--(\w+): #(\w+)", root)) for root in re.findall(r":root {(.*)}", html)
    ]
    of = dict(zip(["light", "dark", "paper"], found, strict=True))[scheme]
    for ink in ("ink", "soft", "good", "bad"):
        for ground in ("paper", "card"):
            assert contrast(of[ink], of[ground]) >= 4.5, (ink, ground)
    assert set(re.findall(r"var\(--(\w+)\)", html)) <= of.keys()


def contrast(one: str, other: str) -> float:
    """Return the ratio of contrast of WCAG 2.1."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    digits = colour if len(colour) == 6 else "".join(2 * digit for digit in colour)
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


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
