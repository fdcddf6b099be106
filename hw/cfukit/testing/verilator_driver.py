"""Play segments on the generated Verilog, compiled by Verilator with bench.cpp.

A hundred thousand commands take about a second.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cfukit.memory import TEST_BYTES
from cfukit.testing.judge import Record
from cfukit.testing.stimulus import PATTERN_CYCLES, Segment, initial_contents, initial_main_memory
from cfukit.verilog_parser import OPTIONS
from cfukit_base import process, progress, tools
from cfukit_base.cache import cached, user_cache
from cfukit_base.digest import digest_of
from cfukit_base.errors import BuildError, ResultError
from cfukit_base.verilator_runtime import all_joined, build_digest, including, runtime_objects

BENCH = Path(__file__).with_name("bench.cpp")
CXX_FLAGS = ("-std=c++17", "-O1")
RUNTIME = ("verilated", "verilated_threads")
RESET_CYCLES = 2  # at the begin of a segment
PERIOD_US = 1  # of the clock, in waveforms
PART_OPERATIONS = 10_000  # per process; progress is shown between them
PART_SECONDS = 1800


def build(text: str, where: str, memory_width: int = 0, dma_width: int = 0, *, waves: bool = False) -> Path:
    """The compiled bench for the Verilog `text`; built once. waves: it can write VCD."""
    widths = {"MEMORY_BITS": memory_width, "DMA_BITS": dma_width}
    defines = tuple(f"-D{name}={width}" for name, width in widths.items() if width)
    return compile_verilog(text, where, BENCH, "VCfu", defines=defines, waves=waves)


def write_waves(bench: Path, segment: Segment, hang_cycles: int, waves: Path, begin: int) -> None:
    """Play one segment on a bench that was built with `waves`, and write VCD from cycle `begin` after the reset on."""
    _play_part(bench, [segment], hang_cycles, [waves, str(begin + RESET_CYCLES)])


def compile_verilog(
    text: str,
    where: str,
    main: Path,
    prefix: str,
    *,
    top: str = "Cfu",
    more: Sequence[Path] = (),
    options: Sequence[str] = (),
    defines: Sequence[str] = (),
    link: Sequence[str] = (),
    runtime: Sequence[str] = RUNTIME,
    waves: bool = False,
) -> Path:
    """The program made of `main` and the Verilog `text` (with the files `more`), verilated as class `prefix`. Built once.

    waves: it can write VCD.
    """
    verilator, compiler = tools.verilator(), tools.host_cxx()
    flags = (*CXX_FLAGS, "-DVM_TRACE=1", "-DVM_TRACE_VCD=1") if waves else (*CXX_FLAGS, "-DVM_TRACE=0")
    if waves:
        options, runtime = (*options, "--trace-vcd"), (*runtime, "verilated_vcd_c")
    key = digest_of(
        text,
        main,
        *more,
        top,
        verilator.identity,
        compiler.identity,
        flags,
        options,
        defines,
        link,
        runtime,
        build_digest(),
    )

    def make(folder: Path) -> None:
        with progress.stage(f"compiling the test bench of {where}"):
            source = folder / f"{top}.v"
            source.write_text(text)
            words = [*verilator.argv, "--cc", "-O3", *OPTIONS, *options, "--top-module", top]
            words += ["--prefix", prefix, "--Mdir", "made", source.name, *map(str, more)]
            done = process.run(words, cwd=folder, env=verilator.env, timeout=300)
            if not done.ok:
                raise BuildError(where, f"its Verilog does not elaborate:\n{_errors(done, source)}")
            words = [
                *compiler.argv,
                *including(compiler, [*flags, "-pthread"], often=not waves),
                *defines,
                *all_joined(folder / "made"),
                "-o",
                str(folder / top),
                str(main),
            ]
            words += [*map(str, runtime_objects(compiler, runtime)), *link]
            done = process.run(words, cwd=folder, env=compiler.env, timeout=900)
            if not done.ok:
                raise BuildError(where, f"the compiled Verilog does not build:\n{done.tail()}")
            shutil.rmtree(folder / "made")

    return cached(user_cache() / "verilated", top.lower(), key, make) / top


def play(bench: Path, segments: Sequence[Segment], hang_cycles: int) -> list[Record]:
    """The record of each segment, up to the first that breaks a rule."""
    records: list[Record] = []
    total = sum(len(segment.ops) for segment in segments)
    while len(records) < len(segments):
        done = sum(len(segment.ops) for segment in segments[: len(records)])
        progress.advance(done, total, "commands")
        part: list[Segment] = []
        while len(records) + len(part) < len(segments) and sum(len(s.ops) for s in part) < PART_OPERATIONS:
            part.append(segments[len(records) + len(part)])
        records += _play_part(bench, part, hang_cycles)
        if records[-1].rule:
            break
    return records


def _play_part(
    bench: Path, segments: Sequence[Segment], hang_cycles: int, more: Sequence[str | Path] = ()
) -> list[Record]:
    words: list[np.ndarray] = [np.array([len(segments), hang_cycles], np.uint32)]
    for segment in segments:
        head = [len(segment.ops), segment.limit, int(segment.drain)]
        ready = [segment.ready >> shift & 0xFFFF_FFFF for shift in range(0, PATTERN_CYCLES, 32)]
        ops = [(op.function_id, op.rs1, op.rs2, op.gap_cycles) for op in segment.ops]
        words += [np.array(head + ready, np.uint32)]
        if segment.memory_seed >= 0:
            words += _memory_words(segment.memory_ready, segment.memory_waits, initial_contents(segment))
        if segment.dma_seed >= 0:
            words += _memory_words(segment.dma_ready, segment.dma_waits, initial_main_memory(segment))
        words += [np.array(ops, np.uint32).reshape(-1)]
    with tempfile.TemporaryDirectory() as name:
        source, result = Path(name) / "input", Path(name) / "output"
        np.concatenate(words).tofile(source)
        done = process.run([bench, source, result, *more], timeout=PART_SECONDS)
        if not done.ok:
            raise ResultError(str(bench), f"the test bench ended with {done.code}:\n{done.tail()}")
        data = np.fromfile(result, np.uint32)
    records = []
    position = 0
    for segment in segments:
        if position >= len(data):
            break
        rule, call, cycle = (int(value) for value in data[position : position + 3])
        table = data[position + 3 : position + 3 + 4 * len(segment.ops)].reshape(-1, 4)
        position += 3 + 4 * len(segment.ops)
        accepted, busy, answered, values = (table[:, column].tolist() for column in range(4))
        record = Record(accepted, busy, answered, values, rule, call, cycle)
        if segment.memory_seed >= 0:
            record.outside = int(data[position])
            contents, written = data[position + 1 : position + 1 + 2 * TEST_BYTES // 4].reshape(2, -1)
            record.memory, record.written = contents.tobytes().hex(), written.astype(np.uint8).tobytes().hex()
            position += 1 + 2 * TEST_BYTES // 4
        if segment.dma_seed >= 0:
            record.outside = record.outside or int(data[position])
            position += 1
        records.append(record)
    return records


def _memory_words(ready: int, waits: Sequence[int], contents: bytes) -> list[np.ndarray]:
    bits = [ready >> shift & 0xFFFF_FFFF for shift in range(0, PATTERN_CYCLES, 32)]
    head = np.array([*bits, len(waits), *waits], np.uint32)
    return [head, np.frombuffer(contents, np.uint32)]


def _errors(done: process.Finished, source: Path) -> str:
    lines = [line for line in done.stderr.splitlines() if "%Error" in line]
    text = "\n".join(lines[:5]) or done.tail(5)
    return re.sub(rf"{re.escape(str(source.parent))}/?", "", text)
