"""CFU and CPU as RTL: each CFU instruction is executed exactly once, whatever stall precedes it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from cfukit import PORTS
from cfukit.gate import with_gate
from support import cpu_bench, stalls
from support.latency_cfu import PUBLISHED, make_latency_cfu
from support.rv32 import Program

GATED, BARE, PUBLISHED_GATED, PUBLISHED_BARE = range(4)
DATA = 0x30000


@pytest.fixture(scope="module")
def bench() -> Path:
    return cpu_bench.build(
        [
            make_latency_cfu().verilog(),
            make_latency_cfu("none").verilog(),
            with_gate(PUBLISHED),
            PUBLISHED,
        ]
    )


def new_program(which: int) -> tuple[Program, range]:
    """A program with the CFU's model, and the funct3 values that it may use."""
    model = make_latency_cfu()
    published = which in (PUBLISHED_GATED, PUBLISHED_BARE)
    count = model.instructions[0].state
    program = Program((lambda funct3, funct7, a, b: count.next(a, b)) if published else model.call)
    program.enable_cfu()
    stalls.prepare(program, DATA)
    return program, range(1) if published else range(8)


def every_latency(which: int) -> Program:
    program, funct3s = new_program(which)
    stalls.every_latency(program, DATA, only_funct3_0=len(funct3s) == 1)
    program.finish(cpu_bench.RESULTS)
    return program


def random_program(which: int, seed: int, length: int) -> Program:
    """Stalls and CFU instructions of all kinds, dependent and independent, in any order."""
    rng = random.Random(seed)
    program, funct3s = new_program(which)
    far = [0]
    registers = [5, 6, 7, 8, 9, 10, 12, 14, 15, 16]

    def command() -> None:
        program.cfu_op(
            rng.choice(funct3s),
            rng.choice((0, 1, 2, 5, 33, 34, 35, rng.randrange(101))),
            rng.choice(registers),
            rng.choice(registers),
            rng.choice(registers),
        )

    for _ in range(length):
        what = rng.random()
        if what < 0.5:
            command()
        elif what < 0.85:
            stalls.stall(program, rng.choice(stalls.STALLS), DATA, far)
        elif what < 0.92:
            program.skip_next_if_equal(rng.choice(registers), rng.choice(registers), command)
        else:
            program.addi(rng.choice(registers), rng.choice(registers), rng.randrange(-2048, 2048))
    program.finish(cpu_bench.RESULTS)
    return program


@pytest.mark.slow
@pytest.mark.parametrize("wait_cycles", [0, 1, 7])
@pytest.mark.parametrize("which", [GATED, PUBLISHED_GATED], ids=["cfukit", "published with adapter"])
def test_executed_once_after_every_stall_at_every_latency(
    bench: Path, tmp_path: Path, which: int, wait_cycles: int
) -> None:
    program = every_latency(which)
    outcome = cpu_bench.run(bench, which, wait_cycles, program, tmp_path)
    assert outcome.difference(program) == ""


@pytest.mark.slow
@pytest.mark.parametrize("which", [GATED, PUBLISHED_GATED], ids=["cfukit", "published with adapter"])
@pytest.mark.parametrize("seed", range(10))
def test_random_programs(bench: Path, tmp_path: Path, which: int, seed: int) -> None:
    program = random_program(which, seed, 5000)
    outcome = cpu_bench.run(bench, which, seed % 4, program, tmp_path)
    assert outcome.difference(program) == "", f"seed {seed}"


@pytest.mark.slow
@pytest.mark.parametrize("which", [BARE, PUBLISHED_BARE], ids=["cfukit without gate", "published as it is"])
def test_without_the_front_end_the_cpu_does_execute_twice(bench: Path, tmp_path: Path, which: int) -> None:
    """The CPU does have the bug, and these tests find it."""
    program = every_latency(which)
    outcome = cpu_bench.run(bench, which, 1, program, tmp_path)
    assert "commands at the port" in outcome.difference(program)


@pytest.mark.slow
@pytest.mark.parametrize("wait_cycles", [0])
def test_pipelined_instructions_take_one_cycle_each(bench: Path, tmp_path: Path, wait_cycles: int) -> None:
    """In the CPU's pipeline latency 1 costs nothing, nor does latency 0 in back-to-back commands."""
    cycles = {}
    for funct3 in (None, 0, 1):
        program, _ = new_program(GATED)
        for _ in range(2):  # in the second round the code is in the cache
            for _ in range(400):
                if funct3 is None:
                    program.addi(14, 5, 1)
                else:
                    program.cfu_op(funct3, 0, 14, 5, 6)
        program.finish(cpu_bench.RESULTS)
        outcome = cpu_bench.run(bench, GATED, wait_cycles, program, tmp_path)
        assert outcome.difference(program) == ""
        cycles[funct3] = outcome.cycles
    assert abs(cycles[1] - cycles[None]) <= 2
    assert abs(cycles[0] - cycles[None]) <= 2


def test_published_ports_are_ours() -> None:
    for name, _, _ in PORTS:
        assert name in PUBLISHED
