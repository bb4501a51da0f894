from __future__ import annotations

from pathlib import Path

import pytest

from streamadapt.connectors.append_file import AppendFile
from streamadapt.errors import FatalError

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_named_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "sink").symlink_to(FULL)
    file = AppendFile(tmp_path / "sink")
    with pytest.raises(FatalError, match=r"sink: No space left on device"):
        file.append(b"x" * 1_000_000)
    file._file.detach().close()
