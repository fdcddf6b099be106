"""Random straight-line code of RV32IM for tests of what reads code, and an interpreter of it on numpy's integers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from cfukit_base.artefacts.causes import InstructionRun

BEGIN = 0x4000_0000
_PLAIN = {"add": (0, 0), "sub": (0, 0x20), "sll": (1, 0), "slt": (2, 0), "sltu": (3, 0), "xor": (4, 0)}
_PLAIN |= {"srl": (5, 0), "sra": (5, 0x20), "or": (6, 0), "and": (7, 0)}
_PRODUCTS = {"mul": (0, 1), "mulh": (1, 1), "mulhsu": (2, 1), "mulhu": (3, 1)}
REGISTER = _PLAIN | _PRODUCTS
IMMEDIATE = {"addi": 0, "slti": 2, "sltiu": 3, "xori": 4, "ori": 6, "andi": 7}
SHIFTS = {"slli": (1, 0), "srli": (5, 0), "srai": (5, 0x20)}
RET = 0x0000_8067


def register(name: str, rd: int, rs1: int, rs2: int) -> int:
    funct3, funct7 = REGISTER[name]
    return funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | 0x33


def immediate(name: str, rd: int, rs1: int, value: int) -> int:
    if name in SHIFTS:
        funct3, funct7 = SHIFTS[name]
        return funct7 << 25 | (value & 31) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | 0x13
    return (value & 0xFFF) << 20 | rs1 << 15 | IMMEDIATE[name] << 12 | rd << 7 | 0x13


def lui(rd: int, value: int) -> int:
    return (value & 0xFFFFF) << 12 | rd << 7 | 0x37


def load(rd: int, rs1: int, offset: int) -> int:
    return (offset & 0xFFF) << 20 | rs1 << 15 | 2 << 12 | rd << 7 | 0x03


def store(rs2: int, rs1: int, offset: int) -> int:
    return (offset >> 5 & 0x7F) << 25 | rs2 << 20 | rs1 << 15 | 2 << 12 | (offset & 31) << 7 | 0x23


def branch_not_equal(rs1: int, rs2: int, distance: int) -> int:
    high = (distance >> 12 & 1) << 31 | (distance >> 5 & 63) << 25
    return (
        high | rs2 << 20 | rs1 << 15 | 1 << 12 | (distance >> 1 & 15) << 8 | (distance >> 11 & 1) << 7 | 0x63
    )


def words(registers: Sequence[int], longest: int = 24, memory: bool = True) -> st.SearchStrategy[list[int]]:
    """Code that reads and writes `registers`."""
    one = st.sampled_from([0, *registers])
    value = st.one_of(st.sampled_from([0, 1, 2, 8, 16, 31, 255, -1, -2, -2048]), st.integers(-2048, 2047))
    kinds = [
        st.builds(register, st.sampled_from(sorted(REGISTER)), one, one, one),
        st.builds(immediate, st.sampled_from(sorted({*IMMEDIATE, *SHIFTS})), one, one, value),
        st.builds(lui, one, st.integers(0, 0xFFFFF)),
    ]
    if memory:
        kinds += [st.builds(load, one, one, value), st.builds(store, one, one, value)]
    return st.lists(st.one_of(kinds), min_size=1, max_size=longest)


def runs(code: Sequence[int], executions: int = 1) -> list[InstructionRun]:
    """Code as a profile tells of it."""
    return [
        InstructionRun(
            pc=BEGIN + 4 * number,
            word=word,
            text="",
            function="f",
            file="f.c",
            line=number,
            inlined=(),
            executions=executions,
            cycles=executions,
            causes={},
        )
        for number, word in enumerate(code)
    ]


class Interpreter:
    """Registers as numpy numbers, and memory that holds a word at every address; what was not stored is made of the address."""

    def __init__(self, registers: Sequence[int]):
        self.registers = np.array(registers, np.uint32)
        self.memory: dict[int, int] = {}

    def step(self, word: int) -> None:
        """Execute anything but a jump or branch."""
        funct3, funct7, opcode = word >> 12 & 7, word >> 25, word & 0x7F
        rd, rs1, rs2 = (word >> at & 31 for at in (7, 15, 20))
        a = self.registers[rs1]
        upper = np.uint32(word >> 20).astype(np.int32) << 20 >> 20
        result: int | None = None
        if opcode == 0x37:
            result = word & 0xFFFFF000
        elif opcode == 0x03:
            at = int(a) + int(upper) & 0xFFFF_FFFF
            result = self.memory.get(at, at * 2654435761)
        elif opcode == 0x23:
            low = funct7 << 5 | rd
            self.memory[int(a) + (low - 4096 if low > 2047 else low) & 0xFFFF_FFFF] = int(self.registers[rs2])
        elif opcode == 0x13:
            shifts = funct3 in (1, 5)
            b = np.uint32(rs2) if shifts else np.array(upper).astype(np.uint32)
            result = _alu(funct3, funct7 if shifts else 0, a, b)
        else:
            assert opcode == 0x33
            result = _alu(funct3, funct7, a, self.registers[rs2])
        if rd and result is not None:
            self.registers[rd] = result & 0xFFFF_FFFF


def _alu(funct3: int, funct7: int, a: np.ndarray, b: np.ndarray) -> int:
    left, right = np.array([a], np.uint32), np.array([b], np.uint32)
    amount = right & np.uint32(31)
    if funct7 == 1:
        if funct3 == 0:
            return int((left * right)[0])
        signs = {1: (np.int32, np.int32), 2: (np.int32, np.uint32), 3: (np.uint32, np.uint32)}[funct3]
        numbers = [int(value.view(sign)[0]) for value, sign in zip((left, right), signs, strict=True)]
        return numbers[0] * numbers[1] >> 32
    results = {
        0: left - right if funct7 else left + right,
        1: left << amount,
        2: left.view(np.int32) < right.view(np.int32),
        3: left < right,
        4: left ^ right,
        5: (left.view(np.int32) >> amount.view(np.int32)) if funct7 else left >> amount,
        6: left | right,
        7: left & right,
    }
    return int(results[funct3][0])
