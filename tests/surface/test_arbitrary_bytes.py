"""Whatever bytes a recorded stream is made of, a replay ends, or says that it cannot be read."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from streamadapt.config import Config
from streamadapt.config_file import parse_config
from streamadapt.errors import SourceError
from streamadapt.replay import Replay, ReplayOptions

PIPELINE = """
name: any
task: {kind: classification, target: y, classes: [a, b]}
record:
  features: {x: numeric, on: boolean, kind: {kind: categorical, buckets: 4}}
  time: {column: t}
learners:
  logistic: {kind: logistic}
source:
  path: %s
"""
STARTS = {
    "csv": b"x,on,kind,y,t\n",
    "jsonl": b"",
    "arff": b"@attribute x real\n@attribute on {t,f}\n@attribute kind string\n"
    b"@attribute y {a,b}\n@attribute t date\n@data\n",
}
ROWS = {
    "csv": b"1.5,t,k,a,2024-01-01\n",
    "jsonl": b'{"x": 1.5, "on": true, "kind": "k", "y": "b", "t": "2024-01-01"}\n',
    "arff": b"?, f, 'k k', b, 2024-01-01\n",
}
PIECES = [
    b"\n",
    b"\r",
    b",",
    b"'",
    b'"',
    b"\0",
    b"\xff",
    b"%",
    b"{",
    b"nan",
    b"inf",
    b"1e999",
    b"-",
]


@st.composite
def streams(draw: st.DrawFn) -> tuple[str, bytes]:
    """A format, and a file of it with any bytes among its rows, or instead of all."""
    kind = draw(st.sampled_from(sorted(ROWS)))
    piece = st.one_of(st.just(ROWS[kind]), st.sampled_from(PIECES), st.binary(max_size=20))
    data = b"".join(draw(st.lists(piece, max_size=12)))
    return kind, (STARTS[kind] if draw(st.integers(0, 9)) else b"") + data


@settings(
    max_examples=max(40, settings.default.max_examples // 10),  # type: ignore[union-attr]
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(streams(), st.integers(1, 5))
@example(("csv", STARTS["csv"] + ROWS["csv"] * 3 + b'"\n' + ROWS["csv"]), 2)
@example(("arff", STARTS["arff"] + ROWS["arff"] * 3), 2)
@example(("jsonl", ROWS["jsonl"] * 3 + b"[" * 2000), 2)
def test_arbitrary_bytes_never_crash_a_replay(
    tmp_path_factory: pytest.TempPathFactory, stream: tuple[str, bytes], poll_records: int
) -> None:
    folder = tmp_path_factory.getbasetemp() / "arbitrary"
    folder.mkdir(exist_ok=True)
    path = folder / f"a.{stream[0]}"
    path.write_bytes(stream[1])
    config: Config = parse_config(PIPELINE % path, {}, "a pipeline")
    options = ReplayOptions(fresh=True, poll_records=poll_records)
    try:
        run = Replay(config, path, folder / "out", {}, options)
    except SourceError:
        return
    summary = run.run()
    n_taken = run.position
    run.close()
    assert summary["complete"]
    letters = (folder / "out" / "dead_letters.jsonl").read_text().splitlines()
    assert len(letters) <= 2 * n_taken  # an event and its label at most
    assert summary["events"] <= n_taken
