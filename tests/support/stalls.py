"""Programs in which CFU instructions of every latency follow every kind of stall, for a CPU with `make_latency_cfu()`.

Registers: x5..x8 hold operands, x20 the sum of all results. Each result depends on the number of commands so far, so a command
that is executed twice or not at all changes the sum.
"""

from __future__ import annotations

from support.latency_cfu import SLOW
from support.rv32 import Program

STALLS = ("divu", "remu", "load", "mul", "store", "cfu", "nothing")
SUM = 20


def prepare(program: Program, data: int) -> None:
    """Load the operands, and point x2 to the data: 64 KiB that nothing else uses."""
    program.li(2, data)
    for register, value in ((5, 0x12345678), (6, 77), (7, 0xFFFF0001), (8, 3), (SUM, 0)):
        program.li(register, value)


def stall(program: Program, kind: str, data: int, far: list[int]) -> None:
    """Make the pipeline wait. `far` moves on with each load, so that each one misses the cache."""
    if kind == "divu":
        program.divu(9, 5, 6)
    elif kind == "remu":
        program.remu(10, 7, 8)
    elif kind == "mul":
        program.mul(11, 5, 6)
    elif kind == "load":
        far[0] = (far[0] + 4096 + 32) % 0xC000
        program.li(3, data + far[0])
        program.lw(12, 3, 0)
    elif kind == "store":
        for index, register in enumerate((5, 6, 7)):
            program.sw(register, 2, 64 + 4 * index)
    elif kind == "cfu":
        program.cfu_op(0, 0, 13, 5, 8)


def every_latency(program: Program, data: int, *, only_funct3_0: bool = False) -> None:
    """Each stall followed by one to three CFU instructions, for each latency from 0 to 100."""
    far = [0]
    for kind in STALLS:
        for latency in range(101):
            stall(program, kind, data, far)
            program.cfu_op(0 if only_funct3_0 else SLOW, latency, 14, 5, 6)
            if not only_funct3_0:
                if latency % 3 > 0:
                    program.cfu_op(SLOW, (latency * 7) % 101, 15, 14, 7)
                if latency % 3 > 1:
                    program.cfu_op(latency % 8, latency, 16, 15, 14)
            for register in (14, 15, 16):
                program.add(SUM, SUM, register)
