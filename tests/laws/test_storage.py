"""Every source, store and sink that is exported keeps every law of its contract."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from streamadapt.contracts import Sink, Store
from streamadapt.events import Source
from streamadapt.source_laws import SOURCE_LAWS
from streamadapt.storage_laws import READ_BACK_LAWS, SINK_LAWS, STORE_LAWS
from tests.laws import registered


def _cases(contract: type, kinds: Iterable[str], laws: Sequence[Callable[..., None]]) -> list[Any]:
    return [
        pytest.param(kind, law, id=f"{kind}-{law.__name__}")
        for kind in sorted(registered.exported(contract) & set(kinds))
        for law in laws
    ]


@pytest.mark.parametrize(
    ("kind", "law"), _cases(Source, registered.SOURCES | registered.OTHER_SOURCES, SOURCE_LAWS)
)
def test_source(kind: str, law: Callable[..., None], tmp_path: Path) -> None:
    law(registered.make_source(kind, tmp_path))


@pytest.mark.parametrize(("kind", "law"), _cases(Store, registered.STORES, STORE_LAWS))
def test_store(kind: str, law: Callable[..., None], tmp_path: Path) -> None:
    law(registered.make_store(kind, tmp_path))


@pytest.mark.parametrize(
    ("kind", "law"), _cases(Sink, registered.SINKS, SINK_LAWS + READ_BACK_LAWS)
)
def test_sink(kind: str, law: Callable[..., None], tmp_path: Path) -> None:
    make, read = registered.make_sink(kind, tmp_path)
    law(make, read)


@pytest.mark.parametrize(
    ("contract", "kinds"),
    [
        (Source, registered.SOURCES | registered.OTHER_SOURCES),
        (Store, registered.STORES),
        (Sink, registered.SINKS),
    ],
)
def test_everything_exported_is_here(contract: type, kinds: dict[str, Any]) -> None:
    assert registered.exported(contract) == set(kinds)


@pytest.mark.parametrize("kind", registered.SOURCES)
def test_the_recorded_streams_have_gaps_and_rejects(kind: str, tmp_path: Path) -> None:
    source = registered.make_source(kind, tmp_path)()
    first = source.poll(100)
    assert first is not None
    assert first.rejects
    assert None in first.texts["shop"]
    assert first.times_us is not None
    source.close()
