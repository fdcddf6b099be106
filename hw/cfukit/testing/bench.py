"""The test bench, cycle by cycle: what it drives, and which rules it watches.

The drivers for Amaranth and cocotb share it. bench.cpp is the same in C++, and a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cfukit.testing.dma_side import DmaSide
from cfukit.testing.judge import NEVER, Record
from cfukit.testing.memory_side import MemorySide
from cfukit.testing.stimulus import PATTERN_CYCLES, Op, Segment

MEMORY_TRAILING_CYCLES = 64
TRAILING_CYCLES = 16  # after the last response, so that one too many shows up


@dataclass
class Bench:
    """One segment being played: `drive` gives the inputs of a cycle, `see` takes its outputs and says whether to go on."""

    segment: Segment
    hang_cycles: int
    memory_width: int = 0
    dma_width: int = 0
    cycle: int = 0
    offering: bool = False
    _next: int = 0
    _answered: int = 0
    _gap: int = 0
    _busy: int = 0
    _quiet: int = 0
    _waiting: int | None = None
    record: Record = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.segment.ops)
        self.record = Record([NEVER] * count, [NEVER] * count, [NEVER] * count, [0] * count)
        self._gap = self.segment.ops[0].gap_cycles if count else 0
        self.memory = MemorySide(self.segment, self.memory_width) if self.memory_width else None
        self.dma = DmaSide(self.segment, self.dma_width) if self.dma_width else None

    @property
    def sides(self) -> tuple[MemorySide | DmaSide, ...]:
        """The memories behind the CFU's other ports."""
        return tuple(side for side in (self.memory, self.dma) if side is not None)

    @property
    def answered(self) -> int:
        """Commands that have their response."""
        return self._answered

    def drive(self) -> tuple[bool, Op, bool]:
        """cmd_valid, the command and rsp_ready of this cycle. While no command is offered, its operands are garbage."""
        ops = self.segment.ops
        outstanding = self._next - self._answered
        if not self.offering and self._next < len(ops):
            if self._gap > 0:
                self._gap -= 1
            elif outstanding < self.segment.limit:
                self.offering = True
        op = ops[min(self._next, len(ops) - 1)]
        if not self.offering:
            op = Op(op.funct3 ^ 7, op.funct7 ^ 127, op.rs1 ^ 0xFFFF_FFFF, op.rs2 ^ 0xFFFF_FFFF)
        return self.offering, op, bool(self.segment.ready >> (self.cycle % PATTERN_CYCLES) & 1)

    def see(self, cmd_ready: bool, rsp_valid: bool, value: int, rsp_ready: bool) -> bool:
        """Take the outputs of this cycle, before its clock edge. Returns False when the segment is over."""
        record = self.record
        outstanding = self._next - self._answered
        fire = self.offering and cmd_ready
        if self._waiting is not None and (not rsp_valid or value != self._waiting):
            return self._broken(4, self._answered)
        if rsp_valid and outstanding == 0 and not fire and (rsp_ready or not self.offering):
            return self._broken(3, self._next - 1 if not self.offering else self._next)
        self._waiting = value if rsp_valid and not rsp_ready else None
        answer = rsp_valid and rsp_ready
        left = outstanding + fire - answer
        # Not while a response waits: the CPU refuses one only while nothing can leave execute.
        if not (self.offering or cmd_ready) and self._next > 0 and left <= 1 and self._waiting is None:
            return self._broken(5, self._next - 1)
        if fire:
            record.accepted[self._next], record.busy[self._next] = self.cycle, self._busy
        if answer:
            record.answered[self._answered], record.values[self._answered] = self.cycle, value
            self._answered += 1
        if self.offering or outstanding:
            self._busy += 1
        if fire:
            self._next += 1
            self.offering = False
            if self._next < len(self.segment.ops):
                self._gap = self.segment.ops[self._next].gap_cycles
        pending = self.offering or self._next > self._answered
        self._quiet = 0 if fire or answer else self._quiet + 1
        if pending and self._quiet > self.hang_cycles:
            waits_for_answer = self._next > self._answered
            return self._broken(
                2 if waits_for_answer else 1, self._answered if waits_for_answer else self._next
            )
        if not pending and self._quiet > self.hang_cycles:
            return self._broken(7, self._next - 1)
        if self.memory and self.memory.outside is not None:
            self.record.outside = self.memory.outside
            return self._broken(6, self._next - 1)
        if self.dma and self.dma.outside is not None:
            self.record.outside = self.dma.outside
            return self._broken(8, self._next - 1)
        self.cycle += 1
        done = self._next == len(self.segment.ops)
        if done and not self.segment.drain:
            return False
        return not (done and not pending and self._is_quiet())

    def _is_quiet(self) -> bool:
        """Whether nothing more will come. A CFU that works on its own may still have something to write."""
        if not self.sides:
            return self._quiet >= TRAILING_CYCLES
        return min(self._quiet, *(side.quiet_cycles for side in self.sides)) >= MEMORY_TRAILING_CYCLES

    def finish(self) -> Record:
        """The record, with the memory's contents as they are now."""
        if self.memory is not None:
            self.record.memory, self.record.written = self.memory.contents.hex(), self.memory.written.hex()
        return self.record

    def _broken(self, rule: int, call: int) -> bool:
        self.record.rule, self.record.rule_call, self.record.rule_cycle = rule, max(call, 0), self.cycle
        return False
