"""Build a CPU's RTL on the bench of tests/cpu/bench, run it on a program, and compare it with another CPU."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from cfukit_base import process, tools
from cfukit_base.cache import cached, user_cache
from cfukit_base.digest import digest_of
from cfukit_base.verilator_runtime import all_joined, including, runtime_objects
from cfukit_cpu import Configuration, configuration, derive
from cfukit_cpu.core import csrs_of
from support.cpu_programs import CODE_BYTES, MASKED_CSRS, Features, Program

BENCH = Path(__file__).parent.parent / "cpu" / "bench"
CXX_FLAGS = ("-std=c++17", "-O1", "-DVM_TRACE=0")
WARNINGS_OFF = ("-Wno-fatal", "-Wno-lint", "-Wno-style")
VISIBLE = "`verilator_config\n" + "".join(
    f'public_flat_rw -module "{name}" -var "mem"\n' for name in ("InstructionTcm", "DataTcm")
)
REFERENCE = {"base": "full+cfu", "icache_bytes": 4096}  # the stock CPU with the CFU fix


def poisoned(text: str) -> str:
    """The Verilog with memories that return a random word when a read collides with a write."""

    def poison(match: re.Match[str], collides: str, bits: str = "") -> str:
        return f"{match[0]}\n      if({collides}) {match[1]} <= bench.poison{bits};"

    for port in (1, 2):
        collides = (
            f"_zz_1 && lastStageRegFileWrite_payload_address == decode_RegFilePlugin_regFileReadAddress{port}"
        )
        pattern = rf"\b(\w+) <= RegFilePlugin_regFile\[decode_RegFilePlugin_regFileReadAddress{port}\];"
        text = _once(pattern, lambda m, c=collides: poison(m, c), text)
    for lane in range(4):
        write = f"_zz_1 && dataWriteCmd_payload_mask[{lane}] && dataWriteCmd_payload_address == dataReadCmd_payload"
        pattern = rf"\b(\w+) <= ways_0_data_symbol{lane}\[dataReadCmd_payload\];"
        text = _once(pattern, lambda m, c=write, n=lane: poison(m, c, f"[{8 * n} +: 8]"), text)
    tags = "_zz_2 && tagsWriteCmd_payload_address == tagsReadCmd_payload"
    text = _once(r"\b(\w+) <= ways_0_tags\[tagsReadCmd_payload\];", lambda m: poison(m, tags), text)
    bank = "_zz_1 && lineLoader_write_data_0_payload_address == _zz_fetchStage_read_banksValue_0_dataMem"
    text = _once(
        r"\b(\w+) <= banks_0\[_zz_fetchStage_read_banksValue_0_dataMem\];", lambda m: poison(m, bank), text
    )
    line = "_zz_2 && lineLoader_write_tag_0_payload_address == _zz_fetchStage_read_waysValues_0_tag_valid"
    pattern = r"\b(\w+) <= ways_0_tags\[_zz_fetchStage_read_waysValues_0_tag_valid\];"
    text = _once(pattern, lambda m: poison(m, line), text)
    return poisoned_tcm(text)


def poisoned_tcm(text: str) -> str:
    """The same for the TCMs: bytes written while another port reads their word, and a port's output after its own write."""

    def lanes(target: str, mask: str, same: str) -> str:
        words = [
            f"if({mask}[{n}] && {same}) {target}[{8 * n} +: 8] <= bench.poison[{8 * n} +: 8];"
            for n in range(4)
        ]
        return "\n".join(words)

    def simple(match: re.Match[str]) -> str:
        return f"{match[0]}\n" + lanes(
            "read_data", "write_mask", f"read_enable && read_{match[1]} == write_{match[1]}"
        )

    def fetch(match: re.Match[str]) -> str:
        same = f"fetch_enable && enable && fetch_{match[1]} == {match[1]}"
        return f"{match[0]}\n" + lanes("fetch_data", "mask", same)

    text = re.sub(r"if \(read_enable\) read_data <= mem\[read_(address\[\d+:0\])\];", simple, text)
    text = re.sub(r"if \(fetch_enable\) fetch_data <= mem\[fetch_(address\[\d+:0\])\];", fetch, text)
    # After its own write a port's output is undefined.
    old = "if (mask == 4'd0) read_data"
    return text.replace(old, f"if (mask != 4'd0) read_data <= bench.poison;\n{old}")


def _once(pattern: str, replace: Any, text: str) -> str:
    text, count = re.subn(pattern, replace, text)
    assert count == 1, pattern
    return text


@cache
def reference_bench() -> Path:
    return build(REFERENCE)


def build(
    given: str | Mapping[str, Any], spoil: Callable[[str], str] = str, memory_port_bits: int = 0
) -> Path:
    """The bench's program for a configuration, compiled once.

    * spoil: a change of the CPU's text that tests must find.
    * memory_port_bits: add a CFU that uses a memory port of that width (see `run`).
    """
    named = configuration(given)
    config = named.configuration
    text = (BENCH / "bench.v").read_text() + poisoned(spoil(derive(named, memory_port_bits)))
    text = text.replace("/* verilator public */", "")  # these keep modules apart
    defines = [
        f"-D{name.upper()}_MEMORY=bench__DOT__cpu__DOT__tcm__DOT__{name}__DOT__mem"
        for name, size in (("itcm", config.itcm_bytes), ("dtcm", config.dtcm_bytes))
        if size
    ]
    port = [f"-DMEMORY_PORT_BITS={memory_port_bits}"] if memory_port_bits else []
    verilator, compiler, main = tools.verilator(), tools.host_cxx(), BENCH / "main.cpp"

    def make(folder: Path) -> None:
        (folder / "bench.v").write_text(text)
        (folder / "bench.vlt").write_text(VISIBLE)
        words = [
            *verilator.argv,
            "--cc",
            "-O3",
            *WARNINGS_OFF,
            "--x-assign",
            "unique",
            "--x-initial",
            "unique",
            "+define+CFUKIT_POISON",
            *(f"+define+{name[2:]}" for name in port),
        ]
        words += ["--top-module", "bench", "--prefix", "Vbench", "--Mdir", "made", "bench.vlt", "bench.v"]
        done = process.run(words, cwd=folder, env=verilator.env, timeout=300)
        assert done.ok, done.tail()
        words = [
            *compiler.argv,
            *including(compiler, [*CXX_FLAGS, "-pthread"]),
            *defines,
            *port,
            *all_joined(folder / "made"),
        ]
        words += [str(main), *map(str, runtime_objects(compiler, ("verilated", "verilated_threads")))]
        words += ["-o", "bench"]
        done = process.run(words, cwd=folder, env=compiler.env, timeout=300)
        assert done.ok, done.tail()
        shutil.rmtree(folder / "made")

    key = digest_of(text, main, BENCH / "traffic.h", port, verilator.identity, compiler.identity, CXX_FLAGS)
    return cached(user_cache() / "verilated", "cpu", key, make) / "bench"


@dataclass
class Outcome:
    """One run.

    * trace: rows of pc, instruction, rd and value, without those of the trap handler.
    * memory: words of code and data.
    * fills: lines that the I$ read, in order.
    """

    ended: bool
    cycles: int
    retired: int
    i_words: int
    d_read_words: int
    commands: int
    io_hash: int
    trace: np.ndarray
    memory: np.ndarray
    fills: list[int]
    port_errors: int = 0  # what the CFU's memory port did: reads, writes, and cycles in which it had to wait
    port_reads: int = 0
    port_writes: int = 0
    port_refused: int = 0


def run(
    bench: Path,
    program: Program,
    *,
    wait: int = 0,
    fixed: bool = True,
    seed: int = 0,
    interrupts: str = "",
    tcms: int = 0,
    touched: Path | None = None,
    traffic: int = 0,
) -> Outcome:
    """Run `program` with 0 to `wait` wait states per bus word.

    * fixed: always exactly `wait`.
    * traffic: in how many of 256 cycles the CFU uses its memory port.
    * touched: the file of the program's own words, written by a run without traffic.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        code = np.zeros(CODE_BYTES // 4, np.uint32)
        code[: len(program.words)] = np.array(program.words, np.uint32)
        chunks = ((program.code_base, code.tobytes()), (program.data_base, program.data))
        image = b"".join(np.array([base, len(data)], np.uint32).tobytes() + data for base, data in chunks)
        (folder / "image").write_bytes(image)
        words = [f"{key}={folder / key}" for key in ("image", "trace", "memory", "fills")]
        words += [f"seed={seed}", f"wait={wait}", f"fixed={int(fixed)}", f"io={program.seed}"]
        words += [f"tcms={tcms}", f"traffic={traffic}", f"touched={touched or ''}"]
        words += [f"reset_vector={program.code_base}", f"interrupts={interrupts}", "max_cycles=3000000"]
        done = process.run([bench, *words], timeout=300)
        assert done.ok, done.tail()
        numbers = [int(word) for word in done.stdout.split()]
        ended, cycles, retired, i_words, reads, _, commands, io_hash = numbers[:8]
        trace = np.fromfile(folder / "trace", np.uint32).reshape(-1, 4)
        memory = np.fromfile(folder / "memory", np.uint32)
        fills = np.fromfile(folder / "fills", np.uint32).tolist()
    trace = _comparable(trace, program)
    return Outcome(
        bool(ended), cycles, retired, i_words, reads, commands, io_hash, trace, memory, fills, *numbers[8:]
    )


def _comparable(trace: np.ndarray, program: Program) -> np.ndarray:
    """Drop the trap handler and the final loop; set counters to 0, and values to 0 where nothing is written."""
    pc, instruction, rd = trace[:, 0], trace[:, 1], trace[:, 2]
    trace[rd == 0, 3] = 0
    counter = ((instruction & 0x7F) == 0x73) & np.isin(instruction >> 20, sorted(MASKED_CSRS))
    trace[counter, 3] = 0
    handled = (pc >= program.handler.start) & (pc < program.handler.stop)
    return trace[~handled & (pc != program.exit_pc)]


def difference(got: Outcome, expected: Outcome) -> str:
    """The first difference between the runs; "" if there is none."""
    if not (got.ended and expected.ended):
        return f"ended: {got.ended}, reference {expected.ended}, after {got.retired} and {expected.retired} instructions"
    length = min(len(got.trace), len(expected.trace))
    rows = np.flatnonzero((got.trace[:length] != expected.trace[:length]).any(axis=1))
    if rows.size:
        row = int(rows[0])
        shown = [" ".join(f"{int(word):08x}" for word in outcome.trace[row]) for outcome in (got, expected)]
        return f"instruction {row}: pc, instruction, rd, value {shown[0]}, reference {shown[1]}"
    if len(got.trace) != len(expected.trace):
        return f"{len(got.trace)} instructions, reference {len(expected.trace)}"
    words = np.flatnonzero(got.memory != expected.memory)
    if words.size:
        word = int(words[0])
        return (
            f"memory word {word:#x}: {int(got.memory[word]):08x}, reference {int(expected.memory[word]):08x}"
        )
    for name in ("commands", "io_hash"):
        if getattr(got, name) != getattr(expected, name):
            return f"{name} {getattr(got, name)}, reference {getattr(expected, name)}"
    return ""


def features_of(config: Configuration, *, interrupts: bool = False, **changes: bool) -> Features:
    """What a program for both this CPU and the reference may use."""
    return Features(
        multiplier=config.multiplier,
        divider=config.divider,
        traps=config.traps,
        interrupts=interrupts and config.interrupts,
        alignment_check=config.alignment_check,
        csrs=frozenset(csrs_of(config)) - {0xBC0},
        **changes,
    )


def tcms_of(config: Configuration) -> int:
    """As `run` wants it: bit 0 for an instruction TCM, bit 1 for a data TCM."""
    return bool(config.itcm_bytes) + 2 * bool(config.dtcm_bytes)


def same_cycles(config: Configuration) -> bool:
    """Whether this CPU must take exactly as many cycles as the reference."""
    return (
        config.icache_bytes == config.dcache_bytes == 4096
        and config.prediction == "static"
        and config.bypass
        and not config.itcm_bytes
        and not config.dtcm_bytes
    )


def label(given: str | Mapping[str, Any]) -> str:
    return given if isinstance(given, str) else json.dumps(given)


def interrupt_times(program: Program, every: int) -> str:
    """`interrupts` of `run`: one every `every` retired instructions, and none so late that the program could end first."""
    times = [150 + every * n for n in range(60)]
    last = run(reference_bench(), program, interrupts=",".join(map(str, times))).retired - 100
    return ",".join(str(time) for time in times if time < last)
