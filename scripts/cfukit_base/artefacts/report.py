"""report.json: what the page of `cfukit report` shows, computed from run.json and build.json files. The page itself computes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cfukit_base.artefacts.artefact import Artefact
from cfukit_base.artefacts.build import FamilyUse, WorstPath
from cfukit_base.artefacts.causes import (
    Busy,
    CfuUse,
    FunctionRun,
    InstructionRun,
    LineRun,
    OpFunction,
    RegionRun,
)
from cfukit_base.artefacts.documents import DiffRow
from cfukit_base.artefacts.run import ArenaBlock, MemorySpan, MemoryUse


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A line of the provenance: a name, and its value as text."""

    name: str
    value: str


@dataclass(frozen=True, kw_only=True)
class System:
    """What one run.json was measured on."""

    label: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One measured program: a step of the ladder.

    * label: unique in the report.
    * system: the label of its system.
    * cycles: of sample 0. microseconds: the same time at the system's clock.
    * speed_up: how many times faster than the first rung.
    * instructions: how many retired in sample 0; None if the engine did not count them.
    * lut, ff, bram, dsp, fmax_mhz: from the build of the same system; None if no such build was given.
    """

    label: str
    system: str
    cycles: int
    microseconds: float
    speed_up: float
    cycles_per_mac: float | None
    instructions: int | None
    code_bytes: int | None
    const_bytes: int | None
    arena_bytes: int
    lut: int | None
    ff: int | None
    bram: int | None
    dsp: int | None
    fmax_mhz: float | None


@dataclass(frozen=True, kw_only=True)
class Cell:
    """An operator in one rung.

    * share: the operator's part of the rung's cycles. speed_up: over the first rung that runs the operator.
    """

    rung: str
    kernel: str
    cycles: int
    share: float
    cycles_per_mac: float | None
    speed_up: float | None


@dataclass(frozen=True, kw_only=True)
class OperatorRow:
    """An operator of the model.

    * cells: one for each rung that runs the operator as a separate step.
    """

    index: int
    type: str
    macs: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, kw_only=True)
class StackPart:
    """Cycles that an operator of a rung spent on one cause.

    * operator: such as "3 CONV_2D", or "all" for the whole inference.
    """

    rung: str
    operator: str
    cause: str
    cycles: int
    share: float


@dataclass(frozen=True, kw_only=True)
class RoofPoint:
    """The speed of an operator, and the most that its system allows.

    * macs_per_byte: MACs per byte of the operator's tensors; each byte counts once.
    * macs_per_cycle: the measured speed. at_limit: the speed that the tightest limit allows. bound: the name of this limit.
    * attained: macs_per_cycle divided by at_limit.
    * loads_per_mac: load instructions of all kinds that the kernel executed, per MAC.
    """

    rung: str
    operator: str
    macs_per_byte: float
    macs_per_cycle: float
    at_limit: float
    bound: str
    attained: float
    loads_per_mac: float
    instructions_per_mac: float


@dataclass(frozen=True, kw_only=True)
class OperatorFunctions:
    """The functions that one operator spent its cycles in.

    * operator: such as "3 CONV_2D". cycles: of the operator.
    """

    operator: str
    cycles: int
    functions: tuple[OpFunction, ...]


@dataclass(frozen=True, kw_only=True)
class Program:
    """Functions, lines, instructions and regions of one rung, as in its run.json.

    * source: the text of the source lines, by file and line number.
    """

    rung: str
    functions: tuple[FunctionRun, ...]
    lines: tuple[LineRun, ...]
    code: tuple[InstructionRun, ...]
    operators: tuple[OperatorFunctions, ...]
    regions: tuple[RegionRun, ...]
    source: dict[str, dict[int, str]]


@dataclass(frozen=True, kw_only=True)
class CfuUsed:
    """How one rung used its CFU.

    * busy_share: the share of all cycles in which the CFU had something to do.
    """

    rung: str
    uses: tuple[CfuUse, ...]
    busy: Busy
    busy_share: float


@dataclass(frozen=True, kw_only=True)
class Arena:
    """The arena of one rung.

    * steps: the operators in the order of execution, for the time axis of the chart.
    """

    rung: str
    bytes: int
    steps: tuple[str, ...]
    blocks: tuple[ArenaBlock, ...]


@dataclass(frozen=True, kw_only=True)
class MemoryView:
    """A memory, or its first bytes, to scale."""

    title: str
    base: int
    bytes: int
    spans: tuple[MemorySpan, ...]


@dataclass(frozen=True, kw_only=True)
class MemoryMap:
    """What lies in which memory in one rung.

    * views: for the chart: each memory as a whole, and the begin of a memory that is nearly empty.
    """

    rung: str
    memories: tuple[MemoryUse, ...]
    views: tuple[MemoryView, ...]


@dataclass(frozen=True, kw_only=True)
class Area:
    """The figures of a build.json.

    * percent: used / available. families: the results of `area`, by FPGA family.
    """

    label: str
    board: str
    used: dict[str, int]
    available: dict[str, int]
    percent: dict[str, float]
    target_mhz: float
    fmax_mhz: float | None
    timing_met: bool | None
    families: tuple[FamilyUse, ...]
    worst_path: WorstPath | None


@dataclass(frozen=True, kw_only=True)
class ReportHost:
    """The page that was written; "" if none was."""

    path: str


@dataclass(frozen=True, kw_only=True)
class Report(Artefact):
    """The document cfukit.report/1.

    * title: the project and the model.
    * summary: the results, in sentences.
    * differences: the last two runs operator by operator, as `diff` compares them; empty with fewer than two.
    """

    schema: Literal["cfukit.report/1"] = "cfukit.report/1"
    ok: bool
    title: str
    model: str
    macs: int
    samples: int
    accuracy: float | None
    summary: tuple[str, ...]
    systems: tuple[System, ...]
    rungs: tuple[Rung, ...]
    operators: tuple[OperatorRow, ...]
    stacks: tuple[StackPart, ...]
    roofline: tuple[RoofPoint, ...]
    programs: tuple[Program, ...]
    cfu: tuple[CfuUsed, ...]
    memory: tuple[MemoryMap, ...]
    arenas: tuple[Arena, ...]
    areas: tuple[Area, ...]
    differences: tuple[DiffRow, ...]
    host: ReportHost
