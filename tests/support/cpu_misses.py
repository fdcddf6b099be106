"""Cache misses from a retirement trace: direct-mapped caches of 32-byte lines, in plain Python, independent of the RTL."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from support.cpu_programs import IO

LINE_BYTES = 32


class DirectMapped:
    """Tags only."""

    def __init__(self, size_bytes: int):
        self.lines = size_bytes // LINE_BYTES
        self.tags: dict[int, int] = {}
        self.misses = 0

    def access(self, address: int) -> None:
        line = address // LINE_BYTES
        if self.tags.get(line % self.lines) != line:
            self.tags[line % self.lines] = line
            self.misses += 1


def data_misses(trace: np.ndarray, size_bytes: int) -> int:
    """Lines that loads fetch; stores change none. A flush (0x500F) empties the cache."""
    cache, registers = DirectMapped(size_bytes), [0] * 32
    for _, word, rd, value in _rows(trace):
        if word & 0x7F == 0x03:
            address = registers[word >> 15 & 31] + (word >> 20) - (word >> 31 << 12) & 0xFFFFFFFF
            if address < IO:
                cache.access(address)
        elif word & 0x707F == 0x500F:
            cache.tags.clear()
        if rd:
            registers[rd] = value
    return cache.misses


def instruction_misses(trace: np.ndarray, size_bytes: int, *, prediction: bool) -> int:
    """Lines that are fetched, with those of the wrong path: what follows a jump that execute decides on reaches decode."""
    cache = DirectMapped(size_bytes)
    rows = list(_rows(trace))
    for index, (pc, word, _, _) in enumerate(rows):
        cache.access(pc)
        if word in (0x0000100F, 0x0000500F):
            cache.tags.clear()
        following = rows[index + 1][0] if index + 1 < len(rows) else pc + 4
        opcode = word & 0x7F
        if following != pc + 4 and opcode in (0x63, 0x67, 0x6F):
            early = prediction and (opcode == 0x6F or (opcode == 0x63 and word >> 31))
            if not early:
                cache.access(pc + 4)
    return cache.misses


def _rows(trace: np.ndarray) -> Iterable[tuple[int, int, int, int]]:
    return (tuple(row) for row in trace.tolist())  # type: ignore[misc]
