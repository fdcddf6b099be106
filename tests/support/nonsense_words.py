"""Programs of random words, most of them no instructions, that a CPU without traps runs to the end: accesses go to memory, jumps go
forward. What a word does is told by the same few of its bits as in VexRiscv's decoder."""

from __future__ import annotations

import random
import struct

from cfukit_base.artefacts import Soc
from support.cpu_programs import Assembler

BLOCKS = 300
REACH = 4  # blocks
_BASE, _ONE = 8, 9
_LEGAL = (0x13, 0x33, 0x03, 0x23, 0x63, 0x67, 0x37, 0x17, 0x73, 0x0B)


def nonsense_words(seed: int, soc: Soc, *, lost_stores: bool = False) -> bytes:
    """The code at the CPU's reset address. It ends by the exit register. lost_stores: some go where no memory is."""
    rng = random.Random(seed)
    asm = Assembler(soc.cpu.reset_address)
    memory = max((m for m in soc.memories if m.kind in ("ram", "dtcm")), key=lambda m: m.bytes)
    data = memory.base + memory.bytes // 2
    for register in range(1, 32):
        asm.li(register, rng.choice((rng.getrandbits(32), rng.randrange(64), data)))
    for _ in range(BLOCKS):
        word = rng.getrandbits(32)
        if rng.random() < 0.3:
            word = (word & ~0x7F) | rng.choice(_LEGAL)
        _append_block(asm, word, data, rng, lost_stores)
    for _ in range(4 * REACH):  # jumps end here
        asm.i(0, 0, 0, 0)
    asm.li(_BASE, soc.csrs["cfukit_exit"].address)
    asm.li(_ONE, 1)
    asm.s(0, _ONE, _BASE, 2)
    asm.jal(asm.hole(), asm.pc - 4, 0)
    return struct.pack(f"<{len(asm.words)}I", *asm.words)


def _append_block(asm: Assembler, word: int, data: int, rng: random.Random, lost_stores: bool) -> None:
    """Four words: a base register, the random word, a product of what it gave or a new value. Jumps go to the beginning of a block."""
    accesses, branches = word & 0x58 == 0, word & 0x58 == 0x40
    jumps = word & 0x48 == 0x48 or word & 0x1C == 4
    forward = 8 + 16 * rng.randrange(REACH)
    asm.li(_BASE, asm.pc + 8 + forward if branches else data + rng.randrange(32) * rng.choice((1, 4)))
    if (
        accesses and word & 0x24 == 0x24 and not lost_stores
    ):  # a store whose address is the number of a register
        word ^= 0x10
    elif word & 0x0C == 8 and word >> 13 & 3 == 3:  # a command that the CFU of the tests does not answer
        word &= ~0x2000
    if branches and jumps:
        word = _with_base(word) & 0x000F_FFFF | rng.randrange(4) << 20
    elif branches:
        offset = min(forward, 24) + rng.choice((0, 2))
        word = (word & 0x01FF_F07F) | offset >> 1 << 8
    elif jumps:
        word = (word & 0xFFF) | forward >> 1 << 21 | rng.getrandbits(1) << 21
    elif accesses:
        word = _with_base(word)
    asm.word(word)
    if rng.random() < 0.5:
        asm.r(1, rng.randrange(32), word >> 7 & 31, 0, rng.randrange(32))
    else:
        asm.u(rng.getrandbits(32), rng.randrange(32))


def _with_base(word: int) -> int:
    return (word & ~0xF_8000) | _BASE << 15
