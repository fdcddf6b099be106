"""C and C++ compilers. Firmware is compiled by the pinned wheel's zig, because the compiler changes results."""

from __future__ import annotations

import functools
import os
import shutil
from importlib import metadata
from pathlib import Path

from cfukit_base.errors import MissingToolError, UsageError
from cfukit_base.plain_paths import plain
from cfukit_base.tools.tool import Tool, package_folder, version_of
from cfukit_base.tools.zig_cache import zig_cache


def zig() -> Tool:
    """The pinned wheel's zig: clang for RISC-V, and a C++ compiler for hosts without one."""
    root = package_folder("ziglang")
    binary = root / ("zig.exe" if os.name == "nt" else "zig")
    if not binary.is_file():
        raise MissingToolError("zig", "its wheel has no zig", hint="pip install --force-reinstall ziglang")
    caches = {name: str(plain(zig_cache())) for name in ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR")}
    return Tool("zig", (str(binary),), metadata.version("ziglang"), str(binary), "wheel", caches)


def host_cxx() -> Tool:
    """A C++17 compiler for this machine: $CXX, g++, clang++, else `zig c++` from the wheel."""
    return _host_compiler("CXX", ("g++", "clang++"), "c++")


def host_cc() -> Tool:
    """A C11 compiler for this machine: $CC, gcc, clang, else `zig cc` from the wheel."""
    return _host_compiler("CC", ("gcc", "clang"), "cc")


RISCV_COMPILERS = ("zig", "gcc")


@functools.cache
def riscv_cc(name: str = "zig") -> Tool:
    """The compiler for firmware: "zig" is the pinned wheel's clang, "gcc" a bare-metal GCC found on PATH."""
    if name == "zig":
        tool = zig()
        return Tool("zig cc", (*tool.argv, "cc"), tool.version, tool.path, tool.source, tool.env)
    if name != "gcc":
        raise UsageError("--cc", f"'{name}'", allowed=f"one of {', '.join(RISCV_COMPILERS)}")
    for program in ("riscv64-unknown-elf-gcc", "riscv32-unknown-elf-gcc", "riscv-none-elf-gcc"):
        path = shutil.which(program)
        if path:
            return Tool(
                program, (path,), version_of([path, "--version"], r"(\d+\.\d+(?:\.\d+)?)"), path, "native"
            )
    raise MissingToolError(
        "RISC-V gcc",
        "no riscv64-unknown-elf-gcc on PATH",
        hint="apt install gcc-riscv64-unknown-elf, or use --cc zig",
    )


@functools.cache
def _host_compiler(variable: str, programs: tuple[str, ...], zig_word: str) -> Tool:
    named = os.environ.get(variable, "").split()
    candidates = [named] if named else [[program] for program in programs]
    for words in candidates:
        path = shutil.which(words[0])
        if path:
            version = version_of([path, *words[1:], "--version"], r"(\d+\.\d+(?:\.\d+)?)")
            source = "environment" if named else "native"
            return Tool(Path(path).name, (path, *words[1:]), version, path, source)
        if named:
            raise MissingToolError(
                f"${variable}", f"'{words[0]}' is not a program on PATH", hint=f"unset {variable}"
            )
    tool = zig()
    return Tool(f"zig {zig_word}", (*tool.argv, zig_word), tool.version, tool.path, tool.source, tool.env)
