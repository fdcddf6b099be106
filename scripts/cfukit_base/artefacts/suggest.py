"""What `suggest` found: pieces of advice, each with its evidence and its gain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cfukit_base.artefacts.artefact import Artefact

AdviceKind = Literal["icache", "dcache", "tcm", "cpu", "kernel", "cfu", "instruction"]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The cycles of the profile that a piece of advice could save.

    * cycles: how many. share: their part of all cycles.
    * causes: these cycles by cause; empty if they are all cycles of some operators or functions.
    * operators: the indices of the operators that have such cycles, the one with the most first.
    * function, file, line: the function with the most such cycles; "" and 0 if none is known.
    * text: the evidence, for people.
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
    """A place where the code computes an expression.

    * executions: how often it does. cycles: how many the instruction saves there.
    """

    function: str
    file: str
    line: int
    executions: int
    cycles: int


@dataclass(frozen=True, kw_only=True)
class NewInstruction:
    """A CFU instruction that does not exist yet.

    * expression: a Python expression on integers. `a` and `b` are the operands as signed numbers. The result is taken modulo 2^32.
      int32(x) and uint32(x) are the low 32 bits of x as a signed and an unsigned number.
    * inputs: how many operands. instructions: how many instructions of the CPU it replaces each time.
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
    * cycles: of sample 0 after the change. gain_cycles: how many cycles are saved. gain: the speed-up.
    * certainty: "exact" if the changed system was simulated; "at least" if the gain is a lower bound.
    * command: tries the change, or shows the code that it concerns.
    * instruction: the new instruction, if `kind` is "instruction"; None otherwise.
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
    """What depends on the machine.

    * profile: the path of the run.json from which the evidence is.
    """

    profile: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Suggest(Artefact):
    """The document cfukit.suggest/1.

    * cycles: of sample 0 without any change.
    * engine: the one that measured the profile. simulators: the engines that measured the changes.
    * advice: at most five, the largest gain first.
    * left_out: the changes whose gain could not be computed, with the reason.
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
