"""The checks that the package offers."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cfukit.base import BaseCfu
from cfukit.cfu import Cfu
from cfukit.header import function_arguments, header_text
from cfukit.memory import TEST_BYTES
from cfukit.testing import amaranth_driver, cocotb_driver, verilator_driver
from cfukit.testing.judge import Record, judge
from cfukit.testing.mismatch import CfuMismatch, Context
from cfukit.testing.script import Script
from cfukit.testing.stimulus import Segment, Vector, segments, sequence
from cfukit_base import process, progress, tools
from cfukit_base.cache import writing
from cfukit_base.errors import BuildError

SLOWEST_MEMORY = 12  # a memory that refuses and waits may make a CFU take so many times longer than declared
WAVES_CYCLES = 2000  # before a failure, in a waveform of the generated Verilog
PATIENCE_CYCLES = 1000  # after the longest declared latency, a CFU counts as hung


@dataclass(frozen=True)
class Played:
    """A check that found nothing wrong.

    * operations: the commands that were played. asked: how many were asked for; fewer are played where latencies are long.
    * resets: the segments, each of which begins with a reset.
    * modelled: whether values were compared; else the handshake alone was.
    """

    simulator: str
    seed: int
    operations: int
    asked: int
    resets: int
    modelled: bool


def check_gateware(cfu: BaseCfu, seed: int, operations: int, waves: Path | None = None) -> Played:
    """Gateware against model on about `operations` commands, fewer where latencies are long; raises CfuMismatch.

    A Cfu in Amaranth runs in Amaranth's simulator, one in Verilog or Migen in Verilator. waves: the VCD file that shows a mismatch.
    """
    if not isinstance(cfu, Cfu):
        return check_verilog(cfu, seed, operations, waves)
    made = segments(cfu, seed, operations)
    records = amaranth_driver.play(cfu, made, hang_cycles(cfu))
    try:
        return _judge_all(cfu, seed, "Amaranth's simulator", made, records, operations)
    except CfuMismatch as mismatch:
        if waves is not None:
            _prepare(waves)
            amaranth_driver.play(cfu, [_until(mismatch)], hang_cycles(cfu), waves)
            mismatch.add_waves(waves, amaranth_driver.PERIOD_US)
        raise


def check_verilog(cfu: BaseCfu, seed: int, operations: int, waves: Path | None = None) -> Played:
    """The generated Verilog (Verilator) against the model on about `operations` commands; raises CfuMismatch or BuildError."""
    made = segments(cfu, seed, operations)
    bench = verilator_driver.build(cfu.verilog(), f"Cfu {cfu.name}", cfu.memory_width, cfu.dma_width)
    with progress.stage(f"{sum(len(s.ops) for s in made)} commands on the generated Verilog"):
        records = verilator_driver.play(bench, made, hang_cycles(cfu))
        try:
            return _judge_all(cfu, seed, f"Verilator {tools.verilator().version}", made, records, operations)
        except CfuMismatch as mismatch:
            _verilog_waves(cfu, mismatch, waves)
            raise


def run_cocotb(
    cfu: BaseCfu,
    build_dir: Path,
    simulator: str = "verilator",
    seed: int = 1,
    operations: int = 500,
    waves: Path | None = None,
) -> Played:
    """The generated Verilog through cocotb on "verilator" or "icarus"; raises CfuMismatch, BuildError or MissingToolError."""
    made = segments(cfu, seed, operations)
    script = Script(hang_cycles(cfu), cfu.memory_width, cfu.dma_width, tuple(made))
    records = cocotb_driver.play(cfu.verilog(), script, Path(build_dir), simulator)
    try:
        return _judge_all(cfu, seed, f"cocotb on {simulator}", made, records, operations)
    except CfuMismatch as mismatch:
        _verilog_waves(cfu, mismatch, waves)
        raise


def _verilog_waves(cfu: BaseCfu, mismatch: CfuMismatch, waves: Path | None) -> None:
    """Play the failing segment again on the generated Verilog, and keep the cycles before the failure."""
    if waves is None:
        return
    _prepare(waves)
    bench = verilator_driver.build(
        cfu.verilog(), f"Cfu {cfu.name}", cfu.memory_width, cfu.dma_width, waves=True
    )
    begin = max(0, mismatch.cycle - WAVES_CYCLES)
    verilator_driver.write_waves(bench, _until(mismatch), hang_cycles(cfu), waves, begin)
    mismatch.add_waves(waves, verilator_driver.PERIOD_US)


def _until(mismatch: CfuMismatch) -> Segment:
    """The failing segment up to a few commands behind the failure."""
    return replace(mismatch.played, ops=mismatch.played.ops[: mismatch.call + 4])


def _prepare(waves: Path) -> None:
    with writing(waves):
        waves.parent.mkdir(parents=True, exist_ok=True)


def project_cocotb_tests(folder: Path) -> list[Path]:
    """A project's own cocotb tests: the files `cocotb_*.py` beside its cfu.py (top level: module Cfu)."""
    return sorted(Path(folder).glob("cocotb_*.py"))


def run_project_cocotb(
    cfu: BaseCfu, tests: Sequence[Path], build_dir: Path, simulator: str = "verilator"
) -> tuple[str, ...]:
    """Run a project's own cocotb tests on the generated Verilog: their names. Raises ResultError with what failed."""
    return cocotb_driver.run_tests(cfu.verilog(), tests, Path(build_dir), simulator)


def check_header(cfu: BaseCfu, include_dir: Path) -> None:
    """Compile cfu_ops.h as C11 with -Wall -Wextra -Wconversion -Werror, for RISC-V and for the host's software model.

    include_dir: the folder of cfu.h. Raises BuildError with the compiler's message.
    """
    description = cfu.description()
    header = header_text(description)
    calls = "\n".join(
        f"    sum += {name}({', '.join(['1u'] * count)});"
        for name, count in function_arguments(description).items()
    )
    program = (
        '#include "cfu_ops.h"\n'
        "uint32_t use_all(void);\n"
        f"uint32_t use_all(void)\n{{\n    uint32_t sum = 0;\n{calls}\n    return sum;\n}}\n"
    )
    flags = [
        "-std=c11",
        "-Wall",
        "-Wextra",
        "-Wconversion",
        "-Werror",
        "-I",
        ".",
        "-I",
        str(include_dir),
        "-c",
        "use.c",
    ]
    riscv = [
        "-target",
        "riscv32-freestanding-none",
        "-mcpu=generic_rv32+m",
        "-mabi=ilp32",
        "-O2",
        "-ffreestanding",
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cfu_ops.h").write_text(header)
        (folder / "use.c").write_text(program)
        for tool, extra in (
            (tools.riscv_cc(), [*riscv, "-o", "riscv.o"]),
            (tools.host_cc(), ["-DCFU_SOFTWARE", "-O1", "-o", "host.o"]),
        ):
            done = process.run([*tool.argv, *flags, *extra], cwd=folder, env=tool.env, timeout=600)
            if not done.ok:
                raise BuildError(f"Cfu {cfu.name}: cfu_ops.h", f"{tool.name} refuses it:\n{done.tail()}")


def vectors(cfu: BaseCfu, seed: int, count: int) -> list[Vector]:
    """`count` commands after a reset and the model's answers, to be played through CPU and CFU.

    A CFU with a memory port finds `memory_contents(seed)`. Empty for a CFU whose model is not declared, or whose answers depend on
    when they are asked for or on main memory.
    """
    if not cfu.modelled:
        return []
    first = _answers(cfu, seed, count, random.Random(0))
    later = [_answers(cfu, seed, count, random.Random(n)) for n in (1, 2)] if cfu.autonomous else []
    return first if all(answers == first for answers in later) else []


def memory_seed(seed: int) -> int:
    """The first state of the generator in `memory_contents`."""
    return (seed * 2654435761 + 88172645) & 0xFFFF_FFFF or 1


def memory_contents(seed: int) -> bytes:
    """The memory of a CFU before `vectors`: words of an xorshift generator, which the C program makes as well."""
    state, words = memory_seed(seed), []
    for _ in range(TEST_BYTES // 4):
        state ^= state << 13 & 0xFFFF_FFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFF_FFFF
        words.append(state)
    return b"".join(word.to_bytes(4, "little") for word in words)


def _answers(cfu: BaseCfu, seed: int, count: int, rng: random.Random) -> list[Vector]:
    """The model's answers when commands come at random times."""
    rows, now = [], 0
    commands = list(sequence(cfu, seed, count))
    cfu.reset()
    if cfu.memory is not None:
        cfu.memory.fill(memory_contents(seed))
    if cfu.dma is not None:
        return []  # the program's own bytes are in main memory
    for op in commands:
        now += rng.randrange(1, 1 + 2 * cfu.max_cycles + 100)
        rd = cfu.call(op.funct3, op.funct7, op.rs1, op.rs2, now)
        rows.append(Vector(op.funct3, op.funct7, op.rs1, op.rs2, rd))
    return rows


def hang_cycles(cfu: BaseCfu) -> int:
    """Cycles without any handshake after which a CFU counts as hung."""
    return cfu.max_cycles * (SLOWEST_MEMORY if cfu.memory or cfu.dma else 1) + PATIENCE_CYCLES


def _judge_all(
    cfu: BaseCfu,
    seed: int,
    simulator: str,
    made: Sequence[Segment],
    records: Sequence[Record],
    asked: int,
) -> Played:
    context = Context(cfu, seed, simulator)
    for number, (segment, record) in enumerate(zip(made, records, strict=False)):
        judge(context, number, segment, record)
    assert len(records) == len(made), "a driver stops early only at a broken rule"
    return Played(
        simulator=simulator,
        seed=seed,
        operations=sum(len(segment.ops) for segment in made),
        asked=asked,
        resets=len(made),
        modelled=cfu.modelled,
    )
