"""`build_simulator` makes a native program of Verilog: it calls Verilator, then the C++ compiler.

Verilator's runtime does not depend on the system and is compiled once per user. The rest is split to keep two cores busy. The key
of an executable is the digest of all its inputs and tools, so nothing is built twice, not even for another project.
"""

from __future__ import annotations

import errno
import functools
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from cfukit_base import process
from cfukit_base.artefacts import Soc
from cfukit_base.cache import cached, disk_error, shared
from cfukit_base.digest import digest_of, digest_tree
from cfukit_base.errors import BuildError, UsageError
from cfukit_base.plain_paths import plain, real
from cfukit_base.progress import stage
from cfukit_base.tools import Tool, host_cxx, verilator
from cfukit_base.verilator_runtime import build_digest, including, joined_unoptimised, runtime_objects
from cfukit_soc.generate import CFU_STUB, HARNESS

# --x-assign and --x-initial fast: unknown values take what is quickest, the same in every run (0 for all state).
_VERILATOR_FLAGS = [
    "--cc",
    "--top-module",
    "soc",
    "--prefix",
    "Vsoc",
    "-O3",
    "--x-assign",
    "fast",
    "--x-initial",
    "fast",
    "--no-timing",
    "--no-assert",
    "-fno-table",
    "-Wno-fatal",
    "-Wno-lint",
    "-Wno-style",
]
_WAVES_FLAGS = ["--trace-vcd", "--trace-max-array", "64"]
_CXX_FLAGS = ["-std=c++17", "-DNDEBUG"]
_RUNTIME = ("verilated", "verilated_threads", "verilated_dpi")
_COMPILE_SECONDS = 900.0  # zig c++ builds its own C++ library at its first use


def simulator_digest(soc_json: Path, cfu_verilog: Path | None) -> str:
    """What the behaviour of a simulator depends on: the system with this CFU, the harness and Verilator."""
    soc = Soc.read(soc_json)
    facts = [asdict(memory) for memory in soc.memories], asdict(soc.cpu)
    tool = verilator().identity
    return digest_of(
        *_sources(soc_json, soc, cfu_verilog), digest_tree(HARNESS), tool, _VERILATOR_FLAGS, facts
    )


def _sources(soc_json: Path, soc: Soc, cfu_verilog: Path | None) -> list[Path]:
    """All Verilog of a system, the CFU's last."""
    cfu = cfu_verilog or CFU_STUB
    if not cfu.is_file():
        raise UsageError(str(cfu), "no such file", allowed="a Verilog file with a module Cfu")
    return [
        soc_json.parent / soc.verilog,
        *(soc_json.parent / path for path in soc.cpu.verilog),
        *(HARNESS / name for name in soc.chips),
        cfu,
    ]


def build_simulator(
    soc_json: Path,
    cfu_verilog: Path | None,
    *,
    waves: bool = False,
    causes: bool = False,
    build_dir: Path,
    cxx: Tool | None = None,
) -> Path:
    """The executable that simulates the system with this CFU. A second call with the same inputs builds nothing.

    * cfu_verilog: None for a CFU that answers 0 to everything.
    * waves: build one that can write VCD; it is slower. causes: one that can tell causes; it is a little slower.
    * cxx: the C++ compiler, instead of the one that is found.
    """
    soc = Soc.read(soc_json)
    sources = _sources(soc_json, soc, cfu_verilog)
    cxx = cxx or host_cxx()
    name = "simulator" + "_waves" * waves + "_causes" * causes
    flags = _optimisation(cxx)
    key = digest_of(simulator_digest(soc_json, cfu_verilog), cxx.identity, flags, name, build_digest())

    def build(directory: Path) -> None:
        with stage(f"compiling the simulator ({cxx.name} {cxx.version})"):
            _verilate(directory, soc, sources, waves, causes)
            _compile(directory, cxx, flags, name, waves)

    # The key does not cover what the CFU includes, so such a simulator is for this folder alone.
    keep = cached if "`include" in sources[-1].read_text(errors="replace") else shared
    return keep(build_dir, "rtl", key, build) / name


def _verilate(directory: Path, soc: Soc, sources: Sequence[Path], waves: bool, causes: bool) -> None:
    *system, cfu = sources
    copies = []
    for source in system:
        copy = directory / source.name
        # These comments would keep signals that nobody reads, and modules apart. Those that we need are named in the .vlt.
        copy.write_text(re.sub(r"/\*\s*verilator public\s*\*/", "", source.read_text()))
        copies.append(copy.name)
    _write_names(directory, soc, causes)
    seen = ["vexriscv.vlt", *(["vexriscv_causes.vlt"] if causes else [])]
    seen += ["vexriscv_fetch.vlt"] if not soc.cpu.icache_bytes and not soc.cpu.traps else []
    tool = verilator()
    words = [*tool.argv, *_VERILATOR_FLAGS, *(_WAVES_FLAGS if waves else []), "-Mdir", "verilated"]
    words += [
        "+define+CFUKIT_POISON",
        *(str(plain(HARNESS / name)) for name in seen),
        "memories.vlt",
        f"-I{plain(cfu.resolve().parent)}",
        *copies,
        str(plain(cfu.resolve())),
    ]
    done = process.run(words, cwd=directory, env=tool.env, timeout=_COMPILE_SECONDS)
    done = replace(done, stdout=real(done.stdout), stderr=real(done.stderr))
    if not done.ok:
        errors = [line for line in done.stderr.splitlines() if line.startswith("%Error")]
        first = errors[0].removeprefix("%Error").lstrip(":- ") if errors else done.tail(5)
        if "'Cfu'" in first and "module" in first:
            first = "it has no module Cfu"
        raise BuildError(
            str(cfu),
            f"this CFU does not build: {first}",
            hint="module Cfu has the ports of cfukit's cfu.v",
            log=done.tail(40),
        )


# They show use and misuse of the CFU's memory port.
_MEMORY_PORT_SIGNALS = (
    "cfu_mem_collides",
    "cfu_mem_outside",
    "cfu_mem_cmd_payload_addr",
    "cfu_mem_cmd_valid",
    "cfu_mem_cmd_ready",
)


# They show use and misuse of its DMA port.
_DMA_SIGNALS = (
    "cfu_dma_outside",
    *(f"cfu_dma_read_cmd_{name}" for name in ("payload_addr", "payload_count", "valid", "ready")),
)


def _write_names(directory: Path, soc: Soc, causes: bool) -> None:
    """Write memories.vlt and memories.h: what the harness sees of this system besides the signals of every CPU."""
    lines, entries = ["`verilator_config"], []
    for index, memory in enumerate(soc.memories):
        module, variable = memory.verilog_module or "soc", memory.verilog_path.rpartition(".")[2]
        lines.append(f'public_flat_rw -module "{module}" -var "{variable}"')
        name = memory.verilog_path.replace(".", "__DOT__")
        entries.append(f"X({index}, {name}, {memory.base}u, {memory.bytes}u)")
    header = [f"#define SYSTEM_MEMORIES(X) {' '.join(entries)}"]
    tcm = [
        entry for entry, memory in zip(entries, soc.memories, strict=True) if memory.kind in ("itcm", "dtcm")
    ]
    header.append(f"#define TCM_MEMORIES(X) {' '.join(tcm)}")
    cpu = soc.cpu
    if not cpu.traps:
        to_fetch = [
            entry
            for entry, memory in zip(entries, soc.memories, strict=True)
            if (memory.kind != "dtcm" if cpu.icache_bytes else memory.kind in ("itcm", "rom"))
        ]
        header.append(f"#define FETCHED_MEMORIES(X) {' '.join(to_fetch)}")
    if not cpu.icache_bytes:
        header.append("#define FETCHES_FROM_TCM")
        if not cpu.traps:
            header.append("#define FETCHES_FROM_TCM_ONLY")
    if not cpu.dcache_bytes and any(memory.kind == "dtcm" for memory in soc.memories):
        header.append("#define NO_STORE_BUFFER")
    if cpu.memory_port_bits:
        lines += [f'public_flat_rd -module "soc" -var "{name}"' for name in _MEMORY_PORT_SIGNALS]
        header.append("#define HAS_MEMORY_PORT")
    if soc.dma is not None:
        lines += [f'public_flat_rd -module "soc" -var "{name}"' for name in _DMA_SIGNALS]
        header += ["#define HAS_DMA", f"#define DMA_ELEMENT_BYTES {soc.dma.width // 8}"]
    if causes:
        header.append("#define TELLS_CAUSES")
    (directory / "memories.vlt").write_text("\n".join(lines) + "\n")
    (directory / "memories.h").write_text("\n".join(header) + "\n")


def _compile(directory: Path, cxx: Tool, flags: list[str], name: str, waves: bool) -> None:
    verilated = directory / "verilated"
    shared = [*_CXX_FLAGS, *flags, f"-DVM_TRACE={int(waves)}", f"-DVM_TRACE_VCD={int(waves)}"]
    common = [*including(cxx, shared, often=not waves), f"-I{plain(HARNESS)}", "-I.", "-Iverilated"]
    files = sorted(path.name for path in verilated.glob("Vsoc*.cpp"))
    if not waves and _rising_edge_only(verilated):
        common.append("-DRISING_EDGE_ONLY")
    # Two halves, for two cores: what runs in every cycle, and the harness with what runs once (constructors, tracing's names).
    (verilated / "fast.cpp").write_text(
        "".join(f'#include "{name}"\n' for name in files if "Slow" not in name)
    )
    once = joined_unoptimised(verilated, [name for name in files if "Slow" in name])
    halves = {"fast.o": ["verilated/fast.cpp"], "main.o": [*once, str(plain(HARNESS / "main.cpp"))]}
    jobs = [[*cxx.argv, *common, "-c", *what, "-o", made] for made, what in halves.items()]
    # Compiled beside the generated files at the first use, found in the cache later.
    members = [*_RUNTIME, *(["verilated_vcd_c"] if waves else [])]
    objects: list[Path] = []
    work: list[Callable[[], object]] = [
        lambda: objects.extend(runtime_objects(cxx, members)),
        *(functools.partial(_run_compiler, cxx, job, directory) for job in jobs),
    ]
    process.in_parallel(lambda do: do(), work, 2)
    _run_compiler(
        cxx, [*cxx.argv, "-o", name, *halves, *(str(plain(path)) for path in objects), "-lpthread"], directory
    )
    for leftover in (*halves, "verilated"):
        path = directory / leftover
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _rising_edge_only(verilated: Path) -> bool:
    """Whether the verilated code uses nothing of sys_clk but its rising edge (see harness/system.h).

    It uses more for a CFU that gates its clock, acts at the falling edge, or takes the clock as data.
    """
    root = (verilated / "Vsoc___024root.h").read_text()
    code = "".join(
        path.read_text() for path in verilated.glob("Vsoc___024root__*.cpp") if "Slow" not in path.name
    )
    code = re.sub(r"^#ifdef VL_DEBUG$.*?^#endif", "", code, flags=re.MULTILINE | re.DOTALL)
    edges = re.findall(r"\bCData/\*0:0\*/ (__Vtrigprevexpr\w+);", root)
    reads = len(re.findall(r"\bvlSelfRef\.sys_clk\b", code))
    rising = re.search(
        r"\(\(IData\)\(vlSelfRef\.sys_clk\)\s*& \(~ \(IData\)\(vlSelfRef\.__Vtrigprevexpr___TOP__sys_clk__0\)\)\)",
        code,
    )
    return edges == ["__Vtrigprevexpr___TOP__sys_clk__0"] and reads == 2 and rising is not None


def _optimisation(cxx: Tool) -> list[str]:
    # zig would compile for this very machine and add its sanitizer; other compilers do neither.
    return ["-O2", "-mcpu=baseline", "-fno-sanitize=undefined"] if cxx.name.startswith("zig") else ["-O2"]


def _run_compiler(cxx: Tool, words: Sequence[str], directory: Path) -> None:
    done = process.run(words, cwd=directory, env=cxx.env, timeout=_COMPILE_SECONDS)
    if not done.ok:
        if "No space left" in done.stderr:
            raise disk_error(directory.parent, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        raise BuildError(
            cxx.name,
            f"cannot compile the simulator: {done.tail(3)}",
            hint="cfukit doctor; unset CXX to let cfukit choose the compiler",
            command=" ".join(done.argv),
            log=done.tail(40),
        )
