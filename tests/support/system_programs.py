"""Random programs of a whole system, for the comparison of its simulators: what two different CPUs need not have in common.

Beside what `cpu_programs` has: interrupts of the UART and of software, counters and all other CSRs with their real values, CSRs that
are not there, `mret` and `wfi` in the program, misaligned jumps, flushes and `fence.i` anywhere (also where a branch leaves them out),
code that changes without a `fence.i`, memories other than the program's, registers of the system, and moves of the stack pointer.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from cfukit_base.artefacts import Soc
from support.cpu_programs import DATA_BYTES, EDGES, Features, Generator

_MSTATUS, _MIE, _MTVEC, _MEPC, _MIP, _MASK = 0x300, 0x304, 0x305, 0x341, 0x344, 0xBC0
_ABSENT = (0x123, 0x7C0, 0xB03, 0xC01, 0x342 ^ 0x80)
_RXTX, _PENDING, _ENABLE = 0x00, 0x10, 0x14  # of the UART
_FENCE_I, _FLUSH, _MRET, _WFI = 0x0000100F, 0x0000500F, 0x30200073, 0x10500073


@dataclass(frozen=True)
class Places:
    """Addresses of a system. others: of memories that are neither code nor data."""

    uart: int
    others: tuple[int, ...]


class SystemGenerator(Generator):
    """One program from a seed."""

    interrupts = 24  # then the handler turns them off, so that a program ends

    def __init__(self, seed: int, features: Features, code_base: int, data_base: int, places: Places):
        self.places = places
        super().__init__(seed, features, code_base, data_base)

    def _kinds(self) -> list[tuple[Callable[[], None], int]]:
        kinds = [*super()._kinds(), (self.registers, 6), (self.burst, 8), (self.flush, 3), (self.patch, 2)]
        kinds += [(self.stack, 2), (self.leave_out, 3), (self.close, 6)]
        kinds += [(self.edges, 4)] * (self.features.multiplier or self.features.divider)
        kinds += [(self.any_csr, 6)] * bool(self.features.csrs)
        kinds += [(self.elsewhere, 4)] * bool(self.places.others)
        if self.features.traps:
            kinds += [(self.interrupt, 4), (self.return_from_trap, 2), (self.crooked_jump, 2)]
        return kinds

    def registers(self) -> None:
        """Registers of the system, and a branch on what they say."""
        rng, asm, rd = self.random, self.asm, self.dest()
        if rng.random() < 0.5:
            asm.li(27, self.places.uart)
            for _ in range(rng.randrange(1, 3)):
                if rng.random() < 0.3:
                    asm.s(_RXTX, self.reg(), 27, 2)
                else:
                    asm.i(4 * rng.randrange(8), 27, 2, rd, 0x03)
        else:
            asm.i(rng.choice((0, 4, 8, 12)), 3, rng.choice((0, 1, 2, 2, 4, 5)), rd, 0x03)
        for _ in range(rng.choice((0, 0, 1))):
            self.alu()
        at = asm.hole()
        for _ in range(rng.randrange(3)):
            rng.choice((self.alu, self.load, self.store))()
        asm.branch(at, asm.pc, rng.choice((0, 1, 4, 5, 6, 7)), rd, self.reg())

    def burst(self) -> None:
        """Accesses without anything between them."""
        rng = self.random
        for _ in range(rng.randrange(3, 10)):
            rng.choice((self.store, self.store, self.load, self.io))()

    def close(self) -> None:
        """Instructions that wait for each other: few registers."""
        rng, asm = self.random, self.asm
        few = rng.sample(self._all(), 2)
        kinds = [lambda a, b, c: asm.r(0, a, b, rng.choice((0, 1, 4)), c)]
        kinds += [
            lambda a, b, c: asm.i(4 * (a & 7), 2, 2, c, 0x03),
            lambda a, b, c: asm.s(4 * (b & 7), a, 2, 2),
        ]
        kinds += [lambda a, b, c: asm.r(1, a, b, rng.randrange(4), c)] * self.features.multiplier
        kinds += [lambda a, b, c: asm.r(1, a, b, rng.randrange(4, 8), c)] * self.features.divider
        kinds += [
            lambda a, b, c: asm.r(rng.randrange(4), a, b, rng.randrange(8), c, 0x0B)
        ] * self.features.cfu
        for _ in range(rng.randrange(3, 9)):
            rng.choice(kinds)(rng.choice(few), rng.choice(few), rng.choice(few))

    def _all(self) -> list[int]:
        return [5, 6, 7, *range(8, 16), *range(17, 26), 28]

    def edges(self) -> None:
        """Products, quotients and remainders of numbers at the edges of their range."""
        rng, asm = self.random, self.asm
        a, b = rng.sample(self._all(), 2)
        asm.li(a, rng.choice(EDGES))
        asm.li(b, rng.choice(EDGES))
        kinds = [*range(4)] * self.features.multiplier + [*range(4, 8)] * self.features.divider
        for _ in range(rng.randrange(1, 4)):
            asm.r(1, rng.choice((a, b)), rng.choice((a, b)), rng.choice(kinds), self.dest())

    def stack(self) -> None:
        """The stack pointer moves, an access, and it moves back."""
        offset = 16 * self.random.randrange(-4, 4)
        self.asm.i(offset, 2, 0, 2)
        for _ in range(self.random.randrange(3)):
            self.random.choice((self.load, self.store, self.alu))()
        self.asm.i(-offset, 2, 0, 2)

    def flush(self) -> None:
        """A flush of both caches or of one, close to accesses."""
        near = (self.load, self.store, self.io, self.alu)
        for _ in range(self.random.randrange(3)):
            self.random.choice(near)()
        self.asm.word(self.random.choice((_FENCE_I, _FLUSH, _FLUSH)))
        for _ in range(self.random.randrange(3)):
            self.random.choice(near)()

    def leave_out(self) -> None:
        """What a jump leaves out, and decode sees."""
        rng, asm = self.random, self.asm
        at, kind = asm.hole(), rng.randrange(3)
        if kind == 2 and self.features.traps:
            asm.word(rng.getrandbits(32))
        elif kind:
            asm.word(rng.choice((_FENCE_I, _FLUSH)))
        else:
            rng.choice((self.load, self.store, self.cfu if self.features.cfu else self.alu))()
        for _ in range(rng.randrange(2)):
            self.alu()
        if rng.random() < 0.5:
            asm.branch(at, asm.pc, 0, 0, 0)
        else:
            asm.jal(at, asm.pc, 0)

    def patch(self) -> None:
        """A word of the code ahead changes. Whether the old or the new one is executed depends on the cycle."""
        rng, asm, rd = self.random, self.asm, self.dest()
        asm.u(0, 26, 0x17)
        at = asm.pc - 4
        asm.li(27, rng.getrandbits(12) << 20 | rd << 15 | rd << 7 | 0x13)
        hole = asm.hole()
        for _ in range(self._patch_distance()):
            self._before_patch()
        here, words = asm.pc - at, asm.words
        asm.i(1, rd, 0, rd)
        asm.words = []
        asm.s(here, 27, 26, 2)
        words[hole], asm.words = asm.words[0], words

    def _patch_distance(self) -> int:
        return self.random.randrange(12)

    def _before_patch(self) -> None:
        self.asm.word(_FENCE_I) if self.random.random() < 0.1 else self.alu()

    def elsewhere(self) -> None:
        """Memories that are neither code nor data, and the code itself as data."""
        rng, asm = self.random, self.asm
        stores = rng.random() < 0.4
        places = self.places.others if stores else (*self.places.others, self.code_base)
        asm.li(27, rng.choice(places) + 4 * rng.randrange(64))
        for _ in range(rng.randrange(1, 4)):
            if stores and rng.random() < 0.5:
                asm.s(1024 + 4 * rng.randrange(16), self.reg(), 27, 2)
            else:
                self.load(27, 4 * rng.randrange(-8 * stores, 16) + 1024 * stores)

    def any_csr(self) -> None:
        rng, asm = self.random, self.asm
        number = rng.choice((*sorted(self.features.csrs), *_ABSENT))
        rd = rng.choice((0, self.dest(), self.dest()))
        if number == _MTVEC:  # the handler stays where it is
            asm.csr(number, rng.choice((6, 7)), rng.randrange(4), rd)
        elif number == _MASK and not self.features.traps:
            asm.csr(number, 6, rng.randrange(32), rd)
        else:
            asm.csr(number, rng.choice((1, 2, 3, 5, 6, 7)), rng.randrange(26) & ~4 or 5, rd)
        if number == _MASK and rng.random() < 0.8:  # the CFU works again
            asm.csr(_MASK, 2, 1, 0)

    def interrupt(self) -> None:
        """Something that allows, raises or ends an interrupt."""
        rng, asm = self.random, self.asm
        kind = rng.randrange(6)
        if kind == 0:
            asm.li(26, rng.choice((0x800, 0x808, 0x808, 8)))
            asm.csr(_MIE, rng.choice((1, 2)), 26, 0)
            asm.csr(_MASK, 6, rng.choice((1, 1, 3)), 0)
            asm.csr(_MSTATUS, 6, 8, 0)
        elif kind == 1:
            asm.csr(_MIP, 6, 8, 0)
        elif kind == 2:
            asm.csr(_MSTATUS, rng.choice((6, 7)), 8, self.dest())
        else:
            asm.li(26, self.places.uart)
            asm.i(rng.randrange(4), 0, 0, 27)
            asm.s(rng.choice((_PENDING, _ENABLE, _ENABLE)), 27, 26, 2)
            if kind == 3 and rng.random() < 0.1:
                asm.word(_WFI)
        for _ in range(rng.randrange(4)):
            self.step()

    def return_from_trap(self) -> None:
        """mret to a place ahead."""
        rng, asm = self.random, self.asm
        words = rng.randrange(3)
        asm.csr(_MSTATUS, 7, 8, 0)
        asm.u(0, 26, 0x17)
        asm.i(16 + 4 * words, 26, 0, 26)
        asm.csr(_MEPC, 1, 26, 0)
        asm.word(_MRET)
        for _ in range(words):
            self.alu()

    def crooked_jump(self) -> None:
        """A jump to an address that is no multiple of four, or a branch there that may not be taken."""
        rng, asm = self.random, self.asm
        kind = rng.randrange(3)
        if kind == 0:
            asm.u(0, 26, 0x17)
            asm.i(rng.choice((10, 14, 11)), 26, 0, rng.choice((0, 1, self.dest())), 0x67)
        elif kind == 1:
            asm.jal(asm.hole(), asm.pc + 2, rng.choice((0, self.dest())))
        else:
            asm.branch(asm.hole(), asm.pc + 2, rng.choice((0, 1, 4, 5)), self.reg(), self.reg())
        self.alu()
        self.alu()

    def _prologue(self, handler: int) -> None:
        super()._prologue(handler)
        self.asm.s(-4, 0, 29, 2)  # no interrupts yet

    def _handler(self) -> None:
        """Interrupts are counted at the start of the data, and answered; exceptions are logged, and their instruction is left out."""
        rng, asm = self.random, self.asm
        asm.csr(0x342, 2, 0, 30)
        at = asm.hole()
        asm.s(0, 30, 29, 2)
        asm.csr(_MEPC, 2, 0, 30)
        asm.i(4, 30, 0, 30)
        asm.csr(_MEPC, 1, 30, 0)
        asm.csr(0x343, 2, 0, 30)
        asm.s(4, 30, 29, 2)
        asm.word(_MRET)
        asm.branch(at, asm.pc, 4, 30, 0)
        asm.li(31, self.places.uart)
        self._answer()
        asm.li(31, self.data_base)
        asm.i(0, 31, 2, 30, 0x03)
        asm.i(1, 30, 0, 30)
        asm.s(0, 30, 31, 2)
        asm.i(-self.interrupts, 30, 0, 30)
        at = asm.hole()
        asm.csr(_MIE, 1, 0, 0)
        asm.branch(at, asm.pc, 4, 30, 0)
        for _ in range(rng.randrange(6)):
            asm.i(0, 0, 0, 0)
        asm.word(_MRET)

    def _answer(self) -> None:
        """x31 is the UART; x30 is free."""
        self.asm.i(3, 0, 0, 30)
        self.asm.s(_PENDING, 30, 31, 2)


class PatchGenerator(SystemGenerator):
    """Code that changes just ahead of where it is executed, where instructions wait for each other."""

    def _kinds(self) -> list[tuple[Callable[[], None], int]]:
        return [*Generator._kinds(self), (self.patch, 100)]

    def _patch_distance(self) -> int:
        return self.random.randrange(2, 6)

    def _before_patch(self) -> None:
        self.asm.r(
            0, *self.random.choices((5, 6), k=2), self.random.choice((0, 1, 5)), self.random.choice((5, 6))
        )


class StormGenerator(SystemGenerator):
    """The program is interrupted again and again: it raises the UART's line, which falls in the handler, or asks by software. Either comes
    some instructions later, which depends on what they wait for."""

    interrupts = 2000

    def _kinds(self) -> list[tuple[Callable[[], None], int]]:
        return [
            *Generator._kinds(self),
            (self.burst, 8),
            (self.close, 20),
            (self.raise_line, 60),
            (self.ask, 20),
        ]

    def _prologue(self, handler: int) -> None:
        super()._prologue(handler)
        self.asm.li(26, 0x808)
        self.asm.csr(_MIE, 1, 26, 0)
        self.asm.csr(_MASK, 6, 3, 0)
        self.asm.csr(_MSTATUS, 6, 8, 0)

    def raise_line(self) -> None:
        self.asm.li(26, self.places.uart)
        self.asm.i(self.random.choice((1, 3)), 0, 0, 27)
        self.asm.s(_ENABLE, 27, 26, 2)
        self._others()

    def ask(self) -> None:
        self.asm.csr(_MIP, 6, 8, 0)
        self._others()

    def _others(self) -> None:
        for _ in range(self.random.randrange(8)):
            self.random.choice((self.alu, self.load, self.store, self.skip, self.call, self.close))()

    def _answer(self) -> None:
        self.asm.s(_ENABLE, 0, 31, 2)


def system_image(
    soc: Soc, seed: int, length: int = 500, generator: type[SystemGenerator] = SystemGenerator
) -> bytes:
    """The memory image of the program of `seed` for a system."""
    cpu, regions = soc.cpu, {memory.base: memory for memory in soc.memories}
    has = Features(
        multiplier=cpu.multiplier,
        divider=cpu.divider,
        traps=cpu.traps,
        alignment_check=cpu.traps,
        csrs=frozenset(cpu.csrs),
    )
    code, data = layout(soc, seed)
    others = [
        base
        for base, memory in regions.items()
        if memory.kind != "rom" and not 0 <= code - base < memory.bytes
    ]
    places = Places(soc.csrs["uart_rxtx"].address, tuple(others))
    program = generator(seed, has, code, data, places).make(length)
    chunks = [(code, struct.pack(f"<{len(program.words)}I", *program.words))]
    first = sorted(regions).index(max(base for base in regions if base <= data))
    room = regions[sorted(regions)[first]]
    chunks.append((data, program.data[: room.base + room.bytes - data]))
    if code != cpu.reset_address:  # the boot ROM jumps there
        chunks.append((cpu.reset_address, struct.pack("<II", code | 0x237, 0x00020067)))
    return b"".join(_chunk(soc, base, contents) for base, contents in chunks)


def layout(soc: Soc, seed: int) -> tuple[int, int]:
    """Where code and data of a program lie."""
    places = layouts(soc)
    return places[seed % len(places)]


def layouts(soc: Soc) -> list[tuple[int, int]]:
    """Where code and data may lie, in all ways that the system allows."""
    by_kind = {memory.kind: memory for memory in reversed(soc.memories)}
    code = [
        memory
        for kind, memory in by_kind.items()
        if kind == "itcm" or (kind == "ram" and soc.cpu.icache_bytes)
    ]
    pairs = [
        (one.base, other.base + (0x10000 if one is other else 0))
        for one in code
        for kind, other in by_kind.items()
        if kind in ("itcm", "dtcm", "ram") and other.bytes >= DATA_BYTES * (2 if one is other else 1)
    ]
    return [pair for pair in pairs if pair[0] == soc.cpu.reset_address] or pairs


def _chunk(soc: Soc, base: int, contents: bytes) -> bytes:
    for index, memory in enumerate(soc.memories):
        if 0 <= base - memory.base < memory.bytes:
            return struct.pack("<III", index, base - memory.base, len(contents)) + contents
    raise AssertionError(f"no memory at {base:#x}")
