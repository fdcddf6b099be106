"""`build_library` makes the shared library that Renode loads for a custom function unit from its cfu.v."""

from __future__ import annotations

from pathlib import Path

from cfukit_base import process
from cfukit_base.cache import cached
from cfukit_base.digest import digest_of
from cfukit_base.errors import BuildError, UsageError
from cfukit_base.plain_paths import plain
from cfukit_base.progress import stage
from cfukit_base.tools import Tool, host_cxx, verilator
from cfukit_base.verilator_runtime import all_joined, build_digest, including, runtime_objects
from cfukit_soc.generate import CFU_STUB

SHIM = Path(__file__).with_name("cfu.cpp")
EXPORTS = Path(__file__).with_name("exports.map")
SYMBOLS = (
    "execute",
    "handle_request",
    "initialize_native",
    "renode_external_attach__ActionIntPtr__HandleSenderMessage",
    "reset_peripheral",
)
NAME = "libcfu.so"
_VERILATOR_FLAGS = ("--cc", "-O3", "--no-timing", "-Wno-fatal", "-Wno-lint", "-Wno-style")
_CXX_FLAGS = (
    "-std=c++17",
    "-O2",
    "-fPIC",
    "-fvisibility=hidden",
    "-DVM_COVERAGE=0",
    "-DVM_SC=0",
    "-DVM_TRACE=0",
)
_RUNTIME = ("verilated", "verilated_threads")
_SECONDS = 900.0  # zig c++ builds its own C++ library at its first use


def build_library(cfu_verilog: Path | None, build_dir: Path, *, cxx: Tool | None = None) -> Path:
    """The shared library of this CFU (None: one that answers 0), kept under `build_dir`; it exports SYMBOLS and nothing else.

    cfu.v is whole: it includes no file and reads none, so that its text alone is the library's key.

    The library reads from its environment:

    * CFUKIT_RENODE_STATUS: a file to which it appends a line when an instruction fails, a JSON object
      {"kind", "funct3", "funct7", "a", "b", "accepted"}.
    * CFUKIT_RENODE_HOLD: if set, an instruction that fails never returns.
    * CFUKIT_RENODE_PATIENCE: cycles before a time-out (1,000,000).
    """
    source = cfu_verilog or CFU_STUB
    if not source.is_file():
        raise UsageError(str(source), "no such file", allowed="a Verilog file with a module Cfu")
    cxx = cxx or host_cxx()
    flags = [*_CXX_FLAGS, *(["-fno-sanitize=undefined"] if cxx.name.startswith("zig") else [])]
    key = digest_of(
        source, SHIM, EXPORTS, verilator().identity, cxx.identity, flags, _VERILATOR_FLAGS, build_digest()
    )

    def build(folder: Path) -> None:
        with stage(f"compiling the CFU for Renode ({cxx.name} {cxx.version})"):
            _verilate(source.resolve(), folder)
            words = [*cxx.argv, *including(cxx, flags, often=False), *all_joined(folder / "made"), str(SHIM)]
            words += [str(path) for path in runtime_objects(cxx, _RUNTIME)]
            words += ["-shared", f"-Wl,--version-script={EXPORTS}", "-pthread", "-o", NAME]
            done = process.run(words, cwd=folder, env=cxx.env, timeout=_SECONDS)
            if not done.ok:
                hint = "cfukit doctor; unset CXX to let cfukit choose the compiler"
                raise BuildError(cxx.name, f"cannot compile the CFU for Renode: {done.tail(3)}", hint=hint)
            process.run(["rm", "-rf", "made"], cwd=folder)

    return cached(build_dir, "renode-cfu", key, build) / NAME


def _verilate(source: Path, folder: Path) -> None:
    tool = verilator()
    words = [*tool.argv, *_VERILATOR_FLAGS, "--top-module", "Cfu", "--prefix", "VCfu", "--Mdir", "made"]
    done = process.run([*words, str(plain(source))], cwd=folder, env=tool.env, timeout=_SECONDS)
    if not done.ok:
        errors = [line for line in done.stderr.splitlines() if line.startswith("%Error")]
        raise BuildError(
            str(source),
            f"this CFU does not build: {errors[0].removeprefix('%Error').lstrip(':- ') if errors else done.tail(3)}",
            log=done.tail(40),
        )
