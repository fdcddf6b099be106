"""run.json: what `run` and `profile` found. Reports, diffs and gates read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cfukit_base.artefacts.artefact import Artefact
from cfukit_base.artefacts.build import Resources
from cfukit_base.artefacts.causes import Busy, Causes, CfuUse, FunctionRun, InstructionRun, LineRun
from cfukit_base.artefacts.limits import Limit
from cfukit_base.artefacts.roofline import Moved, Roof, Work


@dataclass(frozen=True, kw_only=True)
class ModelId:
    """Which model."""

    name: str
    sha256: str
    macs: int


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """compiler: name and version. flags: for each group of sources, those that it was compiled with."""

    compiler: str
    flags: dict[str, tuple[str, ...]]
    verilator: str


@dataclass(frozen=True, kw_only=True)
class Digests:
    """SHA-256 of everything that the figures depend on. firmware: by variant. cfu: "" without a CFU."""

    model: str
    inputs: str
    firmware: dict[str, str]
    cfu: str
    soc: str


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Bytes of a firmware; None where nothing is linked or measured."""

    code_bytes: int | None
    const_bytes: int | None
    arena_bytes: int
    state_bytes: int
    scratch_bytes: int
    stack_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class MemoryUse:
    """A memory and the bytes of what lies in it."""

    name: str
    base: int
    bytes: int
    parts: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class ArenaBlock:
    """Bytes of the arena and the kernel calls during which they are in use, by position in `VariantRun.ops`, both included.

    kind: "tensor", "scratch", or "variable", which keeps its value between inferences. first is -1 for what is in use before the
    first call; last is the number of calls for what is read after the last one.
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

    * fused: all operators that it covers.
    * moved: the bytes of its tensors.
    * cycles, causes, work, roof: None where the engine cannot tell, or was not asked for causes.
    """

    index: int
    fused: tuple[int, ...]
    type: str
    kernel: str
    macs: int
    moved: Moved
    cycles: int | None
    causes: Causes | None
    work: Work | None
    roof: Roof | None


@dataclass(frozen=True, kw_only=True)
class VariantRun:
    """One set of kernels.

    * cycles: of each sample. overhead_cycles: those of sample 0 that belong to no operator. instructions: of sample 0.
    * arena: what lies where and when, by first use.
    * text: what kernels printed.
    * causes and what follows `ops`: of sample 0, and None on an engine that tells no causes or was not asked for them.
    * functions, lines: those that took cycles, the hottest first. code: the instructions of the hottest functions, by address.
    * cfu: what was used of the CFU. busy: what worked beside the CPU.
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

    * name: of the variant; "project" for project.toml without any. It stands among the document's `variants` under this name.
    * cycles: of sample 0. over_reference: how many times as fast as reference kernels on the same system. over_first: as fast as
      the first rung that has cycles, on its system.
    * cycles_per_mac: of its model.
    * family, used: its CFU alone on the family of its board, and there in LUT, FF, RAM, DSP; "" and None without --area.
    * error: why it has no figures; "" if it has.
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

    * memory: the memory that the program runs from, as a phrase for people.
    * cfu_engine: what computes CFU instructions, "none" without a CFU.
    * checked_operators: how many operators of sample 0 were compared one by one.
    * accuracy: share of samples whose largest output is at the label's index; None without labels.
    * ladder: with --variants, one rung per variant of the project; `variants` then has the first rung's baselines and the kernels of
      each rung, and all else is the first rung's. Empty otherwise.
    * predictions: index of the largest value of output 0, by sample.
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
