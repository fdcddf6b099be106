"""The same stalls on the whole simulated system, with LiteX's bus and memory between the CPU and its code."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfukit_soc import build_simulator, simulate
from support import bare, stalls
from support.latency_cfu import make_latency_cfu
from support.rv32 import Program
from support.socs import make_soc

DATA = 0x4030_0000


@pytest.mark.slow
@pytest.mark.parametrize("front_end", ["gate", pytest.param("none", marks=pytest.mark.long)])
def test_executed_once_on_the_system(tmp_path: Path, front_end: str) -> None:
    model = make_latency_cfu(front_end)
    program = Program(model.call)
    stalls.prepare(program, DATA)
    stalls.every_latency(program, DATA)
    program.addi(10, stalls.SUM, 0)
    words = "\n".join(f"  .word 0x{word:08x}" for word in program.words)
    # The program overwrites x2, the stack pointer, and x20 = s4, which main must keep: _start needs neither again.
    elf = bare.assemble(f"  .globl main\nmain:\n{words}\n  ret\n", tmp_path / "program")

    model.write(tmp_path / "cfu")
    soc = make_soc("sim", tmp_path / "soc")
    simulator = build_simulator(soc, tmp_path / "cfu" / "cfu.v", build_dir=tmp_path / "build")
    result = simulate(simulator, soc, elf, max_cycles=2_000_000)
    assert result.exit_code is not None, result.fault
    right = result.exit_code & 0xFFFF_FFFF == program.registers[10]
    assert right == (front_end == "gate"), "without the gate the CPU must be seen to execute twice"
