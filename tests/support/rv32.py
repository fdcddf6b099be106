"""Encodings of a few RV32IM instructions and an interpreter with a CFU model, for differential tests on the CPU's RTL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

WORD = 0xFFFF_FFFF


def signed(word: int) -> int:
    return word - (1 << 32) if word & 0x8000_0000 else word


def r_type(opcode: int, funct3: int, funct7: int, rd: int, rs1: int, rs2: int) -> int:
    return funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode


def i_type(opcode: int, funct3: int, rd: int, rs1: int, immediate: int) -> int:
    return (immediate & 0xFFF) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode


@dataclass
class Program:
    """Straight-line code with short forward branches, executed in Python while it is assembled.

    After `finish` the words hold the code, and `registers` and `memory` what the CPU must end with. The CFU's model is called
    in program order.
    """

    cfu: Callable[[int, int, int, int], int]  # funct3, funct7, rs1, rs2
    words: list[int] = field(default_factory=list)
    registers: list[int] = field(default_factory=lambda: [0] * 32)
    memory: dict[int, int] = field(default_factory=dict)
    commands: int = 0

    def _set(self, rd: int, value: int) -> None:
        if rd:
            self.registers[rd] = value & WORD

    def lui(self, rd: int, value: int) -> None:
        self.words.append(value << 12 | rd << 7 | 0x37)
        self._set(rd, value << 12)

    def addi(self, rd: int, rs1: int, value: int) -> None:
        self.words.append(i_type(0x13, 0, rd, rs1, value))
        self._set(rd, self.registers[rs1] + value)

    def add(self, rd: int, rs1: int, rs2: int) -> None:
        self.words.append(r_type(0x33, 0, 0, rd, rs1, rs2))
        self._set(rd, self.registers[rs1] + self.registers[rs2])

    def li(self, rd: int, value: int) -> None:
        low = ((value & 0xFFF) ^ 0x800) - 0x800
        self.lui(rd, ((value - low) >> 12) & 0xFFFFF)
        self.addi(rd, rd, low)

    def nop(self) -> None:
        self.addi(0, 0, 0)

    def csrrs(self, csr: int, rs1: int) -> None:
        self.words.append(i_type(0x73, 2, 0, rs1, csr))

    def mul(self, rd: int, rs1: int, rs2: int) -> None:
        self.words.append(r_type(0x33, 0, 1, rd, rs1, rs2))
        self._set(rd, self.registers[rs1] * self.registers[rs2])

    def divu(self, rd: int, rs1: int, rs2: int) -> None:
        self.words.append(r_type(0x33, 5, 1, rd, rs1, rs2))
        a, b = self.registers[rs1], self.registers[rs2]
        self._set(rd, a // b if b else WORD)

    def remu(self, rd: int, rs1: int, rs2: int) -> None:
        self.words.append(r_type(0x33, 7, 1, rd, rs1, rs2))
        a, b = self.registers[rs1], self.registers[rs2]
        self._set(rd, a % b if b else a)

    def lw(self, rd: int, rs1: int, offset: int) -> None:
        self.words.append(i_type(0x03, 2, rd, rs1, offset))
        self._set(rd, self.memory.get((self.registers[rs1] + offset) & WORD, 0))

    def sw(self, rs2: int, rs1: int, offset: int) -> None:
        imm = offset & 0xFFF
        self.words.append((imm >> 5) << 25 | rs2 << 20 | rs1 << 15 | 2 << 12 | (imm & 31) << 7 | 0x23)
        self.memory[(self.registers[rs1] + offset) & WORD] = self.registers[rs2]

    def skip_next_if_equal(self, rs1: int, rs2: int, otherwise: Callable[[], None]) -> None:
        """beq over the one instruction that `otherwise` emits; it is executed only when not taken."""
        self.words.append(0 << 25 | rs2 << 20 | rs1 << 15 | 0 << 12 | 8 << 7 | 0x63)
        taken = self.registers[rs1] == self.registers[rs2]
        before, commands, memory = list(self.registers), self.commands, dict(self.memory)
        if taken:
            cfu, self.cfu = self.cfu, lambda *command: 0
            otherwise()
            self.cfu, self.registers, self.commands, self.memory = cfu, before, commands, memory
        else:
            otherwise()

    def cfu_op(self, funct3: int, funct7: int, rd: int, rs1: int, rs2: int) -> None:
        self.words.append(r_type(0x0B, funct3, funct7, rd, rs1, rs2))
        self.commands += 1
        self._set(rd, self.cfu(funct3, funct7, self.registers[rs1], self.registers[rs2]))

    def enable_cfu(self) -> None:
        self.lui(1, 0x80000)
        self.csrrs(0xBC0, 1)

    def finish(self, base: int) -> None:
        """Store x1..x31 from `base` on, which destroys x31, then stop the bench."""
        self.lui(31, base >> 12)
        for register in range(1, 31):
            self.sw(register, 31, 4 * register)
        self.lui(31, 0x80000)
        self.sw(0, 31, 0)
        self.words.append(0x6F)  # jal to itself
