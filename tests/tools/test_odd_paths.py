"""A project and a cache in folders with spaces, quotes and per cents: every tool that cfukit calls finds its files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cfukit.testing.verilator_driver import build as build_bench
from cfukit_base import tools, verilator_runtime
from cfukit_base.errors import BuildError
from cfukit_soc import build_simulator
from cfukit_soc.fast.build import build_cfu_library, build_fast_simulator
from cfukit_soc.renode.library import build_library
from cfukit_soc.synthesis.area import cfu_area
from cfukit_soc.synthesis.programs import environment, program
from cfukit_tools import api
from support.bare import ODD_CFU
from support.own_cache import own_cache
from support.socs import make_soc

NAME = '100 %d it\'s "here"'
PROGRAM = """
#include "cfu_ops.h"
#include "cfukit.h"
int main(void) {
  (void)cfu_acc_set0(100);
  printf("mac4 %d\\n", (int)cfu_mac4_add0(0x01020304, 0x01010101));
  return 0;
}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / NAME
    folder.mkdir(exist_ok=True)
    monkeypatch.setenv("CFUKIT_CACHE", str(folder / "cache"))
    monkeypatch.chdir(folder)
    tools.riscv_cc.cache_clear()  # it knows where zig's cache is
    yield folder
    tools.riscv_cc.cache_clear()


@pytest.fixture
def runtime(tmp_path: Path) -> None:
    """Verilator's runtime and the fast simulator are there already. Another test makes them in such a folder."""
    own_cache(tmp_path / NAME / "cache", linked=False)


@pytest.fixture
def yosys(tmp_path: Path) -> None:
    """So is Yosys's machine code, which takes seconds to make."""
    (made,) = map(Path, environment(program("yosys")).values())
    shutil.copytree(made, tmp_path / NAME / "cache" / "wheels" / made.name)


@pytest.mark.slow
def test_firmware_and_simulator(runtime: None, folder: Path) -> None:
    api.init(str(folder / "mine"), "mac4")
    (folder / "program.c").write_text(PROGRAM)
    for compiler in ("zig", *(["gcc"] if shutil.which("riscv64-unknown-elf-gcc") else [])):
        ran = api.exec_(folder / "program.c", project=folder / "mine", stdin=b"", compiler=compiler)
        assert (ran["exit_code"], ran["output"]) == (0, "mac4 110\n")
    (folder / "wrong.c").write_text("int main(void) { return x; }\n")
    with pytest.raises(BuildError, match="undeclared") as caught:
        api.exec_(folder / "wrong.c", project=folder / "mine", stdin=b"")
    assert str(folder / "wrong.c") in str(caught.value)


@pytest.mark.long
def test_a_test_bench(runtime: None, folder: Path) -> None:
    api.init(str(folder / "mine"), "mac4")
    assert api.test(folder / "mine", only="cocotb")["ok"]


@pytest.mark.slow
@pytest.mark.needs("fpga")
def test_synthesis(yosys: None, folder: Path) -> None:
    (made,) = environment(program("icepack")).values()
    assert str(folder) in made
    (folder / "cfu.v").write_text(ODD_CFU.read_text())
    assert cfu_area(folder / "cfu.v", "ice40", folder / "area").used["lut"] > 0


@pytest.mark.long
def test_verilators_runtime_is_compiled_once_for_every_kind_of_build(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the fast simulator once. None of it runs here, so it need not be optimised."""
    monkeypatch.setattr(verilator_runtime, "_FLAGS", ("-O0", "-fPIC", "-std=c++17"))
    monkeypatch.setattr("cfukit_soc.simulator._optimisation", lambda cxx: ["-O0"])
    monkeypatch.setattr("cfukit_soc.fast.build._FLAGS", ("-O0", "-std=c++17"))
    text = ODD_CFU.read_text()
    (folder / "cfu.v").write_text(text)
    soc_json = make_soc("sim", folder / "soc")
    build_simulator(soc_json, folder / "cfu.v", build_dir=folder / "build")
    build_library(folder / "cfu.v", folder / "renode")
    build_cfu_library(folder / "cfu.v", folder / "fast")
    build_fast_simulator()
    build_bench(text, "the CFU")
    made = sorted(path.name.rpartition("-")[0] for path in (folder / "cache" / "verilator-runtime").iterdir())
    assert made == ["verilated", "verilated_dpi", "verilated_threads"]
