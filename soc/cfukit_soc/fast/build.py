"""The fast simulator and its CFUs as native code: the simulator once per user, a CFU once per cfu.v."""

from __future__ import annotations

import re
from pathlib import Path

from cfukit_base import process
from cfukit_base.cache import cached, shared, user_cache
from cfukit_base.digest import digest_of, digest_tree
from cfukit_base.errors import BuildError, UsageError
from cfukit_base.plain_paths import plain
from cfukit_base.progress import stage
from cfukit_base.tools import Tool, host_cxx, verilator
from cfukit_base.verilator_runtime import all_joined, build_digest, including, runtime_objects
from cfukit_soc.generate import HARNESS

SOURCES = Path(__file__).parent
SIMULATOR, LIBRARY = "fast_simulator", "libcfu.so"
_SHARED = (
    "bubbles.h",
    "causes.h",
    "counts.h",
    "line.h",
    "progress.h",
    "retired.h",
    "stack.h",
    "stores.h",
    "tracing.h",
    "words.h",
)  # of the RTL's harness
_FLAGS = ("-std=c++17", "-O2")
_LIBRARY_FLAGS = ("-pthread", "-fPIC", "-fvisibility=hidden", "-DVM_TRACE=0")
_VERILATOR_FLAGS: tuple[str, ...] = (
    "--cc",
    "-O3",
    "--x-assign",
    "fast",
    "--x-initial",
    "fast",
    "--no-timing",
    "--no-assert",
)
_VERILATOR_FLAGS += ("-Wno-fatal", "-Wno-lint", "-Wno-style")
_RUNTIME = ("verilated", "verilated_threads")
# What starts the parts of a model whose registers all have the clock's rising edge: any input, and that edge.
_ONE_EDGE = (
    r"// Body vlSelfRef\.__VicoTriggered\[0U\] = \(\(0xfffffffffffffffeULL & vlSelfRef\.__VicoTriggered\[0U\]\) "
    r"\| \(IData\)\(\(IData\)\(vlSelfRef\.__VicoFirstIteration\)\)\);$",
    r"// Body vlSelfRef\.__VactTriggered\[0U\] = \(QData\)\(\(IData\)\( ?\(\(IData\)\(vlSelfRef\.clk\) "
    r"& \(~ \(IData\)\(vlSelfRef\.(__Vtrigprevexpr___TOP__clk__0)\)\)\)\)\); vlSelfRef\.\1 = vlSelfRef\.clk;$",
)
_SANITIZED = ("-O0", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
_SECONDS = 900.0  # zig c++ builds its own C++ library at its first use


def _flags(cxx: Tool) -> list[str]:
    # zig: for any machine of this kind and without its sanitizer, as the others do by themselves.
    return [*_FLAGS, *(["-mcpu=baseline", "-fno-sanitize=undefined"] if cxx.name.startswith("zig") else [])]


def _sources() -> tuple[str, str]:
    return digest_tree(SOURCES, ("*.h", "*.cpp")), digest_tree(HARNESS, _SHARED)


def model_digest(cfu_verilog: Path | None) -> str:
    """What the behaviour of the simulator with this CFU depends on."""
    return digest_of(*_sources(), *(_cfu_parts(cfu_verilog) if cfu_verilog else ()))


def _cfu_parts(cfu_verilog: Path) -> tuple[object, ...]:
    return cfu_verilog, verilator().identity, _VERILATOR_FLAGS


def build_fast_simulator(*, cxx: Tool | None = None, sanitized: bool = False) -> Path:
    """The executable that runs firmware on any system; compiled at its first use. sanitized: it ends at its first error of memory
    or arithmetic, for tests.
    """
    cxx = cxx or host_cxx()
    flags = [*_flags(cxx), *(_SANITIZED if sanitized else ())]
    key = digest_of(*_sources(), cxx.identity, flags)

    def build(folder: Path) -> None:
        with stage(f"compiling the fast simulator, once ({cxx.name} {cxx.version})"):
            words = [
                *cxx.argv,
                *flags,
                f"-I{plain(HARNESS)}",
                str(plain(SOURCES / "main.cpp")),
                "-o",
                SIMULATOR,
                "-ldl",
            ]
            _compile(cxx, words, folder, "the fast simulator")

    return cached(user_cache(), "fast", key, build) / SIMULATOR


def build_cfu_library(cfu_verilog: Path, build_dir: Path, *, cxx: Tool | None = None) -> Path:
    """The shared library of this CFU for the fast simulator, kept under `build_dir`."""
    if not cfu_verilog.is_file():
        raise UsageError(str(cfu_verilog), "no such file", allowed="a Verilog file with a module Cfu")
    cxx = cxx or host_cxx()
    source, signals = SOURCES / "cfu_library.cpp", SOURCES / "cfu_signals.h"
    rules = Path(__file__)  # of when an edge stands alone
    flags = [*_flags(cxx), "-O3", *_LIBRARY_FLAGS]
    key = digest_of(*_cfu_parts(cfu_verilog), source, signals, rules, cxx.identity, flags, build_digest())

    def build(folder: Path) -> None:
        with stage(f"compiling the CFU ({cxx.name} {cxx.version})"):
            _verilate(cfu_verilog.resolve(), folder)
            words = [*cxx.argv, *including(cxx, flags), *_edges(folder / "made"), f"-I{plain(SOURCES)}"]
            words += [*all_joined(folder / "made"), str(source)]
            words += [str(path) for path in runtime_objects(cxx, _RUNTIME)]
            _compile(cxx, [*words, "-shared", "-o", LIBRARY], folder, "the CFU")
            process.run(["rm", "-rf", "made"], cwd=folder)

    # The key does not cover what the CFU includes, so such a library is for this folder alone.
    keep = cached if "`include" in cfu_verilog.read_text(errors="replace") else shared
    return keep(build_dir, "fast-cfu", key, build) / LIBRARY


def _edges(made: Path) -> list[str]:
    """How the verilated CFU computes a clock edge alone, as macros of cfu_library.cpp.

    EDGE_ALONE: it has a part for clock edges, and nothing but that part looks at the clock. ONE_EDGE: that part only asks whether the clock
    rises, and nothing ever starts its other parts.
    """
    text = "".join(path.read_text() for path in sorted(made.glob("*.cpp")))
    bodies = dict(re.findall(r"^\w[^;\n]*?\b(VCfu_\w+)\([^;\n]*\{$(.*?)^\}", text, re.MULTILINE | re.DOTALL))
    parts = {name.removeprefix("VCfu___024root___"): body for name, body in bodies.items()}
    settling = [body for name, body in parts.items() if "_ico" in name]
    if not {"eval_phase__act", "eval_phase__nba"} <= {*parts} or not settling or _looks_at_clock(settling):
        return []
    edge = [body for name, body in parts.items() if "nba" in name]
    begins = [" ".join(parts.get(f"eval_triggers_vec__{when}", "").split()) for when in ("ico", "act")]
    one = all(re.search(pattern, body) for pattern, body in zip(_ONE_EDGE, begins, strict=True))
    both = {"eval_ico", "eval_nba"} <= {*parts} and not _looks_at_clock(edge)
    return ["-DEDGE_ALONE", *(["-DONE_EDGE"] if one and both else [])]


def _looks_at_clock(bodies: list[str]) -> bool:
    return any(re.search(r"(\.|->)clk\b", body) for body in bodies)


def _compile(cxx: Tool, words: list[str], folder: Path, what: str) -> None:
    done = process.run(words, cwd=folder, env=cxx.env, timeout=_SECONDS)
    if not done.ok:
        hint = "cfukit doctor; unset CXX to let cfukit choose the compiler"
        raise BuildError(cxx.name, f"cannot compile {what}: {done.tail(3)}", hint=hint, log=done.tail(40))


def _verilate(source: Path, folder: Path) -> None:
    tool = verilator()
    words = [*tool.argv, *_VERILATOR_FLAGS, "--top-module", "Cfu", "--prefix", "VCfu", "--Mdir", "made"]
    done = process.run(
        [*words, f"-I{plain(source.parent)}", str(plain(source))], cwd=folder, env=tool.env, timeout=_SECONDS
    )
    if not done.ok:
        errors = [line for line in done.stderr.splitlines() if line.startswith("%Error")]
        first = errors[0].removeprefix("%Error").lstrip(":- ") if errors else done.tail(3)
        raise BuildError(str(source), f"this CFU does not build: {first}", log=done.tail(40))
