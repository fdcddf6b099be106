"""Which line of a failed link is reported, and what it means when the linker prints nothing."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from cfukit_base.process import Finished
from cfukit_sw.link_errors import link_error

Usage = namedtuple("Usage", "total used free")


COLLECT = "collect2: error: ld returned 1 exit status\n"


@pytest.mark.parametrize(
    ("code", "text", "free", "exit_code", "said"),
    [
        (-6, "", 0, 1, "firmware.elf: cannot write here: No space left on device"),
        (-7, "\n", 1 << 20, 1, "No space left on device"),
        (-6, "", 1 << 30, 2, "linker: failed with code -6 and no message"),
        (1, "", 0, 2, "linker: failed with code 1 and no message"),
        (-6, "error: odd", 0, 2, "linker: error: odd"),
        (1, f"ld: warning: x\na.S:7: relocation truncated\n{COLLECT}", 0, 2, "linker: a.S:7: relocation"),
        (1, COLLECT, 0, 2, "linker: collect2: error"),
    ],
)
def test_what_is_reported(
    code: int,
    text: str,
    free: int,
    exit_code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 30, 0, free))
    error = link_error(Finished(("ld",), code, "", text), [], [], [], tmp_path, tmp_path / "firmware.elf")
    assert error.exit_code == exit_code and said in error.message
