"""The processor of the stand-in for Renode: RV32IM with custom-0, Renode's complaints, and the CFU's library."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.fake_renode import Machine

MASK = 0xFFFF_FFFF


class Abort(Exception):
    """The processor reached an address without code."""


def say(level: str, name: str, text: str) -> None:
    print(f"02:03:04.0506 [{level}] {name}: {text}", flush=True)


class Cfu:
    """The calls that Renode's binder makes, in its order."""

    def __init__(self, path: str):
        library = ctypes.CDLL(path)
        self._attach = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda message: None)
        library.renode_external_attach__ActionIntPtr__HandleSenderMessage(self._attach)
        library.initialize_native()
        library.reset_peripheral()
        library.execute.restype = ctypes.c_uint64
        self.library = library

    def execute(self, function: int, a: int, b: int) -> tuple[int, int]:
        error = ctypes.c_int(-1)
        return int(self.library.execute(function, a, b, ctypes.byref(error))), error.value


class Memory:
    def __init__(self, base: int, size: int):
        self.base, self.data = base, bytearray(size)

    def read(self, offset: int, size: int) -> int:
        return int.from_bytes(self.data[offset : offset + size], "little")

    def write(self, offset: int, size: int, value: int) -> None:
        self.data[offset : offset + size] = value.to_bytes(size, "little")


def signed(value: int, bits: int = 32) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


BRANCH: dict[int, Callable[[int, int], bool]] = {
    0: lambda a, b: a == b,
    1: lambda a, b: a != b,
    4: lambda a, b: signed(a) < signed(b),
    5: lambda a, b: signed(a) >= signed(b),
    6: lambda a, b: a < b,
    7: lambda a, b: a >= b,
}


def _divide(a: int, b: int) -> int:
    quotient = abs(a) // abs(b) if b else 1
    return -1 if b == 0 else quotient if (a < 0) == (b < 0) else -quotient


ALU: dict[tuple[int, int], Callable[[int, int], int]] = {
    (0, 0): lambda a, b: a + b,
    (0, 32): lambda a, b: a - b,
    (1, 0): lambda a, b: a << (b & 31),
    (2, 0): lambda a, b: int(signed(a) < signed(b)),
    (3, 0): lambda a, b: int(a < b),
    (4, 0): lambda a, b: a ^ b,
    (5, 0): lambda a, b: a >> (b & 31),
    (5, 32): lambda a, b: signed(a) >> (b & 31),
    (6, 0): lambda a, b: a | b,
    (7, 0): lambda a, b: a & b,
    (0, 1): lambda a, b: a * b,
    (1, 1): lambda a, b: signed(a) * signed(b) >> 32,
    (2, 1): lambda a, b: signed(a) * b >> 32,
    (3, 1): lambda a, b: a * b >> 32,
    (4, 1): lambda a, b: _divide(signed(a), signed(b)),
    (5, 1): lambda a, b: a // b if b else MASK,
    (6, 1): lambda a, b: signed(a) - signed(b) * _divide(signed(a), signed(b)) if b else a,
    (7, 1): lambda a, b: a % b if b else a,
}


class Program:
    """An interpreter of RV32IM with custom-0."""

    def __init__(self, machine: Machine):
        self.machine, self.pc, self.x = machine, machine.entry, [0] * 32
        self.aborted = False
        self._decoded: dict[int, Callable[[], int]] = {}
        self._memories = [
            (m.base, m.base + len(m.data), m.data) for _, _, m in machine.regions if isinstance(m, Memory)
        ]

    def run(self, steps: int) -> None:
        if self.aborted:
            return
        decoded, pc = self._decoded, self.pc
        try:
            for _ in range(steps):
                step = decoded.get(pc)
                if step is None:
                    step = decoded[pc] = self._decode(pc, self._fetch(pc))
                pc = step()
        except Abort:
            self.aborted = True
            text = f"CPU abort [PC={pc:#X}]: Trying to execute code outside RAM or ROM at {pc:#010X}."
            say("ERROR", "cpu0", text.replace("0X", "0x"))
        finally:
            self.pc = pc

    def _fetch(self, pc: int) -> int:
        word = self.load(pc, 4, pc)
        if not any(begin <= pc < end for begin, end, _ in self._memories):
            raise Abort
        return word

    def _nowhere(self, access: str, size: int, address: int, pc: int, value: str = "") -> None:
        if not any(address in silent for silent in self.machine.silent):
            width = {1: "Byte", 2: "Word", 4: "DoubleWord"}[size]
            text = f"{access.split()[0]}{width} {access.split()[1]} non existing peripheral at 0x{address:X}"
            say("WARNING", "sysbus", f"[cpu0: 0x{pc:X}] {text}{value}.")

    def load(self, address: int, size: int, pc: int) -> int:
        for begin, end, data in self._memories:
            if begin <= address < end:
                offset = address - begin
                return int.from_bytes(data[offset : offset + size], "little")
        thing, offset = self.machine.at(address)
        if thing is None:
            self._nowhere("Read from", size, address, pc)
            return 0
        return int(thing.read(offset, size))

    def store(self, address: int, size: int, value: int, pc: int) -> None:
        value &= (1 << 8 * size) - 1
        for begin, end, data in self._memories:
            if begin <= address < end:
                data[address - begin : address - begin + size] = value.to_bytes(size, "little")
                return
        thing, offset = self.machine.at(address)
        if thing is None:
            self._nowhere("Write to", size, address, pc, f", value 0x{value:X}")
        else:
            thing.write(offset, size, value)

    def _decode(self, pc: int, word: int) -> Callable[[], int]:
        opcode, rd, funct3 = word & 0x7F, word >> 7 & 31, word >> 12 & 7
        rs1, rs2, funct7 = word >> 15 & 31, word >> 20 & 31, word >> 25
        x, after = self.x, pc + 4
        imm_i = signed(word >> 20, 12)

        def result(value: Callable[[], int]) -> Callable[[], int]:
            def step() -> int:
                got = value() & MASK
                if rd:
                    x[rd] = got
                return after

            return step

        if opcode == 0x37:
            return result(lambda: word & 0xFFFFF000)
        if opcode == 0x17:
            return result(lambda: pc + (word & 0xFFFFF000))
        if opcode == 0x13:
            shift = funct3 in (1, 5)
            do = ALU[funct3, funct7 if shift else 0]
            operand = rs2 if shift else imm_i & MASK
            return result(lambda: do(x[rs1], operand))
        if opcode == 0x33:
            do = ALU[funct3, funct7]
            return result(lambda: do(x[rs1], x[rs2]))
        if opcode == 0x03:
            size, sign = 1 << (funct3 & 3), funct3 < 2
            if sign:
                return result(lambda: signed(self.load(x[rs1] + imm_i & MASK, size, pc), 8 * size))
            return result(lambda: self.load(x[rs1] + imm_i & MASK, size, pc))
        if opcode == 0x23:
            offset = signed(funct7 << 5 | rd, 12)

            def store() -> int:
                self.store(x[rs1] + offset & MASK, 1 << funct3, x[rs2], pc)
                return after

            return store
        if opcode == 0x63:
            imm = signed(
                word >> 31 << 12 | (word >> 7 & 1) << 11 | (word >> 25 & 63) << 5 | (word >> 8 & 15) << 1, 13
            )
            taken, target = BRANCH[funct3], pc + imm
            return lambda: target if taken(x[rs1], x[rs2]) else after
        if opcode in (0x6F, 0x67):
            imm = signed(
                word >> 31 << 20
                | (word >> 12 & 255) << 12
                | (word >> 20 & 1) << 11
                | (word >> 21 & 1023) << 1,
                21,
            )

            def jump() -> int:
                target = pc + imm if opcode == 0x6F else x[rs1] + imm_i & 0xFFFFFFFE
                if rd:
                    x[rd] = after
                return target

            return jump
        if opcode == 0x73 and funct3:
            return result(lambda: self._csr(word >> 20, funct3, x[rs1]))
        if opcode == 0x0B:
            if rd == 0:
                raise SystemExit("Fatal error: CFU with rd = x0")  # the effect on Renode
            return self._cfu(funct7 << 3 | funct3, rd, rs1, rs2, after)
        return (lambda: after) if self.machine.tolerant else (lambda: self._trap(2, pc, word))

    def _trap(self, cause: int, pc: int, value: int) -> int:
        csrs = self.machine.csrs
        csrs[0x342], csrs[0x341], csrs[0x343] = cause, pc, value
        say("WARNING", "cpu0", f"Illegal instruction 0x{value:X} at 0x{pc:X}")
        return csrs[0x305]

    def _csr(self, number: int, funct3: int, value: int) -> int:
        before = self.machine.csrs[number]
        self.machine.csrs[number] = {1: value, 2: before | value, 3: before & ~value}[funct3]
        return before

    def _cfu(self, function: int, rd: int, rs1: int, rs2: int, after: int) -> Callable[[], int]:
        cfu, x = self.machine.cfu, self.x
        assert cfu is not None

        def step() -> int:
            value, error = cfu.execute(function, x[rs1], x[rs2])
            if error:
                say("ERROR", "cfu0", f"CFU operation timeout, error: {error}")
            else:
                x[rd] = value & MASK
            return after

        return step
