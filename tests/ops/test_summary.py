"""The summary file: valid JSON, in order, and whole or absent."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from streamadapt.ops import SUMMARY_FILE, write_summary


def test_names_are_sorted_and_lines_indented(tmp_path: Path) -> None:
    path = write_summary(tmp_path, {"b": {"d": 1, "c": 2}, "a": [1]})
    assert path == tmp_path / SUMMARY_FILE
    assert (
        path.read_text() == '{\n  "a": [\n    1\n  ],\n  "b": {\n    "c": 2,\n    "d": 1\n  }\n}\n'
    )


def test_what_json_has_no_number_for_is_null(tmp_path: Path) -> None:
    values = {"nan": float("nan"), "inf": float("inf"), "deep": [{"minus": -float("inf")}]}
    found = json.loads(write_summary(tmp_path, values).read_text())
    assert found == {"nan": None, "inf": None, "deep": [{"minus": None}]}


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    values = {"f": np.float64(0.5), "i": np.int64(3), "b": np.bool_(True), "n": np.float64("nan")}
    assert json.loads(write_summary(tmp_path, values).read_text()) == {
        "f": 0.5,
        "i": 3,
        "b": True,
        "n": None,
    }


def test_a_failure_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_summary(tmp_path, {"a": 1})

    def fails(_: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", fails)
    with pytest.raises(OSError, match="disk full"):
        write_summary(tmp_path, {"a": 2})
    assert json.loads((tmp_path / SUMMARY_FILE).read_text()) == {"a": 1}


def test_what_has_no_form_in_json_is_an_error_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotImplementedError, match="object has no form in JSON"):
        write_summary(tmp_path, {"a": object()})
    assert list(tmp_path.iterdir()) == []
