"""Where cycles go: causes, and the places in a program that they are counted for."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Causes:
    """Cycles by what the CPU did in them; their sum is the number of cycles. docs/causes.md defines each.

    * executing: an instruction retired; the other cycles are those in which none did.
    * icache: instructions had not come yet. dcache: the data cache was filled, flushed, or had to read again.
    * store: the store buffer was full. uncached: an access past the cache was under way.
    * branch: a jump or a wrong prediction emptied the pipeline. hazard: a result was not ready.
    * muldiv: the divider was busy. csr: a CSR instruction waited until it was alone.
    * cfu_issue: a CFU command was not accepted yet. cfu_wait: the CFU had not answered yet.
    * tcm: a tightly coupled memory was taken. trap: a trap, a return from one, or the wait for one.
    """

    executing: int
    icache: int
    dcache: int
    store: int
    uncached: int
    branch: int
    hazard: int
    muldiv: int
    csr: int
    cfu_issue: int
    cfu_wait: int
    tcm: int
    trap: int

    @property
    def cycles(self) -> int:
        """The sum."""
        return sum(self.named().values())

    def named(self) -> dict[str, int]:
        """All of them by name, in their order."""
        return {name: getattr(self, name) for name in CAUSE_NAMES}

    def largest(self) -> dict[str, int]:
        """Those that are not 0, without `executing`, the largest first."""
        waits = [(name, count) for name, count in self.named().items() if count and name != "executing"]
        return dict(sorted(waits, key=lambda item: -item[1]))

    def __add__(self, other: Causes) -> Causes:
        return Causes(**{name: getattr(self, name) + getattr(other, name) for name in CAUSE_NAMES})

    @classmethod
    def of(cls, counts: dict[str, int]) -> Self:
        """Causes from counts by name; those that are missing are 0."""
        return cls(**(dict.fromkeys(CAUSE_NAMES, 0) | counts))


CAUSE_NAMES = tuple(field.name for field in fields(Causes))


@dataclass(frozen=True, kw_only=True)
class FunctionRun:
    """A function of the program.

    * inlined: the copies of it inside of other functions. Their cycles stand in both entries, so entries that are not inlined
      alone add up to the cycles of the program.
    * instructions: how many retired in it.
    """

    name: str
    file: str
    line: int
    inlined: bool
    cycles: int
    instructions: int
    causes: Causes


@dataclass(frozen=True, kw_only=True)
class LineRun:
    """A line of the source. All lines add up to the cycles of the program.

    * line: 0 for code of the file that the compiler made of several lines, or of none.
    * causes: the cycles by name, without zeros.
    """

    file: str
    line: int
    cycles: int
    instructions: int
    causes: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class InstructionRun:
    """An instruction of the program.

    * text: its disassembly; a CFU instruction has its name.
    * function, file, line: where it stands; inlined: the functions whose copies it belongs to, the innermost first.
    * executions: how often it retired. causes: its cycles by name, without zeros.
    """

    pc: int
    word: int
    text: str
    function: str
    file: str
    line: int
    inlined: tuple[str, ...]
    executions: int
    cycles: int
    causes: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class CfuUse:
    """One instruction of the CFU, in one mode (funct7).

    * issue_cycles: commands waited so long to be accepted. wait_cycles: the CPU waited so long for the answers.
    """

    instruction: str
    mode: int
    calls: int
    issue_cycles: int
    wait_cycles: int


@dataclass(frozen=True, kw_only=True)
class Busy:
    """Cycles in which something beside the CPU worked.

    * cfu: a CFU command was offered or not answered yet; in all other cycles the CFU was idle.
    * memory_port: the CFU's memory port was granted an access.
    """

    cfu: int
    memory_port: int


@dataclass(frozen=True)
class Segment:
    """What an engine counted between two reads of the cycle counter, or before the first or after the last.

    * end: the cycle in which it ends.
    * by_pc: for the address of each instruction, its cycles by cause, in the order of CAUSE_NAMES. They add up to `causes`. An
      instruction has the cycles since the one before it retired; what a jump costs belongs to the jump.
    """

    end: int
    causes: Causes
    busy: Busy
    by_pc: dict[int, tuple[int, ...]]
