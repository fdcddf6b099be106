"""Tools are found, from wheels first if results depend on them. A missing tool is named with the way to get it."""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from cfukit_base import process, tools
from cfukit_base.cache import manifest
from cfukit_base.errors import MissingToolError, UsageError
from cfukit_base.tools import compilers, tool, zig_cache


@pytest.fixture(autouse=True)
def _fresh() -> None:
    compilers._host_compiler.cache_clear()
    tools.riscv_cc.cache_clear()
    tools.icarus.cache_clear()


def test_verilator_runs_and_has_its_runtime() -> None:
    tool = tools.verilator()
    assert process.run([*tool.argv, "--version"], env=tool.env).ok
    assert (tools.verilator_include() / "verilated.cpp").is_file()


def test_zig_is_the_firmware_compiler() -> None:
    tool = tools.riscv_cc("zig")
    assert tool.source == "wheel"
    assert tool.version.startswith("0.17")
    assert tool.identity == f"zig cc {tool.version}"


def test_unknown_riscv_compiler_is_refused() -> None:
    with pytest.raises(UsageError, match="one of zig, gcc"):
        tools.riscv_cc("msvc")


def test_missing_gcc_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingToolError, match="apt install gcc-riscv64-unknown-elf") as caught:
        tools.riscv_cc("gcc")
    assert caught.value.exit_code == 3


def test_zig_is_the_compiler_of_last_resort(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "")
    assert tools.host_cxx().name == "zig c++"
    assert tools.host_cc().argv[-1] == "cc"


def test_a_named_compiler_is_used_or_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "mycc"
    fake.write_text("#!/bin/sh\necho mycc 9.8.7\n")
    fake.chmod(0o755)
    monkeypatch.setenv("CXX", f"{fake} -flag")
    assert tools.host_cxx().argv == (str(fake), "-flag")
    assert tools.host_cxx().version == "9.8.7"
    compilers._host_compiler.cache_clear()
    monkeypatch.setenv("CXX", "nonesuch")
    with pytest.raises(MissingToolError, match="'nonesuch' is not a program"):
        tools.host_cxx()


def test_the_survey_names_every_tool_and_its_source() -> None:
    findings = {finding.name: finding for finding in tools.survey()}
    assert findings["verilator"].found and findings["zig"].found
    assert all(finding.needed_for and finding.get_it for finding in findings.values())
    assert not findings["renode"].required


def test_a_damaged_library_of_zig_is_removed_with_all_its_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """zig would take it as it is: the linker then reports a malformed archive, at every call."""
    monkeypatch.setenv("CFUKIT_CACHE", str(tmp_path))
    library, young = tmp_path / "zig" / "o" / "1f" / "lib.a", tmp_path / "zig" / "o" / "2f" / "lib.a"
    for path in (library, young):
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(1000))
    os.utime(library, (1000, 1000))

    def check() -> None:
        zig_cache._check.cache_clear()
        assert tools.zig().env["ZIG_GLOBAL_CACHE_DIR"] == str(tmp_path / "zig")

    check()
    os.truncate(young, 10)  # it may still be in the making
    check()
    assert library.is_file() and young.is_file()
    os.truncate(library, 10)
    check()
    assert not list(tmp_path.glob("**/*.a")) and not list(tmp_path.glob(".zig*"))


@pytest.mark.parametrize("damage", ["truncated", "deleted"])
def test_a_damaged_manifest_of_zigs_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    monkeypatch.setenv("CFUKIT_CACHE", str(tmp_path))
    library = tmp_path / "zig" / "o" / "1f" / "lib.a"
    library.parent.mkdir(parents=True)
    library.write_bytes(bytes(1000))
    os.utime(library, (1000, 1000))
    zig_cache._check.cache_clear()
    tools.zig()
    path = tmp_path / "zig" / manifest.NAME
    if damage == "deleted":
        path.unlink()
    else:
        os.truncate(path, 20)
    zig_cache._check.cache_clear()
    tools.zig()
    assert library.is_file() == (damage == "deleted")


@pytest.mark.parametrize(
    "name, board",
    [
        ("nextpnr-ice40", "iCEBreaker"),
        ("nextpnr-ecp5", "ULX3S"),
        ("nextpnr-gowin", "Tang Nano 20K"),
        ("gowin_pack", "Tang Nano 20K"),
    ],
)
def test_place_and_route_of_every_family_is_surveyed(name: str, board: str) -> None:
    findings = {finding.name: finding for finding in tools.survey()}
    assert board in findings[name].needed_for
    assert findings[name].get_it.endswith('pip install "cfukit[fpga]"') and not findings[name].required


def test_pip_is_this_environments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Another environment's pip, or the system's, would install where cfukit is not."""
    here = Path(sysconfig.get_path("scripts"))
    for folder, begin in ((here, "pip "), (tmp_path, f"{shlex.quote(sys.executable)} -m pip ")):
        monkeypatch.setattr(shutil, "which", lambda name, folder=folder: str(folder / name))
        assert tool.pip_install("cfukit") == f"{begin}install cfukit"
        assert tool.pip_install("cfukit[fpga]") == f'{begin}install "cfukit[fpga]"'
    monkeypatch.setattr(shutil, "which", lambda name: None)
    done = subprocess.run(
        [*shlex.split(tool.pip_install("cfukit[fpga]"))[:3], "--version"], capture_output=True, text=True
    )
    assert done.returncode == 0 and str(Path(sysconfig.get_path("purelib"))) in done.stdout


def test_every_wheel_of_synthesis_is_surveyed() -> None:
    """The programs that soc/cfukit_soc/synthesis calls; icepack and ecppack come with their router."""
    from cfukit_soc.synthesis.programs import WHEELS

    surveyed = {finding.name for finding in tools.survey()}
    assert {*WHEELS} - surveyed == {"icepack", "ecppack"}
