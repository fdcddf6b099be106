"""Plain integers as words hold them, for models."""

from __future__ import annotations


def int8_lanes(word: int, lanes: int = 4) -> list[int]:
    """The signed bytes of a word, lane 0 from bits 7:0."""
    return [((word >> (8 * i) & 0xFF) ^ 0x80) - 0x80 for i in range(lanes)]


def to_signed(word: int, bits: int = 32) -> int:
    """The two's complement value of the low `bits` bits."""
    word &= (1 << bits) - 1
    return word - (1 << bits) if word >> (bits - 1) else word
