"""The summary of a run as a file: whole or absent, the same for the same run, valid JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np

__all__ = ["SUMMARY_FILE", "write_summary"]

SUMMARY_FILE = "summary.json"


def write_summary(folder: Path, summary: Mapping[str, object], name: str = SUMMARY_FILE) -> Path:
    """Write ``summary.json``: names sorted, NaN and infinities as null; return its path.

    A crash leaves the file as it was before, or as it should be.
    """
    data = msgspec.json.encode(summary, enc_hook=_plain, order="sorted")
    path = folder / name
    new = path.with_suffix(".json.new")
    with new.open("wb") as file:
        file.write(msgspec.json.format(data, indent=2) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    return path


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"{type(value).__name__} has no form in JSON")
