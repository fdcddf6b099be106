"""What direct-mapped caches of 32-byte lines fetch for a retirement trace, in plain Python, independent of the RTL.

The D$ follows from the trace alone. The I$ also fetches for instructions that never retire:

* The instruction after a jump that execute resolves reaches decode (the wrong path).
* A load is repeated if it missed, or if a store has just written its bytes. Up to three instructions behind it reach decode, are
  flushed, and are fetched again. In a small cache they may evict the load itself.

How many of them reach decode depends on the cycles. So the model does not count: it decides whether the sequence of lines that
the RTL fetched can be explained. Programs must not flush caches.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from support.cpu_programs import IO

LINE_BYTES = 32
_LOAD, _STORE, _BRANCH, _JALR, _JAL = 0x03, 0x23, 0x63, 0x67, 0x6F
_BEHIND = 3  # stages between the fetch and the one that repeats a load


def data_misses(trace: np.ndarray, size_bytes: int) -> set[int]:
    """Rows of the loads that fetch a line. Stores fetch none."""
    tags: dict[int, int] = {}
    missed = set()
    for row, opcode, address, _ in _accesses(trace):
        if opcode == _LOAD and address < IO:
            line = address // LINE_BYTES
            slot = line % (size_bytes // LINE_BYTES)
            if tags.get(slot) != line:
                tags[slot] = line
                missed.add(row)
    return missed


def stored_before(trace: np.ndarray) -> set[int]:
    """Rows of the loads that read bytes written by a store one or two instructions before."""
    found = set()
    stores: dict[int, tuple[int, int]] = {}
    for row, opcode, address, size in _accesses(trace):
        if opcode == _STORE:
            stores[row] = address, size
        else:
            near = (stores[at] for at in (row - 1, row - 2) if at in stores)
            if any(at < address + size and address < at + bytes_ for at, bytes_ in near):
                found.add(row)
    return found


def _accesses(trace: np.ndarray) -> Iterable[tuple[int, int, int, int]]:
    """Row, opcode, address and size of each load and store."""
    registers = [0] * 32
    for row, (_, word, rd, value) in enumerate(trace.tolist()):
        opcode = word & 0x7F
        if opcode in (_LOAD, _STORE):
            low = word >> 20 if opcode == _LOAD else word >> 25 << 5 | word >> 7 & 31
            address = registers[word >> 15 & 31] + low - (word >> 31 << 12) & 0xFFFFFFFF
            yield row, opcode, address, 1 << (word >> 12 & 3)
        if rd:
            registers[rd] = value


@dataclass
class _Cache:
    """A possible past: the contents of the I$ after the first `fetched` lines."""

    lines: int
    fetched: int = 0
    tags: dict[int, int] = field(default_factory=dict)

    def step(self, line: int, fills: list[int]) -> bool:
        """Whether this past allows an instruction of `line` in decode."""
        if self.tags.get(line % self.lines) != line:
            if self.fetched == len(fills) or fills[self.fetched] != line * LINE_BYTES:
                return False
            self.tags[line % self.lines] = line
            self.fetched += 1
        return True

    def copy(self) -> _Cache:
        return _Cache(self.lines, self.fetched, dict(self.tags))


def unexplained(
    trace: np.ndarray, fills: list[int], size_bytes: int, *, prediction: bool, again: set[int], exit_pc: int
) -> str:
    """Where an I$ of `size_bytes` could not have fetched `fills` for `trace`; "" if it could.

    again: rows of the repeated loads.
    """
    steps = _decoded(trace, prediction)
    pasts = [_Cache(size_bytes // LINE_BYTES)]
    for row, own in enumerate(steps):
        before, pasts = pasts, []
        for past in before:
            if row in again:
                pasts += _done_again(past, steps, row, fills)
            pasts.append(past)
        lived = [past for past in pasts if all(past.step(line, fills) for line in own)]
        if not lived:
            at = max(past.fetched for past in pasts)
            shown = f"{fills[at]:#x}" if at < len(fills) else "nothing"
            return f"row {row}, pc {int(trace[row, 0]):#x}: fetched {shown} as line {at}"
        pasts = [past for n, past in enumerate(lived) if past not in lived[:n]]
    # After the store that ends the program, the CPU runs on into the final loop.
    beyond = [line for line in fills[max(past.fetched for past in pasts) :] if line != exit_pc & -LINE_BYTES]
    return f"fetched at the end: {', '.join(map(hex, beyond))}" if beyond else ""


def _done_again(past: _Cache, steps: list[list[int]], row: int, fills: list[int]) -> list[_Cache]:
    """Pasts in which the load of `row` went as far as the stage that repeats it, followed by the instructions behind it."""
    found = []
    now = past.copy()
    behind = [line for following in steps[row + 1 : row + 1 + _BEHIND] for line in following]
    if not now.step(steps[row][0], fills):
        return []
    for line in behind[:_BEHIND]:
        if not now.step(line, fills):
            break
        found.append(now.copy())
    return found


def _decoded(trace: np.ndarray, prediction: bool) -> list[list[int]]:
    """For each row the lines that decode sees: that of the instruction, and the next one after a jump that execute resolves."""
    found = []
    rows = trace.tolist()
    for row, (pc, word, _, _) in enumerate(rows):
        steps = [pc // LINE_BYTES]
        following = rows[row + 1][0] if row + 1 < len(rows) else pc + 4
        opcode = word & 0x7F
        early = prediction and (opcode == _JAL or (opcode == _BRANCH and word >> 31))
        if following != pc + 4 and opcode in (_BRANCH, _JALR, _JAL) and not early:
            steps.append((pc + 4) // LINE_BYTES)
        found.append(steps)
    return found
