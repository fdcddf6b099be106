"""run.json: the results of `run` and `profile`. `report`, `diff` and CI read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cfukit_base.artefacts.artefact import Artefact
from cfukit_base.artefacts.build import Resources
from cfukit_base.artefacts.causes import (
    Busy,
    Causes,
    CfuUse,
    FunctionRun,
    InstructionRun,
    LineRun,
    OpFunction,
    RegionRun,
)
from cfukit_base.artefacts.limits import Limit
from cfukit_base.artefacts.roofline import Moved, Roof, Work


@dataclass(frozen=True, kw_only=True)
class ModelId:
    """The model that was run."""

    name: str
    sha256: str
    macs: int


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """The compiler and the simulator.

    * compiler: name and version. flags: the compiler's flags for each group of sources.
    """

    compiler: str
    flags: dict[str, tuple[str, ...]]
    verilator: str


@dataclass(frozen=True, kw_only=True)
class Digests:
    """SHA-256 of everything that the figures depend on.

    * firmware: of each variant. cfu: "" without a CFU.
    """

    model: str
    inputs: str
    firmware: dict[str, str]
    cfu: str
    soc: str


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Bytes of a firmware; None if the firmware was not linked, or the value not measured."""

    code_bytes: int | None
    const_bytes: int | None
    arena_bytes: int
    state_bytes: int
    scratch_bytes: int
    stack_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class MemorySpan:
    """Bytes of a memory that hold one thing.

    * holds: "boot", "code", "constants", "weights", "variables", "arena", "model" (room for one that is loaded), "CFU" (what it shares with
      the program), "stack guard", "stack", "image" (what the program copies elsewhere when it starts), or "free".
    """

    holds: str
    address: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class MemoryUse:
    """A memory, and how many bytes each part in it takes.

    * parts: bytes of what a project can place: code with constants, weights, arena, data with the stack.
    * spans: all of its bytes by address; empty without an ELF.
    """

    name: str
    base: int
    bytes: int
    parts: dict[str, int]
    spans: tuple[MemorySpan, ...]


@dataclass(frozen=True, kw_only=True)
class ArenaBlock:
    """A block of bytes in the arena, and the kernel calls during which it is in use.

    * kind: "tensor", "scratch", or "variable", which keeps its value between inferences.
    * first, last: the first and the last of these calls, as positions in `VariantRun.ops`. first is -1 if the block is in use before
      the first call. last is the number of calls if the block is read after the last one.
    """

    name: str
    kind: str
    offset: int
    bytes: int
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class OpRun:
    """One kernel call of sample 0.

    * fused: all operators that this call computes.
    * moved: the bytes of its tensors.
    * cycles: None if the engine does not count them.
    * causes, functions, work, roof: None if the engine cannot count causes, or was not asked to.
    * functions: those that took cycles of this call, the hottest first.
    """

    index: int
    fused: tuple[int, ...]
    type: str
    kernel: str
    macs: int
    moved: Moved
    cycles: int | None
    causes: Causes | None
    functions: tuple[OpFunction, ...] | None
    work: Work | None
    roof: Roof | None


@dataclass(frozen=True, kw_only=True)
class VariantRun:
    """The results of one set of kernels.

    * cycles: of each sample. overhead_cycles: cycles of sample 0 that belong to no operator. instructions: of sample 0.
    * arena: what lies where and when, in the order of first use.
    * text: what kernels printed.
    * causes, functions, lines, code, regions, cfu, busy: of sample 0; None if the engine cannot count causes, or was not asked to.
    * functions, lines: those that took cycles, the hottest first. code: the instructions of the hottest functions, by address.
    * regions: the CFUKIT_REGIONs of the kernels that ran.
    * cfu: how each instruction of the CFU was used. busy: how long the CFU and its memory port worked.
    """

    name: str
    cycles: tuple[int, ...] | None
    overhead_cycles: int | None
    instructions: int | None
    sizes: Sizes
    memory_map: tuple[MemoryUse, ...] | None
    arena: tuple[ArenaBlock, ...]
    causes: Causes | None
    text: str
    ops: tuple[OpRun, ...]
    functions: tuple[FunctionRun, ...] | None
    lines: tuple[LineRun, ...] | None
    code: tuple[InstructionRun, ...] | None
    regions: tuple[RegionRun, ...] | None
    cfu: tuple[CfuUse, ...] | None
    busy: Busy | None

    @property
    def first_cycles(self) -> int | None:
        """Cycles of sample 0."""
        return self.cycles[0] if self.cycles else None


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """The first value that differs from the evaluator's."""

    sample: int
    op: int
    tensor: int
    index: int
    expected: float
    got: float
    variant: str


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One variant of a project among all of them.

    * name: the variant's name; "project" for project.toml without a variant. The document's `variants` has an entry with the same name.
    * cycles: of sample 0.
    * over_reference: how many times as fast as reference kernels on the same system.
    * over_first: how many times as fast as the first rung that has cycles. The two systems may differ.
    * cycles_per_mac: cycles per MAC of its model.
    * family: the FPGA family of its board. used: what the CFU alone takes there. "" and None without --area.
    * error: why the rung has no figures; "" if it has figures.
    """

    name: str
    ok: bool
    board: str
    cpu: str
    clock_hz: int | None
    model: str
    cycles: int | None
    over_reference: float | None
    over_first: float | None
    cycles_per_mac: float | None
    family: str
    used: Resources | None
    error: str


@dataclass(frozen=True, kw_only=True)
class RunHost:
    """What depends on the machine."""

    path: str
    seconds: float
    cores: int
    load: float


@dataclass(frozen=True, kw_only=True)
class Run(Artefact):
    """The document cfukit.run/1.

    * memory: the memory that the program runs from, described for people.
    * cfu_engine: what computes CFU instructions; "none" without a CFU.
    * checked_operators: how many operators of sample 0 were compared one by one.
    * accuracy: share of samples whose largest output is at the label's index; None without labels.
    * ladder: with --variants, one rung for each variant of the project; otherwise empty. With --variants, `variants` has the baselines of
      the first rung and the kernels of each rung, and all other fields are those of the first rung.
    * predictions: for each sample, the index of the largest value of output 0.
    """

    schema: Literal["cfukit.run/1"] = "cfukit.run/1"
    ok: bool
    project: str
    model: ModelId
    board: str
    cpu: str
    memory: str
    engine: str
    cfu_engine: str
    clock_hz: int
    toolchain: Toolchain
    seed: int
    digests: Digests
    samples: int
    inputs: str
    variants: tuple[VariantRun, ...]
    ladder: tuple[Rung, ...]
    checked_operators: int
    mismatch: Mismatch | None
    accuracy: float | None
    predictions: tuple[int, ...]
    limits: tuple[Limit, ...]
    host: RunHost
