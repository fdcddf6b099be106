"""Random RV32IM programs for differential tests of CPUs, with every kind of instruction and hazard. All of them end.

Registers:

* x1: link
* x2: middle of the data
* x3: I/O
* x4, x16: loop counters
* x26, x27: addresses
* x29: log
* x30, x31: trap handler
* all others: data

Cycle counters and cache sizes are read and overwritten at once, because they are not compared.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

DATA_REGISTERS = (5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 22, 23, 24, 25, 28)
DATA_BYTES = 0x10000
CODE_BYTES = 0x8000
EXIT, PORT, ACK = 0, 4, 8  # from x3 = IO
IO = 0xF000_0000
CFU_LATENCIES = (0, 0, 1, 1, 2, 3, *range(4, 8), 33, 127)  # cycles; the bench allows at most 127
MASKED_CSRS = {0xB00, 0xB02, 0xB80, 0xB82, 0xC00, 0xC02, 0xC80, 0xC82, 0xCC0}
EDGES = (0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFF, 0x10000, 0x8000)


@dataclass(frozen=True)
class Features:
    """What a program may use. csrs: those that both CPUs have."""

    multiplier: bool = True
    divider: bool = True
    traps: bool = True
    interrupts: bool = False
    alignment_check: bool = True
    csrs: frozenset[int] = frozenset()
    cfu: bool = True
    fences: bool = True


@dataclass
class Program:
    """A program: its place, its start, its words, and the range of the trap handler."""

    code_base: int
    data_base: int
    words: list[int]
    data: bytes
    handler: range
    exit_pc: int
    seed: int = 0


@dataclass
class Assembler:
    """The words from `base` on."""

    base: int
    words: list[int] = field(default_factory=list)

    @property
    def pc(self) -> int:
        return self.base + 4 * len(self.words)

    def word(self, value: int) -> None:
        self.words.append(value & 0xFFFF_FFFF)

    def r(self, funct7: int, rs2: int, rs1: int, funct3: int, rd: int, opcode: int = 0x33) -> None:
        self.word(funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode)

    def i(self, immediate: int, rs1: int, funct3: int, rd: int, opcode: int = 0x13) -> None:
        self.word((immediate & 0xFFF) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode)

    def s(self, immediate: int, rs2: int, rs1: int, funct3: int) -> None:
        low, high = immediate & 31, immediate >> 5 & 127
        self.word(high << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | low << 7 | 0x23)

    def u(self, value: int, rd: int, opcode: int = 0x37) -> None:
        self.word((value & 0xFFFFF000) | rd << 7 | opcode)

    def li(self, rd: int, value: int) -> None:
        low = ((value & 0xFFF) ^ 0x800) - 0x800
        self.u(value - low, rd)
        self.i(low, rd, 0, rd)

    def csr(self, number: int, funct3: int, rs1: int, rd: int) -> None:
        self.i(number, rs1, funct3, rd, 0x73)

    def branch(self, at: int, target: int, funct3: int, rs1: int, rs2: int) -> None:
        """Put a branch into word `at`."""
        offset = target - (self.base + 4 * at)
        high = (offset >> 12 & 1) << 6 | (offset >> 5 & 63)
        low = (offset >> 1 & 15) << 1 | (offset >> 11 & 1)
        self.words[at] = high << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | low << 7 | 0x63

    def jal(self, at: int, target: int, rd: int) -> None:
        offset = target - (self.base + 4 * at)
        bits = (
            (offset >> 20 & 1) << 19
            | (offset >> 1 & 0x3FF) << 9
            | (offset >> 11 & 1) << 8
            | (offset >> 12 & 0xFF)
        )
        self.words[at] = bits << 12 | rd << 7 | 0x6F

    def hole(self) -> int:
        """Reserve a word to be filled in later."""
        self.word(0)
        return len(self.words) - 1


class Generator:
    """One program from a seed."""

    def __init__(self, seed: int, features: Features, code_base: int, data_base: int):
        self.random = random.Random(seed)
        self.features = features
        self.asm = Assembler(code_base)
        self.code_base, self.data_base = code_base, data_base
        self.calls: list[int] = []
        self.loops = 0
        self.kinds = self._kinds()

    def _kinds(self) -> list[tuple[Callable[[], None], int]]:
        has = self.features
        kinds = [(self.alu, 30), (self.load, 14), (self.store, 12), (self.overlap, 6), (self.far, 8)]
        kinds += [(self.skip, 10), (self.loop, 3), (self.call, 4), (self.io, 2), (self.indirect, 2)]
        kinds += (
            [(self.multiply, 8)] * has.multiplier
            + [(self.divide, 3)] * has.divider
            + [(self.cfu, 8)] * has.cfu
        )
        kinds += [(self.fence, 1), (self.modify, 1)] * has.fences
        kinds += [(self.csr, 4)] if has.csrs - {0x300, 0x304, 0x305, 0x344} else []
        kinds += [(self.trap, 3)] * has.traps
        return kinds

    def make(self, length: int) -> Program:
        asm, rng = self.asm, self.random
        start = asm.hole()
        handler_begin = asm.pc
        self._handler()
        handler = range(handler_begin, asm.pc)
        asm.jal(start, asm.pc, 0)
        self._prologue(handler_begin)
        while len(asm.words) < length:
            self.step()
        asm.s(EXIT, 0, 3, 2)
        exit_pc = asm.pc
        asm.word(0x6F)
        self._functions()
        assert len(asm.words) * 4 <= CODE_BYTES, len(asm.words)
        return Program(self.code_base, self.data_base, asm.words, rng.randbytes(DATA_BYTES), handler, exit_pc)

    def step(self) -> None:
        kinds, weights = zip(*self.kinds, strict=True)
        self.random.choices(kinds, weights)[0]()

    def reg(self) -> int:
        """A random source register."""
        return self.random.choice((0, *DATA_REGISTERS, *DATA_REGISTERS))

    def dest(self) -> int:
        return self.random.choice(DATA_REGISTERS)

    # One method per kind of instruction.

    def alu(self) -> None:
        rng, asm = self.random, self.asm
        if rng.random() < 0.1:
            asm.u(rng.getrandbits(32), self.dest(), rng.choice((0x37, 0x17)))
        elif rng.random() < 0.5:
            funct3 = rng.randrange(8)
            immediate = rng.choice((rng.getrandbits(12), 0, 1, 0xFFF, 0x800))
            if funct3 in (1, 5):
                immediate = rng.randrange(32) | (0x400 if funct3 == 5 and rng.random() < 0.5 else 0)
            asm.i(immediate, self.reg(), funct3, self.dest())
        else:
            funct3 = rng.randrange(8)
            funct7 = 0x20 if funct3 in (0, 5) and rng.random() < 0.5 else 0
            asm.r(funct7, self.reg(), self.reg(), funct3, self.dest())

    def multiply(self) -> None:
        self.asm.r(1, self.reg(), self.reg(), self.random.randrange(4), self.dest())

    def divide(self) -> None:
        self.asm.r(1, self.reg(), self.reg(), self.random.randrange(4, 8), self.dest())

    def cfu(self) -> None:
        rng = self.random
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            latency = rng.choice(CFU_LATENCIES)
            self.asm.r(latency, self.reg(), self.reg(), rng.randrange(8), self.dest(), 0x0B)

    def _size(self) -> int:
        return self.random.choice((0, 1, 2, 2, 2))

    def _near(self, size: int) -> int:
        """A displacement from x2. It picks one of a few words, so that accesses meet."""
        rng = self.random
        words = rng.choice((rng.randrange(-512, 512), rng.randrange(8), rng.randrange(-8, 0)))
        return words * 4 + (rng.randrange(4) & ~((1 << size) - 1))

    def load(self, base: int = 2, displacement: int | None = None, size: int | None = None) -> None:
        size = self._size() if size is None else size
        displacement = self._near(size) if displacement is None else displacement
        funct3 = size | (4 if size < 2 and self.random.random() < 0.5 else 0)
        self.asm.i(displacement, base, funct3, self.dest(), 0x03)

    def store(self, base: int = 2, displacement: int | None = None, size: int | None = None) -> None:
        size = self._size() if size is None else size
        displacement = self._near(size) if displacement is None else displacement
        self.asm.s(displacement, self.reg(), base, size)

    def overlap(self) -> None:
        """Stores to and loads from the same word, close together."""
        rng = self.random
        word = 4 * rng.randrange(-16, 16)
        for _ in range(rng.randrange(2, 5)):
            size = self._size()
            displacement = word + (rng.randrange(4) & ~((1 << size) - 1))
            rng.choice((self.store, self.load))(2, displacement, size)
            if rng.random() < 0.3:
                self.alu()

    def far(self) -> None:
        """Accesses at an address that comes from data, anywhere in the upper half of the data."""
        asm, pointer = self.asm, self.random.choice((26, 27))
        asm.i(0x7FC, self.reg(), 7, pointer)
        asm.i(self.random.randrange(4), pointer, 1, pointer)
        asm.r(0, 2, pointer, 0, pointer)
        for _ in range(self.random.randrange(1, 3)):
            size = self._size()
            displacement = self._near(size) if self.random.random() < 0.5 else 0
            self.random.choice((self.store, self.load, self.load))(pointer, displacement, size)

    def io(self) -> None:
        if self.random.random() < 0.5:
            self.asm.i(PORT, 3, 2, self.dest(), 0x03)
        else:
            self.asm.s(PORT, self.reg(), 3, 2)

    def skip(self) -> None:
        """A branch over a few instructions."""
        at = self.asm.hole()
        for _ in range(self.random.randrange(5)):
            self.random.choice((self.alu, self.alu, self.load, self.store))()
        self.asm.branch(at, self.asm.pc, self.random.choice((0, 1, 4, 5, 6, 7)), self.reg(), self.reg())

    def loop(self) -> None:
        """A body that runs a few times; loops nest twice."""
        if self.loops == 2:
            return self.alu()
        asm, counter = self.asm, (4, 16)[self.loops]
        asm.i(self.random.randrange(2, 7), 0, 0, counter)
        begin = asm.pc
        self.loops += 1
        for _ in range(self.random.randrange(1, 12)):
            self.step()
        self.loops -= 1
        asm.i(-1, counter, 0, counter)
        at = asm.hole()
        asm.branch(at, begin, 1, counter, 0)
        return None

    def call(self) -> None:
        self.calls.append(self.asm.hole())

    def indirect(self) -> None:
        """jalr over a few words. Decode may still see them, and flushes the I$ if one looks like fence.i."""
        asm, words = self.asm, self.random.randrange(3)
        asm.u(0, 26, 0x17)
        asm.i(12 + 4 * words, 26, 0, 26)
        asm.i(self.random.choice((0, 1)), 26, 0, self.random.choice((0, self.dest())), 0x67)
        for _ in range(words):
            asm.word(self.random.getrandbits(32) if self.features.fences else 0x13)

    def fence(self) -> None:
        self.asm.word(self.random.choice((0x0FF0000F, 0x0000500F)))

    def modify(self) -> None:
        """Write an instruction, wait until it is in memory, and fetch it again."""
        asm, rd = self.asm, self.dest()
        asm.u(0, 26, 0x17)
        at = len(asm.words)
        asm.li(27, self.random.getrandbits(12) << 20 | rd << 15 | rd << 7 | 0x13)
        asm.hole()  # the store
        for _ in range(self.random.randrange(4)):
            self.alu()
        asm.i(PORT, 3, 2, 27, 0x03)  # answered when the store is done
        asm.i(0, 27, 0, 27)  # fence.i itself waits for nothing, so this delays it until the answer
        asm.word(0x0000100F)
        for _ in range(
            self.random.randrange(4, 7)
        ):  # the instructions behind fence.i may have been fetched before it
            self.alu()
        patched = len(asm.words)
        asm.i(1, rd, 0, rd)
        store = at + 2
        word = asm.words
        keep, asm.words = word, []
        asm.s(4 * (patched - at + 1), 27, 26, 2)
        keep[store] = asm.words[0]
        asm.words = keep

    def csr(self) -> None:
        rng, asm = self.random, self.asm
        number = rng.choice(sorted(self.features.csrs - {0x300, 0x304, 0x305, 0x344}))
        rd = self.dest()
        if number in (0x340, 0x343) and rng.random() < 0.7:
            immediate = rng.random() < 0.3
            asm.csr(
                number,
                rng.choice((1, 2, 3)) | 4 * immediate,
                rng.randrange(32) if immediate else self.reg(),
                rd,
            )
        elif number in (0x341, 0x342, 0x343) and self.features.interrupts:
            return
        else:
            asm.csr(number, 2, 0, rd)
        if number in MASKED_CSRS:
            asm.i(rng.getrandbits(12), 0, 0, rd)

    def trap(self) -> None:
        """ecall, illegal instructions, misaligned accesses."""
        rng, asm = self.random, self.asm
        illegal = [0x00000073, 0x00000073, 0, 0xFFFFFFFF, 0x00100073]
        kind = rng.choice((*illegal, *("misaligned",) * 4 * self.features.alignment_check))
        if kind == "misaligned":
            size = rng.choice((1, 2))
            displacement = 4 * rng.randrange(-64, 64) + rng.choice((1, 3))
            rng.choice((self.load, self.store))(2, displacement, size)
        else:
            asm.word(int(kind))

    def _handler(self) -> None:
        """Acknowledge interrupts and count them at log - 4; log exceptions and skip their instruction."""
        asm = self.asm
        asm.csr(0x342, 2, 0, 30)
        at = asm.hole()
        asm.s(0, 30, 29, 2)
        asm.csr(0x341, 2, 0, 30)
        asm.s(4, 30, 29, 2)
        asm.i(4, 30, 0, 30)
        asm.csr(0x341, 1, 30, 0)
        asm.csr(0x343, 2, 0, 30)
        asm.s(8, 30, 29, 2)
        asm.i(12, 29, 0, 29)
        asm.word(0x30200073)
        asm.branch(at, asm.pc, 4, 30, 0)
        asm.s(ACK, 0, 3, 2)
        asm.li(31, self.data_base)
        asm.i(0, 31, 2, 30, 0x03)
        asm.i(1, 30, 0, 30)
        asm.s(0, 30, 31, 2)
        asm.i(ACK, 3, 2, 30, 0x03)  # answered when the line is down
        for _ in range(4):
            asm.i(0, 0, 0, 0)
        asm.word(0x30200073)

    def _prologue(self, handler: int) -> None:
        asm, rng = self.asm, self.random
        asm.u(0x80000000, 1)
        asm.csr(0xBC0, 1, 1, 0)  # nothing to set up without CSRs
        asm.li(2, self.data_base + DATA_BYTES // 2)
        asm.li(3, IO)
        asm.li(29, self.data_base + 4)
        for register in (*DATA_REGISTERS, 26, 27, 30, 31):
            asm.li(register, rng.choice((rng.getrandbits(32), rng.choice(EDGES))))
        for register in (4, 16):
            asm.i(0, 0, 0, register)
        if self.features.traps:
            asm.li(26, handler)
            asm.csr(0x305, 1, 26, 0)
            asm.csr(0x341, 1, 0, 0)
            asm.csr(0x342, 1, 0, 0)
            asm.csr(0x343, 1, 0, 0)
        if 0x340 in self.features.csrs:
            asm.csr(0x340, 1, 0, 0)
        if self.features.interrupts:
            asm.i(0x80, 0, 0, 26)
            asm.csr(0x304, 1, 26, 0)
            asm.csr(0x300, 6, 8, 0)

    def _functions(self) -> None:
        """Leaf functions, far enough apart to collide in caches."""
        asm, rng = self.asm, self.random
        entries = []
        for _ in range(4):
            while len(asm.words) % 8 != rng.choice((0, 0, 7, 4)):
                asm.word(0)
            for _ in range(rng.choice((0, 8, 64, 256))):
                asm.word(0)
            entries.append(asm.pc)
            self.loops = 2
            self.calls, calls = [], self.calls
            for _ in range(rng.randrange(2, 16)):
                rng.choice((self.alu, self.alu, self.load, self.store, self.far, self.skip))()
            self.calls = calls
            asm.i(0, 1, 0, 0, 0x67)
        for at in self.calls:
            asm.jal(at, rng.choice(entries), 1)


def generate(seed: int, features: Features, code_base: int, data_base: int, length: int = 700) -> Program:
    """The program of `seed`, about `length` instructions long; loops execute some of them several times."""
    program = Generator(seed, features, code_base, data_base).make(length)
    program.seed = seed
    return program
