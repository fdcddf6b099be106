"""The direct-mapped data cache: on which lines data falls, and what it costs if data shares a line.

Data whose addresses differ by a multiple of the cache's size shares a line. If a kernel reads both again and again, each read of
one evicts the other. Stores do not matter, since the cache is write-through and does not allocate on a store.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LINE_BYTES = 32
DCACHE_BYTES = 4096  # of most CPUs
# In which half of the cache each part of a firmware begins. The linker script takes it from here. The stack ends where "data" begins.
CACHE_HALVES = {"weights": 0, "arena": 1, "data": 1}
# What kernels use of the stack: below the frames of the server, counted from the stack's end.
_STACK_FROM, _STACK_TO = 3, 17

Lines = npt.NDArray[np.int64]  # how many lines of some data fall on each line of the cache
Clashes = Mapping[
    tuple[str, str], int
]  # two roles in alphabetical order -> how often a line of each evicts the other


@dataclass(frozen=True)
class Cache:
    """A direct-mapped cache of `bytes`, 0 for none."""

    bytes: int

    @property
    def size(self) -> int:
        """How many lines it has."""
        return self.bytes // LINE_BYTES

    def lines(self, part: str, offset: int, count: int) -> Lines:
        """The lines of `count` bytes at `offset` of a part of the firmware."""
        return _lines(self.size, (CACHE_HALVES[part] * self.bytes // 2 + offset) % self.bytes, count)

    def stack(self) -> Lines:
        """The lines of the stack that kernels use."""
        return self.lines("data", -_STACK_TO * LINE_BYTES, (_STACK_TO - _STACK_FROM) * LINE_BYTES)


@functools.lru_cache(1024)  # a search for an arena asks for few of them, again and again
def _lines(size: int, first: int, count: int) -> Lines:
    numbers = np.arange(first // LINE_BYTES, -(-(first + count) // LINE_BYTES))
    lines = np.bincount(numbers % size, minlength=size)
    lines.flags.writeable = False
    return lines


def clash(clashes: Clashes, role: str, other: str) -> int:
    """Misses for each line that data of two roles share."""
    return 2 * clashes.get((min(role, other), max(role, other)), 0)


def misses(parts: Sequence[tuple[str, Lines]], clashes: Clashes) -> int:
    """Estimated misses of a kernel call, whose data is given by role and lines, that another layout could avoid."""
    return sum(
        clash(clashes, role, other) * int(lines @ others)
        for number, (role, lines) in enumerate(parts)
        for other, others in parts[:number]
    )
