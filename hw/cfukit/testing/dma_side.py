"""Main memory behind a CFU's DMA port in tests: it refuses commands, and elements come late.

bench.cpp is the same in C++, and a test compares the two.
"""

from __future__ import annotations

from collections import deque

from cfukit.dma import DMA_TEST_BASE, DMA_TEST_BYTES
from cfukit.testing.stimulus import PATTERN_CYCLES, Segment, initial_main_memory
from cfukit_base.cfu_ports import DMA_OUTSTANDING, DmaShape, dma_ports

_PORTS = dma_ports(DmaShape(width=32))  # their names are the same for all widths
DMA_INPUTS = tuple(port.name for port in _PORTS if port.direction == "input")  # as `DmaSide.drive` gives them
DMA_OUTPUTS = tuple(port.name for port in _PORTS if port.direction == "output")  # as `DmaSide.see` takes them


class DmaSide:
    """Main memory during one segment: `drive` gives the port's inputs of a cycle, `see` takes its outputs.

    * quiet_cycles: cycles since a command was offered or an element awaited.
    * outside: the address of the first command that was empty, out of range or not aligned.
    """

    inputs, outputs = DMA_INPUTS, DMA_OUTPUTS

    def __init__(self, segment: Segment, width: int):
        self.segment, self.width = segment, width
        self.contents = initial_main_memory(segment)
        self.outside: int | None = None
        self.quiet_cycles = 0
        self._cycle = 0
        self._commands: deque[tuple[int, int]] = deque()  # offset of the next element, elements left
        self._elements = 0  # taken so far
        self._wait = segment.dma_waits[0]  # cycles until the next one is there
        self._ready = self._valid = False

    def drive(self) -> tuple[bool, bool, int]:
        """cmd_ready, rsp_valid, rsp_data of this cycle."""
        open_ = bool(self.segment.dma_ready >> (self._cycle % PATTERN_CYCLES) & 1)
        self._ready = open_ and len(self._commands) < DMA_OUTSTANDING
        self._valid = bool(self._commands) and self._wait == 0
        if self._valid:
            at = self._commands[0][0]
            data = self.contents[at : at + self.width // 8]
            return self._ready, True, int.from_bytes(data, "little")
        return self._ready, False, 0xDEADBEEF & (1 << self.width) - 1

    def see(self, valid: bool, address: int, count: int, rsp_ready: bool) -> None:
        """Take the CFU's outputs of this cycle, before its clock edge."""
        self.quiet_cycles = 0 if valid or self._commands else self.quiet_cycles + 1
        if self._valid and rsp_ready:
            at, left = self._commands.popleft()
            if left > 1:
                self._commands.appendleft((at + self.width // 8, left - 1))
            self._elements += 1
            self._wait = self.segment.dma_waits[self._elements % len(self.segment.dma_waits)]
        elif self._commands and self._wait:
            self._wait -= 1
        if valid and self._ready:
            self._accept(address, count)
        self._cycle += 1

    def _accept(self, address: int, count: int) -> None:
        size, at = self.width // 8, address - DMA_TEST_BASE
        if count and not at % size and 0 <= at <= at + count * size <= DMA_TEST_BYTES:
            self._commands.append((at, count))
        elif self.outside is None:
            self.outside = address
