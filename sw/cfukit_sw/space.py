"""Place pieces of data at addresses from 0 on, where some addresses cost more than others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cfukit_sw.cache_lines import LINE_BYTES
from cfukit_sw.planner import ALIGNMENT

Costs = npt.NDArray[np.int64]  # by the line of the cache on which something begins
_WORTH_IT = 24  # misses that a good place must save
BYTES_PER_MISS = 8  # of padding, that a saved miss is worth


@dataclass(frozen=True, eq=False)
class Unit:
    """Pieces that stay together, in order. alignment: of each."""

    pieces: tuple[bytes, ...]
    costs: Costs
    alignment: int = ALIGNMENT

    def offset(self, piece: bytes) -> int:
        """Of a piece in the unit."""
        at = 0
        for other in self.pieces:
            at = _aligned(at, self.alignment)
            if other == piece:
                return at
            at += len(other)
        raise ValueError("no such piece")

    @property
    def bytes(self) -> int:
        return self.offset(self.pieces[-1]) + len(self.pieces[-1]) if self.pieces else 0

    @property
    def spread(self) -> int:
        """What the best place saves over the worst."""
        return int(np.ptp(self.costs))


def place_units(units: Sequence[Unit], spare_bytes: int) -> dict[bytes, int]:
    """The offset of each piece. At most `spare_bytes` stay unused. If the units' choices would waste more, fewer of them may choose."""
    choosy = sorted((unit for unit in units if unit.spread >= _WORTH_IT), key=lambda unit: -unit.spread)
    dense = sum(unit.bytes + unit.alignment for unit in units if unit.bytes)
    while True:
        rest = [unit for unit in units if unit not in choosy]
        places, end = _placed(choosy, rest)
        if not choosy or end <= dense + spare_bytes:
            return places
        choosy = choosy[: len(choosy) // 2]


def _placed(choosy: Sequence[Unit], rest: Sequence[Unit]) -> tuple[dict[bytes, int], int]:
    space = _Space()
    places: dict[bytes, int] = {}
    for unit in choosy:
        options = (
            (int(cost), space.lowest(unit, line, len(unit.costs))) for line, cost in enumerate(unit.costs)
        )
        _, at = min((cost + max(0, offset - space.end) // BYTES_PER_MISS, offset) for cost, offset in options)
        space.take(at, unit.bytes)
        places |= {piece: at + unit.offset(piece) for piece in unit.pieces}
    for unit in sorted(rest, key=lambda unit: -unit.bytes) if choosy else rest:
        at = space.lowest(unit)
        space.take(at, unit.bytes)
        places |= {piece: at + unit.offset(piece) for piece in unit.pieces}
    return places, space.end


class _Space:
    """Addresses, of which some are taken."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, int]] = []  # from, to; in order

    @property
    def end(self) -> int:
        return self.taken[-1][1] if self.taken else 0

    def lowest(self, unit: Unit, line: int | None = None, lines: int = 1) -> int:
        """The lowest free offset for a unit. With `line`: the lowest that is on this line of a cache of `lines`."""
        at = 0
        for begin, end in self.taken:
            at = _next(_aligned(at, unit.alignment), line, lines)
            if at + unit.bytes <= begin:
                return at
            at = max(at, end)
        return _next(_aligned(at, unit.alignment), line, lines)

    def take(self, at: int, count: int) -> None:
        self.taken = sorted([*self.taken, (at, at + count)])


def _next(at: int, line: int | None, lines: int) -> int:
    if line is None or at // LINE_BYTES % lines == line:
        return at
    return at + (line * LINE_BYTES - at) % (lines * LINE_BYTES)


def _aligned(at: int, alignment: int) -> int:
    return -(-at // alignment) * alignment
