"""Instructions of RV32IM, Zicsr and Zifencei as assembly text, without aliases except the usual ones; CFU instructions by their names."""

from __future__ import annotations

from collections.abc import Mapping

REGISTERS = (
    "zero",
    "ra",
    "sp",
    "gp",
    "tp",
    "t0",
    "t1",
    "t2",
    "s0",
    "s1",
    "a0",
    "a1",
    "a2",
    "a3",
    "a4",
    "a5",
    "a6",
    "a7",
    "s2",
    "s3",
    "s4",
    "s5",
    "s6",
    "s7",
    "s8",
    "s9",
    "s10",
    "s11",
    "t3",
    "t4",
    "t5",
    "t6",
)
_BRANCHES = {0: "beq", 1: "bne", 4: "blt", 5: "bge", 6: "bltu", 7: "bgeu"}
_LOADS = {0: "lb", 1: "lh", 2: "lw", 4: "lbu", 5: "lhu"}
_STORES = {0: "sb", 1: "sh", 2: "sw"}
_IMMEDIATE = {0: "addi", 2: "slti", 3: "sltiu", 4: "xori", 6: "ori", 7: "andi"}
_SHIFTS = {(1, 0): "slli", (5, 0): "srli", (5, 0x20): "srai"}
_REGISTER = {
    **{(n, 0): name for n, name in enumerate(["add", "sll", "slt", "sltu", "xor", "srl", "or", "and"])},
    **{
        (n, 1): name
        for n, name in enumerate(["mul", "mulh", "mulhsu", "mulhu", "div", "divu", "rem", "remu"])
    },
    (0, 0x20): "sub",
    (5, 0x20): "sra",
}
_CSRS = {1: "csrrw", 2: "csrrs", 3: "csrrc", 5: "csrrwi", 6: "csrrsi", 7: "csrrci"}
_WHOLE = {
    0x00000073: "ecall",
    0x00100073: "ebreak",
    0x30200073: "mret",
    0x10500073: "wfi",
    0x0000100F: "fence.i",
    0x00000013: "nop",
    0x00008067: "ret",
}


def disassemble(word: int, pc: int, cfu: Mapping[int, str] = {}) -> str:
    """The text of an instruction at `pc`; cfu: names of CFU instructions by funct3. Jumps and branches name their target's address."""
    if word in _WHOLE:
        return _WHOLE[word]
    funct3, funct7, opcode = word >> 12 & 7, word >> 25, word & 0x7F
    rd, rs1, rs2 = (REGISTERS[word >> at & 31] for at in (7, 15, 20))
    immediate = _signed(word >> 20, 12)
    match opcode:
        case 0x37 | 0x17:
            return f"{'lui' if opcode == 0x37 else 'auipc'} {rd}, {word >> 12:#x}"
        case 0x6F:
            bits = (
                word >> 31 << 20
                | (word >> 12 & 0xFF) << 12
                | (word >> 20 & 1) << 11
                | (word >> 21 & 0x3FF) << 1
            )
            target = f"{pc + _signed(bits, 21) & 0xFFFFFFFF:#x}"
            return f"j {target}" if rd == "zero" else f"jal {rd}, {target}"
        case 0x67 if funct3 == 0:
            return f"jr {rs1}" if rd == "zero" and not immediate else f"jalr {rd}, {immediate}({rs1})"
        case 0x63 if funct3 in _BRANCHES:
            bits = word >> 31 << 12 | (word >> 7 & 1) << 11 | (word >> 25 & 0x3F) << 5 | (word >> 8 & 15) << 1
            return f"{_BRANCHES[funct3]} {rs1}, {rs2}, {pc + _signed(bits, 13) & 0xFFFFFFFF:#x}"
        case 0x03 if funct3 in _LOADS:
            return f"{_LOADS[funct3]} {rd}, {immediate}({rs1})"
        case 0x23 if funct3 in _STORES:
            return f"{_STORES[funct3]} {rs2}, {_signed(funct7 << 5 | word >> 7 & 31, 12)}({rs1})"
        case 0x13 if funct3 in _IMMEDIATE:
            if funct3 == 0 and (rs1 == "zero" or not immediate):
                return f"li {rd}, {immediate}" if rs1 == "zero" else f"mv {rd}, {rs1}"
            return f"{_IMMEDIATE[funct3]} {rd}, {rs1}, {immediate}"
        case 0x13 if (funct3, funct7) in _SHIFTS:
            return f"{_SHIFTS[funct3, funct7]} {rd}, {rs1}, {word >> 20 & 31}"
        case 0x33 if (funct3, funct7) in _REGISTER:
            return f"{_REGISTER[funct3, funct7]} {rd}, {rs1}, {rs2}"
        case 0x0F if funct3 == 0 and rd == rs1 == "zero":
            return "fence" if word == 0x0FF0000F else f".word {word:#010x}"
        case 0x73 if funct3 in _CSRS:
            source = str(word >> 15 & 31) if funct3 & 4 else rs1
            return f"{_CSRS[funct3]} {rd}, {word >> 20:#x}, {source}"
        case 0x0B:
            name = cfu.get(funct3, f"cfu{funct3}")
            mode = f"[{funct7}]" if funct7 else ""
            return f"{name}{mode} {rd}, {rs1}, {rs2}"
    return f".word {word:#010x}"


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) & 1 else value
