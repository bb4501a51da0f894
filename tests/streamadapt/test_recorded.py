"""Opening what a pipeline names, and telling it from other streams."""

from pathlib import Path

import pytest

from streamadapt.config_file import parse_config
from streamadapt.errors import SourceError
from streamadapt.recorded import is_there, recorded_stream, stream_fingerprint, stream_identity
from streamadapt.scaffold import scaffold


def test_init_proposes_the_dialect_and_replay_reads_by_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [f"{i},5;{'up' if i % 3 else 'down'}" for i in range(40)]
    path.write_text("\n".join(["höhe;richtung", *rows]) + "\n", encoding="latin-1")
    text = scaffold(path, "richtung")
    config = parse_config(text, {}, "a pipeline")
    assert config.source is not None
    assert config.source.csv is not None
    source = recorded_stream(config, path)
    records = source.poll(100)
    source.close()
    assert records is not None
    assert records.numbers["höhe"].tolist() == [i + 0.5 for i in range(40)]
    other = tmp_path / "b.csv"  # is taken to be written likewise
    other.write_text("höhe;richtung\n1,5;up\n", encoding="latin-1")
    source = recorded_stream(config, other)
    records = source.poll(5)
    source.close()
    assert records is not None
    assert records.numbers["höhe"].tolist() == [1.5]


def test_a_format_is_that_of_its_own_file_and_of_names_that_tell_none(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text('{"x": 1, "y": 2}\n')
    (tmp_path / "c.csv").write_text("x,y\n3,4\n")
    text = "name: a\ntask: {kind: regression, target: y}\nrecord: {features: {x: numeric}}\n"
    text += "learners: {linear: {kind: linear}}\n"
    text += f"source: {{path: {tmp_path}/a.log, format: jsonl}}"
    config = parse_config(text, {}, "a pipeline")
    (tmp_path / "b.log").write_text('{"x": 2, "y": 2}\n')
    found = []
    for name in ("a.log", "b.log", "c.csv"):
        source = recorded_stream(config, tmp_path / name)
        records = source.poll(5)
        source.close()
        assert records is not None
        found += records.numbers["x"].tolist()
    assert found == [1.0, 2.0, 3.0]


def test_how_a_stream_is_read_belongs_to_what_tells_it_from_others(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n-999,4\n")
    text = "name: a\ntask: {kind: regression, target: y}\nrecord: {features: {x: numeric}}\n"
    text += f"learners: {{linear: {{kind: linear}}}}\nsource: {{path: {tmp_path}/a.csv%s}}"
    plain = parse_config(text % "", {}, "a pipeline")
    other = parse_config(text % ", csv: {na_values: ['-999']}", {}, "a pipeline")
    path = tmp_path / "a.csv"
    assert stream_fingerprint(plain, path) == stream_identity(path)
    assert stream_fingerprint(other, path) != stream_identity(path)
    (tmp_path / "x").mkdir()
    same = tmp_path / "x" / ".." / "a.csv"
    assert stream_fingerprint(other, path) == stream_fingerprint(other, same)


@pytest.mark.parametrize(
    ("name", "text", "target"),
    [
        ("a.arff", "@attribute x real\n@attribute y {p,q}\n@data\n1, p\n2, q\n3, p\n", "y"),
        ("a.svmlight", "1 1:2 2:3\n2 2:4\n1 1:5\n", "label"),
        ("a.tsv", "x\ty\n1\ta\n2\tb\n3\ta\n", "y"),
    ],
)
def test_init_works_for_other_formats(tmp_path: Path, name: str, text: str, target: str) -> None:
    (tmp_path / name).write_text(text)
    config = parse_config(scaffold(tmp_path / name, target), {}, "a pipeline")
    source = recorded_stream(config, tmp_path / name)
    records = source.poll(10)
    source.close()
    assert records is not None
    assert (len(records), records.rejects) == (3, [])


def test_init_works_for_a_data_set_of_river(tmp_path: Path) -> None:
    config = parse_config(scaffold("river:Phishing", "target"), {}, "a pipeline")
    source = recorded_stream(config, Path("river:Phishing"))
    records = source.poll(10)
    source.close()
    assert records is not None
    assert len(records) == 10


def test_streams_are_the_same_if_their_files_are(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("x,y\n")
    whole = stream_identity(tmp_path)
    assert stream_identity(tmp_path / "*.csv") == whole
    assert stream_identity(tmp_path / "a.csv") == stream_identity(tmp_path / "b.csv") != whole
    (tmp_path / "b.csv").write_text("x,z\n")
    assert stream_identity(tmp_path) != whole
    assert stream_identity(Path("river:Phishing")) == "river:Phishing"
    assert is_there(tmp_path / "*.csv")
    assert not is_there(tmp_path / "c.csv")
    with pytest.raises(SourceError, match="there is no file"):
        stream_identity(tmp_path / "c.csv")
