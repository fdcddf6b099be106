"""What cycles were spent on: their causes, counted for functions, lines and instructions of a program."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Causes:
    """How many cycles were spent on each cause. Their sum is the number of cycles. docs/causes.md defines the causes.

    * executing: an instruction retired. In the cycles of all other causes, none did.
    * icache: the next instruction had not arrived. dcache: the data cache was filled, flushed, or had to repeat a read.
    * store: the store buffer was full. uncached: an access that bypasses the cache was under way.
    * branch: a jump or a wrong prediction emptied the pipeline. hazard: a result was not ready.
    * muldiv: the divider was busy. csr: a CSR instruction waited until it was alone.
    * cfu_issue: a CFU command was not accepted yet. cfu_wait: the CFU had not answered yet.
    * tcm: a tightly coupled memory was busy. trap: a trap was taken, returned from, or waited for.
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
        """The sum of all causes."""
        return sum(self.named().values())

    def named(self) -> dict[str, int]:
        """The cycles of each cause by its name, in the order of the fields."""
        return {name: getattr(self, name) for name in CAUSE_NAMES}

    def largest(self) -> dict[str, int]:
        """The causes that are not 0, the largest first, without `executing`."""
        waits = [(name, count) for name, count in self.named().items() if count and name != "executing"]
        return dict(sorted(waits, key=lambda item: -item[1]))

    def __add__(self, other: Causes) -> Causes:
        return Causes(**{name: getattr(self, name) + getattr(other, name) for name in CAUSE_NAMES})

    @classmethod
    def of(cls, counts: dict[str, int]) -> Self:
        """Causes from counts by name. Missing names count 0."""
        return cls(**(dict.fromkeys(CAUSE_NAMES, 0) | counts))


CAUSE_NAMES = tuple(field.name for field in fields(Causes))


@dataclass(frozen=True, kw_only=True)
class FunctionRun:
    """A function of the program.

    * inlined: the entry counts the copies of the function that are inlined in other functions. The entries of those functions count
      the same cycles, so only the entries that are not inlined add up to the cycles of the program.
    * instructions: how many instructions retired in it.
    """

    name: str
    file: str
    line: int
    inlined: bool
    cycles: int
    instructions: int
    causes: Causes


@dataclass(frozen=True, kw_only=True)
class OpFunction:
    """A function's part of an operator; name and inlined are those of a `FunctionRun`.

    * causes: the cycles of each cause, without zeros.
    """

    name: str
    inlined: bool
    cycles: int
    instructions: int
    causes: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class LineRun:
    """A line of the source. All lines add up to the cycles of the program.

    * line: 0 for code that the compiler generated from several lines of the file, or from none.
    * causes: the cycles of each cause, without zeros.
    """

    file: str
    line: int
    cycles: int
    instructions: int
    causes: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class InstructionRun:
    """An instruction of the program.

    * text: its disassembly. A CFU instruction is shown by its name.
    * function, file, line: where it is in the source. inlined: the inlined functions that it belongs to, the innermost first.
    * executions: how often it retired. causes: its cycles of each cause, without zeros.
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

    * issue_cycles: how long commands waited to be accepted. wait_cycles: how long the CPU waited for answers.
    """

    instruction: str
    mode: int
    calls: int
    issue_cycles: int
    wait_cycles: int


@dataclass(frozen=True, kw_only=True)
class Busy:
    """What was done beside the CPU.

    * cfu: cycles in which a CFU command was offered or not answered yet. In all other cycles the CFU was idle.
    * memory_port: cycles in which the CFU's memory port was granted an access.
    * dma_bytes: what the CFU asked for by DMA.
    """

    cfu: int
    memory_port: int
    dma_bytes: int


@dataclass(frozen=True, kw_only=True)
class RegionRun:
    """A CFUKIT_REGION of the program.

    * count: how often it was entered. cycles: of all its runs, regions within it included.
    * causes: of these cycles; None if the engine cannot count causes, or was not asked to.
    """

    name: str
    count: int
    cycles: int | None
    causes: Causes | None


@dataclass(frozen=True)
class Segment:
    """What an engine counted between two reads of the cycle counter, before the first read, or after the last one.

    * end: the cycle in which it ends.
    * by_pc: for the address of each instruction, its cycles by cause, in the order of CAUSE_NAMES. They add up to `causes`. An
      instruction is charged with the cycles since the previous one retired, but what a jump costs is charged to the jump.
    * mark: if a CFUKIT_REGION read the counter at its end: the address of the region, plus 1 where the region ends. 0 for other reads.
    """

    end: int
    causes: Causes
    busy: Busy
    by_pc: dict[int, tuple[int, ...]]
    mark: int = 0
