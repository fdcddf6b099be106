"""A cone as an expression over `a` and `b`: Python on integers, as the model of an instruction is written.

`a` and `b` are the operands as signed numbers; the result counts modulo 2^32. `int32(x)` and `uint32(x)` are the low 32 bits of x as
a signed and an unsigned number. They stand only where they can make a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cfukit_tools.advice.dataflow import Cone, Constant, Node, Value
from cfukit_tools.advice.operations import WORD, signed

NAMES = ("a", "b")
_SIGNS = {"add": "+", "sub": "-", "xor": "^", "or": "|", "and": "&", "mul": "*"}
_WRAPS = {
    "add",
    "sub",
    "mul",
    "sll",
}  # may leave the range of int32; bits of int32 numbers give int32 numbers


def text(cone: Cone) -> tuple[str, tuple[Value, ...]]:
    """The expression, and the values that its names stand for, in order."""
    names: dict[Value, str] = {}
    return _text(cone.root, cone, names, outer=True), tuple(names)


def _text(value: Value, cone: Cone, names: dict[Value, str], outer: bool = False) -> str:
    if isinstance(value, Constant):
        number = signed(value.value)
        return str(number) if abs(number) < 4096 else hex(number)
    if value in cone.leaves:
        if value not in names:
            names[value] = NAMES[len(names)]
        return names[value]
    assert isinstance(value, Node)
    left, right = value.operands
    if value.name == "add" and isinstance(right, Constant) and right.value == 0:
        return _text(left, cone, names, outer)
    made = _binary(value.name, left, right, cone, names)
    return made if outer else f"({made})"


def _binary(name: str, left: Value, right: Value, cone: Cone, names: dict[Value, str]) -> str:
    def plain(value: Value) -> str:
        return _text(value, cone, names)

    def int32(value: Value) -> str:
        shown = _text(value, cone, names, outer=_wraps(value, cone))
        return f"int32({shown})" if _wraps(value, cone) else shown

    def uint32(value: Value) -> str:
        if isinstance(value, Constant):
            return str(value.value) if value.value < 4096 else hex(value.value)
        return f"uint32({_text(value, cone, names, outer=True)})"

    def amount(value: Value) -> str:
        return str(value.value & 31) if isinstance(value, Constant) else f"({plain(value)} & 31)"

    if name in _SIGNS:
        number = signed(right.value) if isinstance(right, Constant) else 0
        if name == "add" and number < 0:
            return f"{plain(left)} - {-number if -number < 4096 else hex(-number)}"
        return f"{plain(left)} {_SIGNS[name]} {plain(right)}"
    made: dict[str, Callable[[], str]] = {
        "sll": lambda: f"{plain(left)} << {amount(right)}",
        "srl": lambda: f"{uint32(left)} >> {amount(right)}",
        "sra": lambda: f"{int32(left)} >> {amount(right)}",
        "slt": lambda: f"{int32(left)} < {int32(right)}",
        "sltu": lambda: f"{uint32(left)} < {uint32(right)}",
        "mulh": lambda: f"({int32(left)} * {int32(right)}) >> 32",
        "mulhsu": lambda: f"({int32(left)} * {uint32(right)}) >> 32",
        "mulhu": lambda: f"({uint32(left)} * {uint32(right)}) >> 32",
    }
    return made[name]()


def _wraps(value: Value, cone: Cone) -> bool:
    """Whether the expression of a value may be another number than its word read as signed."""
    if isinstance(value, Constant) or value in cone.leaves:
        return False
    assert isinstance(value, Node)
    if value.name == "srl":  # an unsigned number, of 32 bits if the amount is 0
        return not (isinstance(amount := value.operands[1], Constant) and amount.value & 31)
    if value.name == "mulhu":
        return True
    if value.name in ("xor", "or", "and"):
        return any(_wraps(operand, cone) for operand in value.operands)
    return value.name in _WRAPS


def value_of(expression: str, operands: Mapping[str, int]) -> int:
    """The word that an expression makes of words."""
    scope = {
        "__builtins__": {},
        "int32": signed,
        "uint32": lambda value: value & WORD,
    }
    numbers = {name: signed(word) for name, word in operands.items()}
    return int(eval(expression, scope, numbers)) & WORD
