"""The documents of verbs that no other area reads, and the document of an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import msgspec

from cfukit_base.artefacts.artefact import Artefact, Json
from cfukit_base.artefacts.causes import Busy, Causes, CfuUse, FunctionRun, InstructionRun, LineRun, RegionRun
from cfukit_base.artefacts.limits import Limit
from cfukit_base.artefacts.outcome import Fault, Lint
from cfukit_base.artefacts.run import MemoryUse, Mismatch
from cfukit_base.errors import CfukitError

Row = Json  # a line of a table whose columns depend on what is listed


@dataclass(frozen=True, kw_only=True)
class ErrorDocument(Artefact):
    """The document cfukit.error/1. details: what else is known, a compiler's messages for example."""

    schema: Literal["cfukit.error/1"] = "cfukit.error/1"
    ok: Literal[False]
    kind: str
    where: str
    given: str
    allowed: str
    hint: str
    details: Row

    @classmethod
    def of(cls, error: CfukitError) -> Self:
        """The document of an error."""
        plain = msgspec.to_builtins(error.details, str_keys=True, enc_hook=str)
        return cls(
            ok=False,
            kind=error.kind,
            where=error.where,
            given=error.given,
            allowed=error.allowed,
            hint=error.hint,
            details=plain,
        )


@dataclass(frozen=True, kw_only=True)
class Init(Artefact):
    """The document cfukit.init/1. origin: the project that was copied."""

    schema: Literal["cfukit.init/1"] = "cfukit.init/1"
    ok: bool
    project: str
    folder: str
    origin: str
    files: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ToolFinding:
    """A program that cfukit can use. source: "native", "wheel", "environment", or "" if it is not here."""

    name: str
    found: bool
    required: bool
    version: str
    path: str
    source: str
    needed_for: str
    get_it: str


@dataclass(frozen=True, kw_only=True)
class Doctor(Artefact):
    """The document cfukit.doctor/1. ok: whether everything that is required is here."""

    schema: Literal["cfukit.doctor/1"] = "cfukit.doctor/1"
    ok: bool
    version: str
    tools: tuple[ToolFinding, ...]


@dataclass(frozen=True, kw_only=True)
class Listing(Artefact):
    """The document cfukit.list/1. items: one per board, CPU, model, kernel or project, with its columns."""

    schema: Literal["cfukit.list/1"] = "cfukit.list/1"
    ok: bool
    what: str
    items: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True)
class Fetch(Artefact):
    """The document cfukit.fetch/1."""

    schema: Literal["cfukit.fetch/1"] = "cfukit.fetch/1"
    ok: bool
    name: str
    path: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A model as a file."""

    name: str
    sha256: str
    bytes: int
    macs: int


@dataclass(frozen=True, kw_only=True)
class TensorInfo:
    """An input or output; scale and zero_point: None if it is not quantised."""

    name: str
    type: str
    shape: tuple[int, ...]
    scale: float | None
    zero_point: int | None


@dataclass(frozen=True, kw_only=True)
class OpInfo:
    """An operator.

    * kernel: the one it gets; "" if it is refused.
    * reasons: why it gets none of the kernels of the project and its CFU. Empty if it gets one, or if there are no such kernels.
    """

    index: int
    type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    macs: int
    const_bytes: int
    kernel: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class MemoryNeeds:
    """What a model needs with one set of kernels, and where it lies.

    * variant: whose kernels, "project" or "portable"; others need other constants.
    * const_bytes: the firmware's part `weights`: weights as the kernels want them, the constants that lowering computes, and the gaps
      that keep them apart in the data cache.
    """

    variant: str
    arena_bytes: int
    state_bytes: int
    scratch_bytes: int
    const_bytes: int
    map: tuple[MemoryUse, ...]


@dataclass(frozen=True, kw_only=True)
class Info(Artefact):
    """The document cfukit.info/1. refused: the reason, for each operator that is refused. memory: None if any is."""

    schema: Literal["cfukit.info/1"] = "cfukit.info/1"
    ok: bool
    model: ModelFile
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    ops: tuple[OpInfo, ...]
    refused: tuple[str, ...]
    memory: MemoryNeeds | None


@dataclass(frozen=True, kw_only=True)
class InferHost:
    """Files that were written; dump: model and arrays of one operator."""

    outputs: str
    layers: str
    dump: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Infer(Artefact):
    """The document cfukit.infer/1.

    * cycles: of each sample; None on an engine that cannot tell.
    * checked: the outputs were compared with the evaluator's. mismatch: the first that differs.
    """

    schema: Literal["cfukit.infer/1"] = "cfukit.infer/1"
    ok: bool
    engine: str
    samples: int
    cycles: tuple[int, ...] | None
    checked: bool
    mismatch: Mismatch | None
    accuracy: float | None
    host: InferHost


@dataclass(frozen=True, kw_only=True)
class ExecHost:
    """Files that were written: waves, trace."""

    files: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Exec(Artefact):
    """The document cfukit.exec/1.

    * cycles: from the release of reset to the write that ends the program.
    * causes and what has no meaning without them, as in VariantRun: None unless asked for.
    * lint: likewise.
    """

    schema: Literal["cfukit.exec/1"] = "cfukit.exec/1"
    ok: bool
    engine: str
    exit_code: int | None
    cycles: int | None
    instructions: int | None
    causes: Causes | None
    functions: tuple[FunctionRun, ...] | None
    lines: tuple[LineRun, ...] | None
    code: tuple[InstructionRun, ...] | None
    cfu: tuple[CfuUse, ...] | None
    busy: Busy | None
    output: str
    regions: tuple[RegionRun, ...]
    fault: Fault | None
    lint: Lint | None
    host: ExecHost


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check of `test`. detail: what was compared, or what is wrong. error: None if nothing is wrong."""

    name: str
    ok: bool
    detail: str
    error: ErrorDocument | None


@dataclass(frozen=True, kw_only=True)
class TestHost:
    """Seconds by check."""

    seconds: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Test(Artefact):
    """The document cfukit.test/1."""

    schema: Literal["cfukit.test/1"] = "cfukit.test/1"
    ok: bool
    target: str
    seed: int
    checks: tuple[Check, ...]
    host: TestHost


@dataclass(frozen=True, kw_only=True)
class DiffRow:
    """One operator of one variant, or its total. change: relative to before; None if it cannot be computed."""

    variant: str
    op: str
    before: int | None
    after: int | None
    change: float | None


@dataclass(frozen=True, kw_only=True)
class DiffValue:
    """A named number of both documents.

    * variant: "" for two builds. op: an operator, "total" for the whole variant; for two builds the FPGA family.
    * name: a cause, a size, a resource, or "fmax_mhz".
    * change: relative to before; None if that is 0.
    """

    variant: str
    op: str
    name: str
    before: float
    after: float
    change: float | None


@dataclass(frozen=True, kw_only=True)
class Diff(Artefact):
    """The document cfukit.diff/1.

    * project, model, board, cpu, engine: of the later document; model and engine are "" for two builds.
    * same: whether both agree in model, board, CPU, engine, clock and toolchain; for builds in board, CPU, family and tools.
    * rows: cycles. causes: where both runs tell them. sizes: bytes. area: of builds, or of ladders with --area.
    """

    schema: Literal["cfukit.diff/1"] = "cfukit.diff/1"
    ok: bool
    project: str
    model: str
    board: str
    cpu: str
    engine: str
    same: dict[str, bool]
    rows: tuple[DiffRow, ...]
    causes: tuple[DiffValue, ...]
    sizes: tuple[DiffValue, ...]
    area: tuple[DiffValue, ...]
    limits: tuple[Limit, ...]


@dataclass(frozen=True, kw_only=True)
class Load(Artefact):
    """The document cfukit.load/1. serial: how to connect."""

    schema: Literal["cfukit.load/1"] = "cfukit.load/1"
    ok: bool
    board: str
    tool: str
    files: tuple[str, ...]
    serial: str


@dataclass(frozen=True, kw_only=True)
class TermHost:
    """What went over the line."""

    sent_bytes: int
    received_bytes: int


@dataclass(frozen=True, kw_only=True)
class Term(Artefact):
    """The document cfukit.term/1."""

    schema: Literal["cfukit.term/1"] = "cfukit.term/1"
    ok: bool
    port: str
    baud: int
    host: TermHost


@dataclass(frozen=True, kw_only=True)
class Clean(Artefact):
    """The document cfukit.clean/1. in_use: entries that another command works with; they stay."""

    schema: Literal["cfukit.clean/1"] = "cfukit.clean/1"
    ok: bool
    folder: str
    entries: int
    bytes: int
    in_use: int
