"""Which source a file name gets."""

import gzip
import io
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streamadapt.connectors.arff_source import ARFFSource
from streamadapt.connectors.csv_source import CSVSource
from streamadapt.connectors.files import SUPPORTED, FileFormat, open_source
from streamadapt.connectors.jsonl_source import JSONLSource
from streamadapt.connectors.parquet_source import ParquetSource
from streamadapt.connectors.svmlight_source import SvmlightSource
from streamadapt.errors import SourceError
from streamadapt.events import CategoricalField, NumericField, Records, RecordSchema, TextField
from tests.laws.source_files import SCHEMA, WRITERS

XY = RecordSchema(features={"x": NumericField()}, target="y")
SAMPLES = {
    CSVSource: b"x,y\n",
    JSONLSource: b"{}\n",
    ARFFSource: b"@attribute x real\n@attribute y real\n@data\n",
    SvmlightSource: b"1 1:2\n",
}
LABELLED = RecordSchema(features={"1": NumericField()}, target="label")
KINDS = {".csv": CSVSource, ".tsv": CSVSource, ".parquet": ParquetSource, ".arff": ARFFSource}
KINDS |= {".svmlight": SvmlightSource, ".libsvm": SvmlightSource}


@pytest.mark.parametrize("name", SUPPORTED)
def test_every_supported_ending_opens_in_any_case(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"events.2024{name.upper()}"
    kind = KINDS.get("." + name.split(".")[1], JSONLSource)
    if kind is ParquetSource:
        pq.write_table(pa.table({"x": [1], "y": [1]}), path)
    else:
        data = SAMPLES[kind].replace(b"x,y", b"x\ty") if "tsv" in name else SAMPLES[kind]
        codec = {".gz": "gzip", ".zst": "zstd"}.get(Path(name).suffix)
        path.write_bytes(pa.Codec(codec).compress(data, asbytes=True) if codec else data)
    source = open_source(path, LABELLED if kind is SvmlightSource else XY)
    assert type(source) is kind
    source.close()


@pytest.mark.parametrize(("format", "kind"), [("csv", CSVSource), ("jsonl", JSONLSource)])
def test_a_format_that_is_named_counts_more_than_the_ending(
    tmp_path: Path, format: FileFormat, kind: type
) -> None:
    (tmp_path / "a.parquet").write_bytes(SAMPLES[kind])
    source = open_source(tmp_path / "a.parquet", XY, format)
    assert type(source) is kind
    source.close()


@pytest.mark.parametrize("name", ["a", "a.txt", "csv", "a.csv.bz2"])
def test_an_unknown_ending_names_the_known_ones(name: str) -> None:
    with pytest.raises(SourceError, match=r"does not tell the format.*\.csv\.gz.*\.parquet"):
        open_source(name, XY)


def test_an_unknown_format_names_the_known_endings() -> None:
    with pytest.raises(SourceError, match="no format 'xml'"):
        open_source("a.csv", XY, "xml")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["base", "synth", "Nothing", "__all__"])
def test_what_is_no_data_set_of_river_names_those_that_are(name: str) -> None:
    with pytest.raises(SourceError, match=rf"no data set '{name}'.*Bikes, ChickWeights"):
        open_source(f"river:{name}", XY)


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_standard_input_is_a_file_that_can_be_read_once(
    monkeypatch: pytest.MonkeyPatch, compress: Callable[[bytes], bytes]
) -> None:
    stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(compress(b"x,y\n1,2\n"))))
    monkeypatch.setattr(sys, "stdin", stdin)
    source = open_source("-", XY, "csv")
    records = source.poll(5)
    assert records is not None
    assert records.numbers["y"].tolist() == [2]
    with pytest.raises(SourceError, match="standard input"):
        source.seek(0)
    source.close()


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_decodes_a_free_text_just_as_a_category(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)

    def read(field: CategoricalField | TextField) -> Records:
        schema = SCHEMA.model_copy(update={"features": {**SCHEMA.features, "shop": field}})
        source = open_source(tmp_path / name, schema)
        records = source.poll(100)
        source.close()
        assert records is not None
        return records

    texts, categories = read(TextField()), read(CategoricalField())
    assert texts.texts["shop"] == categories.texts["shop"]
    assert {'b "quoted"', "line\nend", None} <= set(texts.texts["shop"])
    assert (texts.counts, texts.rejects) == (categories.counts, categories.rejects)
