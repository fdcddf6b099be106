"""What all builds of verilated code share."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfukit_base import process
from cfukit_base.tools import host_cxx
from cfukit_base.verilator_runtime import all_joined, including, joined_unoptimised

FLAGS = ("-std=c++17", "-O1", "-DVM_TRACE=0", "-pthread")


def compiled(folder: Path, *flags: str) -> process.Finished:
    (folder / "own.h").write_text("static const int own = LATER;\n")
    (folder / "a.cpp").write_text('#include "verilated.h"\nint given() { return own + VM_TRACE; }\n')
    later = ["-DLATER=1", "-include", "own.h", "-c", "a.cpp"]
    cxx = host_cxx()
    return process.run([*cxx.argv, *flags, *later], cwd=folder, env=cxx.env, timeout=300)


@pytest.mark.needs("g++ of GCC")
def test_gcc_takes_the_headers_as_it_has_read_them(tmp_path: Path) -> None:
    flags = including(host_cxx(), FLAGS)
    done = compiled(tmp_path, "-Winvalid-pch", "-Werror", *flags)
    assert done.ok, done.tail()
    # This is how it would be seen that it does not.
    assert (
        "not used because" in compiled(tmp_path, "-Winvalid-pch", *flags, "-UNDEBUG", "-D_REENTRANT=2").stderr
    )


@pytest.mark.parametrize("often", [False, True])
def test_flags_for_any_compiler(tmp_path: Path, often: bool) -> None:
    assert compiled(tmp_path, *including(host_cxx(), FLAGS, often=often)).ok


@pytest.mark.needs("g++ of GCC")
def test_only_what_runs_once_is_not_optimised(tmp_path: Path) -> None:
    known = "{ int one = 1; return __builtin_constant_p(one); }\n"  # GCC looks into variables if it optimises
    files = {
        "made/Va__pch.h": "#pragma once\nint quick();\n",
        "made/Va__0.cpp": f'#include "Va__pch.h"\nint quick() {known}',
        "made/Va__0__Slow.cpp": f'#include "Va__pch.h"\nint quick();\nint slow() {known}',
        "main.cpp": f"int own() {known}int main() {{ return 4 * quick() + 2 * slow() + own(); }}\n",
    }
    (tmp_path / "made").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    def compiles(*words: str) -> None:
        done = process.run([*host_cxx().argv, "-O2", "-Wall", "-Werror", *words], cwd=tmp_path, timeout=300)
        assert done.ok, done.tail()

    compiles("-c", "made/Va__0.cpp", "-o", "quick.o")
    compiles(*joined_unoptimised(tmp_path / "made", ["Va__0__Slow.cpp"]), "-c", "main.cpp", "-o", "main.o")
    compiles("quick.o", "main.o", "-o", "main")
    assert process.run([tmp_path / "main"]).code == 5
    compiles(*all_joined(tmp_path / "made"), "main.cpp", "-o", "main")
    assert process.run([tmp_path / "main"]).code == 7
