"""A program that reads words of a flash in and out of sequence, below its contents too, and stores to it."""

from __future__ import annotations

import random
import struct

from cfukit_base.artefacts import Soc
from cfukit_base.artefacts.cpu import Memory
from support.cpu_programs import Assembler

FLASH, EXIT = 0x0800_0000, 0xF000_0008


def first_of(soc: Soc, kind: str) -> Memory:
    """The system's first memory of a kind."""
    return next(memory for memory in soc.memories if memory.kind == kind)


def flash_reads(seed: int, soc: Soc) -> bytes:
    """The code at the CPU's reset address."""
    rng = random.Random(seed)
    asm = Assembler(soc.cpu.reset_address)
    flash = first_of(soc, "flash")
    place = flash.base
    for _ in range(60):
        if rng.random() < 0.4:
            place = rng.choice((FLASH, flash.base, flash.base + 4 * rng.randrange(4096)))
        asm.li(5, place)
        if rng.random() < 0.1:
            asm.s(0, 6, 5, 2)
        else:
            asm.i(0, 5, rng.choice((0, 2, 2, 2, 4)), 6, 0x03)
        for _ in range(rng.randrange(3)):
            asm.r(0, 6, 7, 0, 7)
        place += 4
    asm.li(5, EXIT)
    asm.s(0, 7, 5, 2)
    asm.word(0x6F)
    return struct.pack(f"<{len(asm.words)}I", *asm.words)
