"""Instructions of RV32IM as what they compute, and when the next ones can use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

WORD = 0xFFFF_FFFF
_BRANCH, _JAL = 0x63, 0x6F
_BY_FUNCT3 = ("add", "sll", "slt", "sltu", "xor", "srl", "or", "and")
_PRODUCTS = ("mul", "mulh", "mulhsu", "mulhu")
# Slots between an instruction and the first that can use its result without waiting, on a CPU with bypass.
_SHIFT_SLOTS, _PRODUCT_SLOTS, _LOAD_SLOTS, CFU_SLOTS = 1, 2, 2, 1


@dataclass(frozen=True)
class Operation:
    """What an instruction does with registers.

    * name: of what it computes of `sources` and `immediate` alone; "" for all else, such as loads, divisions and branches.
    * rd: the register that it writes, 0 for none. sources: those that it reads, in order.
    * slots: how many other instructions must follow before one can use the result without waiting.
    * control: a branch or jump, which ends a block. orders: a CFU command behind it waits until it has left the pipeline.
    """

    name: str = ""
    rd: int = 0
    sources: tuple[int, ...] = ()
    immediate: int | None = None
    slots: int = 0
    control: bool = False
    orders: bool = False


def decode(word: int) -> Operation:
    """What the instruction `word` does."""
    funct3, funct7, opcode = word >> 12 & 7, word >> 25, word & 0x7F
    rd, rs1, rs2 = (word >> at & 31 for at in (7, 15, 20))
    match opcode:
        case 0x33 if funct7 == 1 and funct3 < 4:
            return Operation(_PRODUCTS[funct3], rd, (rs1, rs2), slots=_PRODUCT_SLOTS)
        case 0x33 if funct7 in (0, 0x20):
            name = {(0, 0x20): "sub", (5, 0x20): "sra"}.get((funct3, funct7), _BY_FUNCT3[funct3])
            return Operation(name, rd, (rs1, rs2), slots=_shift_slots(name))
        case 0x33:  # a division
            return Operation(rd=rd, sources=(rs1, rs2), slots=_SHIFT_SLOTS)
        case 0x13:
            shifts = funct3 in (1, 5)
            name = "sra" if funct3 == 5 and funct7 == 0x20 else _BY_FUNCT3[funct3]
            value = rs2 if shifts else signed(word >> 20, 12)
            return Operation(name, rd, (rs1,), value & WORD, slots=_shift_slots(name))
        case 0x37:
            return Operation("lui", rd, (), word & 0xFFFF_F000)
        case 0x17:
            return Operation(rd=rd)
        case 0x03:
            return Operation(rd=rd, sources=(rs1,), slots=_LOAD_SLOTS, orders=True)
        case 0x23:
            return Operation(sources=(rs1, rs2), orders=True)
        case 0x63:
            return Operation(sources=(rs1, rs2), control=True, orders=True)
        case 0x6F:
            return Operation(rd=rd, control=True, orders=True)
        case 0x67:
            return Operation(rd=rd, sources=(rs1,), control=True, orders=True)
        case 0x73:
            immediate = funct3 & 4 or not funct3
            return Operation(
                rd=rd,
                sources=() if immediate else (rs1,),
                slots=_SHIFT_SLOTS,
                control=not funct3,
                orders=True,
            )
        case 0x0B:
            return Operation(rd=rd, sources=(rs1, rs2), slots=CFU_SLOTS)
    return Operation(control=True, orders=True)  # a fence or a word that is none of ours: nothing crosses it


def target(word: int, pc: int) -> int | None:
    """Where a branch or `jal` goes; None for all else."""
    if word & 0x7F == _BRANCH:
        bits = word >> 31 << 12 | (word >> 7 & 1) << 11 | (word >> 25 & 0x3F) << 5 | (word >> 8 & 15) << 1
        return pc + signed(bits, 13) & WORD
    if word & 0x7F == _JAL:
        bits = (
            word >> 31 << 20 | (word >> 12 & 0xFF) << 12 | (word >> 20 & 1) << 11 | (word >> 21 & 0x3FF) << 1
        )
        return pc + signed(bits, 21) & WORD
    return None


def is_branch(word: int) -> bool:
    """Whether the next instruction may follow, too."""
    return word & 0x7F == _BRANCH


def signed(value: int, bits: int = 32) -> int:
    """The low `bits` of `value` as a two's complement number."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


COMPUTE: dict[str, Callable[[int, int], int]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "sll": lambda a, b: a << (b & 31),
    "slt": lambda a, b: signed(a) < signed(b),
    "sltu": lambda a, b: a < b,
    "xor": lambda a, b: a ^ b,
    "srl": lambda a, b: a >> (b & 31),
    "sra": lambda a, b: signed(a) >> (b & 31),
    "or": lambda a, b: a | b,
    "and": lambda a, b: a & b,
    "mul": lambda a, b: a * b,
    "mulh": lambda a, b: signed(a) * signed(b) >> 32,
    "mulhsu": lambda a, b: signed(a) * b >> 32,
    "mulhu": lambda a, b: a * b >> 32,
}


def compute(name: str, a: int, b: int) -> int:
    """The word that operation `name` makes of two words."""
    return int(COMPUTE[name](a & WORD, b & WORD)) & WORD


def _shift_slots(name: str) -> int:
    return _SHIFT_SLOTS if name in ("sll", "srl", "sra") else 0
