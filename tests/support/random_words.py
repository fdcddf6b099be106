"""Memories full of random words as programs. Registers point to memory, code and registers of the system; a trap goes on behind its
instruction, so that much of the nonsense is executed."""

from __future__ import annotations

import random
import struct

from cfukit_base.artefacts import Soc
from support.cpu_programs import Assembler

WORDS = 400
_OPCODES = (0x13, 0x33, 0x03, 0x23, 0x63, 0x6F, 0x67, 0x37, 0x17, 0x73, 0x0F, 0x0B, 0x13, 0x33, 0x03, 0x23)
_MEPC, _MTVEC, _CFU = 0x341, 0x305, 0xBC0


def random_words(seed: int, soc: Soc) -> bytes:
    """The code at the CPU's reset address."""
    rng = random.Random(seed)
    cpu = soc.cpu
    asm = Assembler(cpu.reset_address)
    start = asm.hole()
    handler = asm.pc
    asm.csr(_MEPC, 2, 0, 5)
    asm.i(4, 5, 0, 5)
    asm.csr(_MEPC, 1, 5, 0)
    asm.word(0x30200073)  # mret
    asm.jal(start, asm.pc, 0)
    if cpu.traps:
        asm.li(6, handler)
        asm.csr(_MTVEC, 1, 6, 0)
    if cpu.cfu_enable_csr is not None and rng.random() < 0.9:
        asm.li(6, 0x8000_0000)
        asm.csr(_CFU, 1, 6, 0)
    places = [memory.base for memory in soc.memories] + [0xF000_0000, 0xF000_0800, 0x1234_5678, asm.base]
    for register in range(1, 32):
        near = rng.choice(places) + 4 * rng.randrange(64)
        asm.li(register, rng.choice((near, near, near, rng.getrandbits(32), rng.randrange(16))))
    for _ in range(WORDS):
        word = rng.getrandbits(32)
        asm.word(word if rng.random() < 0.2 else (word & ~0x7F) | rng.choice(_OPCODES))
    return struct.pack(f"<{len(asm.words)}I", *asm.words)
