"""The memory behind a CFU's port in tests: it refuses commands, lets reads wait, and has at most four of them outstanding.

bench.cpp is the same in C++, and a test compares the two.
"""

from __future__ import annotations

from collections import deque

from cfukit.memory import TEST_BYTES
from cfukit.testing.stimulus import PATTERN_CYCLES, Segment, initial_contents
from cfukit_base.cfu_ports import MEMORY_MAX_OUTSTANDING, memory_ports

_PORTS = memory_ports(32)  # their names are the same for all widths
MEMORY_INPUTS = tuple(
    port.name for port in _PORTS if port.direction == "input"
)  # as `MemorySide.drive` gives them
MEMORY_OUTPUTS = tuple(
    port.name for port in _PORTS if port.direction == "output"
)  # as `MemorySide.see` takes them


class MemorySide:
    """The memory during one segment: `drive` gives the port's inputs of a cycle, `see` takes what the CFU asks for.

    * quiet_cycles: cycles since the last command or response.
    * outside: the first address that was out of range or not aligned.
    """

    inputs, outputs = MEMORY_INPUTS, MEMORY_OUTPUTS

    def __init__(self, segment: Segment, width: int):
        self.segment, self.width = segment, width
        self.contents = bytearray(initial_contents(segment))
        self.written = bytearray(TEST_BYTES // 4)
        self.outside: int | None = None
        self.quiet_cycles = 0
        self._cycle = 0
        self._reads = 0
        self._due: deque[tuple[int, int]] = deque()  # cycle of the response, data
        self._last_due = -1
        self._ready = False

    def drive(self) -> tuple[bool, bool, int]:
        """cmd_ready, rsp_valid, rsp_data of this cycle."""
        open_ = bool(self.segment.memory_ready >> (self._cycle % PATTERN_CYCLES) & 1)
        self._ready = open_ and len(self._due) < MEMORY_MAX_OUTSTANDING
        if self._due and self._due[0][0] == self._cycle:
            return self._ready, True, self._due[0][1]
        return self._ready, False, 0xDEADBEEF & (1 << self.width) - 1

    def see(self, valid: bool, we: bool, address: int, data: int, mask: int) -> None:
        """Take the CFU's command of this cycle, before its clock edge."""
        answered = bool(self._due and self._due[0][0] == self._cycle)
        if answered:
            self._due.popleft()
        self.quiet_cycles = 0 if valid or answered or self._due else self.quiet_cycles + 1
        if valid and self._ready:
            self._access(we, address, data, mask)
        self._cycle += 1

    def _access(self, we: bool, address: int, data: int, mask: int) -> None:
        size = self.width // 8
        if address % size or address + size > TEST_BYTES:
            if self.outside is None:
                self.outside = address
            address = address % TEST_BYTES // size * size
        if we:
            for lane in range(size):
                if mask >> lane & 1:
                    self.contents[address + lane] = data >> 8 * lane & 0xFF
                    self.written[(address + lane) // 4] = 1
            return
        waits = self.segment.memory_waits
        due = max(self._last_due + 1, self._cycle + 1 + waits[self._reads % len(waits)])
        self._due.append((due, int.from_bytes(self.contents[address : address + size], "little")))
        self._last_due = due
        self._reads += 1
