"""The system keeps the timing of its data sheet: exact cycles of short sequences against the CPU's timing rules.

Each sequence is aligned to a cache line, stands between two reads of the cycle counter, and runs three times. The third run
counts, when everything is in the caches. Costs are relative to the same number of `nop`s.
"""

import pytest

from support.bare import CYCLES_LOW, UART_RXTX, assemble

# name: (instructions, cycles more than as many nops). k = instructions between producer and consumer.
SEQUENCES = {
    "nop": ("nop", 0),
    "alu chain": ("addi a1, a1, 1\n addi a1, a1, 1\n add a2, a1, a1", 0),
    "shift, k=0": ("slli a1, a2, 3\n add a3, a1, a1", 1),
    "shift, k=1": ("slli a1, a2, 3\n nop\n add a3, a1, a1", 0),
    "mul, k=0": ("mul a1, a2, a2\n add a3, a1, a1", 2),
    "mul, k=1": ("mul a1, a2, a2\n nop\n add a3, a1, a1", 1),
    "mul, k=2": ("mul a1, a2, a2\n nop\n nop\n add a3, a1, a1", 0),
    "div": ("div a1, a2, a3", 33),
    "rem of 0": ("remu a1, zero, zero", 33),
    "jal": ("jal zero, 1f\n1: nop", 1),
    "forward branch, taken": ("beq zero, zero, 1f\n1: nop", 2),
    "forward branch, not taken": ("bne zero, zero, 1f\n1: nop", 0),
    "jalr": ("auipc a1, 0\n jalr zero, 8(a1)\n nop", 2),
    "load hit, k=0": ("lw a1, 0(s4)\n add a3, a1, a1", 2),
    "load hit, k=2": ("lw a1, 0(s4)\n nop\n nop\n add a3, a1, a1", 0),
    "CFU, answer in the same cycle": (".insn r 0x0B, 0, 0, a1, a2, a3", 0),
    "CFU, latency 1": (".insn r 0x0B, 1, 0, a1, a2, a3", 0),
    "CFU, latency 10": (".insn r 0x0B, 1, 9, a1, a2, a3", 9),
    # Two lines that evict each other: a line takes 8 words of 2 cycles, and the load waits 4 more.
    "load miss": ("lw a1, 0(s6)\n lw a1, 0(s5)", 2 * (8 * 2 + 4)),
    "stores, one at a time": ("sw a1, 0(s4)\n nop\n nop\n nop\n sw a1, 0(s4)", 0),
}


@pytest.fixture(scope="module")
def measured(system, tmp_path_factory):
    """Cycles of every sequence, less those of the same number of nops."""
    blocks = []
    for index, (text, _) in enumerate(SEQUENCES.values()):
        nops = "\n nop" * len(text.splitlines())
        blocks += [_block(2 * index, text), _block(2 * index + 1, nops)]
    source = f"""  .globl main
main:
  mv s7, ra
  li s1, {CYCLES_LOW}
  li s8, {UART_RXTX}
  li s4, 0x40100000
  li s5, 0x40100100
  li s6, 0x40101100
{"".join(blocks)}
  li a0, 0
  jr s7
"""
    result = system.run(assemble(source, tmp_path_factory.mktemp("timing")))
    assert result.exit_code == 0
    raw = result.output
    cycles = [raw[2 * i] | raw[2 * i + 1] << 8 for i in range(len(raw) // 2)]
    return {name: cycles[2 * i] - cycles[2 * i + 1] for i, name in enumerate(SEQUENCES)}


def _block(index, text):
    return f"""
  li s0, 3
  j block{index}
  .balign 32
block{index}:
  lw s2, 0(s1)
  .rept 5
  nop
  .endr
  {text}
  .rept 5
  nop
  .endr
  lw s3, 0(s1)
  sub a1, s3, s2
  addi s0, s0, -1
  bnez s0, block{index}
  sw a1, 0(s8)
  srli a1, a1, 8
  sw a1, 0(s8)
  .rept 20
  nop
  .endr
"""


@pytest.mark.parametrize("name", SEQUENCES)
def test_cost(measured, name):
    assert measured[name] == SEQUENCES[name][1]
