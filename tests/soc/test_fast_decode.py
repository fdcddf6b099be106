"""The decoder of engine fast has the equations of the CPU's Verilog."""

from __future__ import annotations

import re

from cfukit_cpu.stock import stock_text
from cfukit_soc.fast.build import SOURCES

DECODED = "_zz_decode_CfuPlugin_CFU_INPUT_2_KIND_2"  # all outputs of the decoder, the last one first
# The equations in our sources, and the bit of the decoder that each of them is.
BITS = {
    "src1_low": 1,
    "src1_high": 2,
    "subtracts": 3,
    "use1": 5,
    "alu_low": 6,
    "alu_high": 7,
    "src2_low": 8,
    "src2_high": 9,
}
BITS |= {
    "writes": 10,
    "early": 11,
    "middle": 12,
    "side": 14,
    "use2": 15,
    "less_unsigned": 17,
    "bitwise_low": 18,
}
BITS |= {"bitwise_high": 19, "adds_zero": 20, "shift_low": 21, "shift_high": 22, "control": 24, "csr": 25}
_TOKEN = re.compile(r"\d+'[hb][0-9a-f]+|\w+|==|[{}(),|&]")

Terms = frozenset[tuple[int, int]]  # mask and value; one of them must hold


class Expression:
    """A Verilog expression of concatenations, reductions by or, and comparisons of masked bits of the instruction."""

    def __init__(self, assigned: dict[str, str], text: str) -> None:
        self.assigned = assigned
        self.tokens = _TOKEN.findall(text)

    def bits(self) -> list[Terms | int]:
        """Its bits, or a number."""
        found = self._operand()
        while self.tokens and self.tokens[0] in ("&", "=="):
            operator, other = self.tokens.pop(0), self._operand()[0]
            found = [other] if operator == "&" else [frozenset({(found[0], other)})]
        return found

    def _operand(self) -> list[Terms | int]:
        token = self.tokens.pop(0)
        if token == "(":
            reduced = self.tokens[0] == "|"
            if reduced:
                self.tokens.pop(0)
            inner = self.bits()
            assert self.tokens.pop(0) == ")"
            return [frozenset().union(*inner)] if reduced else inner
        if token == "{":
            found = self.bits()
            while self.tokens.pop(0) == ",":
                found += self.bits()
            return found
        if "'" in token:
            return [int(token.split("'")[1][1:], 16 if "h" in token else 2)]
        if token == "decode_INSTRUCTION":
            return [-1]
        return Expression(self.assigned, self.assigned[token]).bits()


def test_the_equations_are_those_of_the_verilog():
    assigned = dict(re.findall(r"assign (_zz_\w+) = (.*?);", stock_text()))
    bits = Expression(assigned, assigned[DECODED]).bits()[::-1]
    ours = {}
    for name in ("decode.h", "controls.h"):
        for found, terms in re.findall(r"(\w+)\[\] = \{(\{.*\})\}[;,]?(?= |;|$|\n)", _lines(name)):
            pairs = re.findall(r"\{(\w+), (\w+)\}", terms)
            ours[found] = frozenset((int(mask, 0), int(value, 0)) for mask, value in pairs)
    for name, bit in BITS.items():
        assert ours[name] == bits[bit], f"{name}: bit {bit}"


def _lines(name: str) -> str:
    """A source with one array in each line."""
    text = (SOURCES / name).read_text()
    return re.sub(r"\}\}, (?=\w+\[\])", "}};\n", text)
