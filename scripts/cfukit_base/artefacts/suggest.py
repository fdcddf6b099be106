"""What `suggest` found: advice, each with its evidence and its gain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cfukit_base.artefacts.artefact import Artefact

AdviceKind = Literal["icache", "dcache", "tcm", "cpu", "kernel", "cfu", "instruction"]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The cycles of the profile that an advice is about.

    * cycles, share: how many, and of all.
    * causes: by cause; empty where the cycles are those of whole operators or functions.
    * operators: indices of those with such cycles, the most first. function, file, line: the one with the most; "" and 0 without.
    * text: all of it, for people.
    """

    cycles: int
    share: float
    causes: dict[str, int]
    operators: tuple[int, ...]
    function: str
    file: str
    line: int
    text: str


@dataclass(frozen=True, kw_only=True)
class ExpressionPlace:
    """Where the code computes an expression. executions: how often. cycles: saved there."""

    function: str
    file: str
    line: int
    executions: int
    cycles: int


@dataclass(frozen=True, kw_only=True)
class NewInstruction:
    """A CFU instruction that does not exist yet.

    * expression: Python on integers over `a` and `b`, the operands as signed numbers; the result counts modulo 2^32. int32(x) and
      uint32(x) are the low 32 bits of x as a signed and an unsigned number.
    * inputs: how many operands. instructions: how many of the CPU's it replaces at a time.
    """

    expression: str
    inputs: int
    instructions: int
    places: tuple[ExpressionPlace, ...]


@dataclass(frozen=True, kw_only=True)
class Advice:
    """One change.

    * advice, how: what to do, and how the gain was computed, for people.
    * changes: the keys of project.toml that it sets, as KEY=VALUE.
    * cycles: that are left. gain_cycles: that are saved. gain: how many times as fast.
    * certainty: "exact" where the changed system was simulated; "at least" where a lower bound of the gain was computed.
    * command: what tries it, or shows the code that it is about.
    * instruction: of the kind "instruction"; None otherwise.
    """

    kind: AdviceKind
    advice: str
    evidence: Evidence
    changes: tuple[str, ...]
    cycles: int
    gain_cycles: int
    gain: float
    certainty: Literal["exact", "at least"]
    how: str
    command: str
    instruction: NewInstruction | None


@dataclass(frozen=True, kw_only=True)
class SuggestHost:
    """What depends on the machine. profile: the run.json that the evidence is from."""

    profile: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Suggest(Artefact):
    """The document cfukit.suggest/1.

    * cycles: of sample 0 as it is.
    * engine: what the profile was measured on. simulators: what the changes were.
    * advice: at most five, the largest gain first.
    * left_out: what was tried and could not be computed, and why.
    """

    schema: Literal["cfukit.suggest/1"] = "cfukit.suggest/1"
    ok: bool
    project: str
    model: str
    board: str
    cpu: str
    engine: str
    simulators: tuple[str, ...]
    seed: int
    cycles: int
    advice: tuple[Advice, ...]
    left_out: tuple[str, ...]
    host: SuggestHost
