"""What a test says of a CFU that does something else than its model or the handshake's rules."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from cfukit.base import BaseCfu
from cfukit.testing.stimulus import Op, Segment
from cfukit_base.errors import ResultError

HISTORY_CALLS = 16  # the most that a message shows


class CfuMismatch(ResultError):
    """A CFU that does not do what its model or the handshake says.

    * details: rule, instruction, funct3, funct7, operands, got, expected, call (number of the command since the segment's
      reset), segment, seed, simulator, history.
    * played: the segment. cycle: the one that matters, counted from the reset's release.
    """

    kind = "cfu_mismatch"

    def __init__(
        self,
        where: str,
        given: str,
        *,
        played: Segment,
        call: int,
        cycle: int,
        allowed: str = "",
        hint: str = "",
        history: tuple[str, ...] = (),
        **details: object,
    ):
        self.played, self.call, self.cycle = played, call, cycle
        self.history = history
        self.waves = ""
        super().__init__(
            where, given, allowed=allowed, hint=hint, call=call, history=list(history), **details
        )

    @property
    def message(self) -> str:
        """One line, then the calls that led here and the waveform, a line each."""
        lines = [super().message]
        if self.history:
            lines += [
                "calls since the reset that touched the same state:",
                *(f"  {line}" for line in self.history),
            ]
        if self.waves:
            lines.append(self.waves)
        return "\n  ".join(lines)

    def add_waves(self, path: Path, period_us: float) -> None:
        """Name the file that shows the failure, and the time in it."""
        at = (self.cycle + 2) * period_us  # after two cycles of reset
        self.waves = f"see it at {at:g} us: gtkwave {shlex.quote(str(path))}"
        self.details["waves"] = str(path)


@dataclass(frozen=True)
class Context:
    """What a message must name beside the command."""

    cfu: BaseCfu
    seed: int
    simulator: str

    def mismatch(
        self,
        number: int,
        segment: Segment,
        call: int,
        what: str,
        *,
        cycle: int,
        rule: str,
        hint: str = "",
        answers: dict[int, int] | None = None,
        **values: int,
    ) -> CfuMismatch:
        """The error about call `call` of segment `number`. answers: what the calls so far were answered with."""
        op = segment.ops[call]
        name = self.name(op)
        return CfuMismatch(
            f"Cfu {self.cfu.name}, instruction {name}",
            f"call {call} {self.operands(op)} {what}".replace("  ", " "),
            played=segment,
            call=call,
            cycle=cycle,
            allowed=f"seed {self.seed}, segment {number}, {self.simulator}",
            hint=hint,
            history=self._history(segment, call, answers or {}),
            rule=rule,
            instruction=name.partition(" ")[0] if op.funct3 in self.cfu.instructions else name,
            funct3=op.funct3,
            funct7=op.funct7,
            operands=[op.rs1, op.rs2],
            segment=number,
            seed=self.seed,
            simulator=self.simulator,
            **values,
        )

    def name(self, op: Op) -> str:
        """Instruction and mode."""
        instruction = self.cfu.instructions.get(op.funct3)
        if instruction is None:
            return f"unassigned funct3 {op.funct3}"
        mode = next((mode.name for mode in instruction.modes or () if mode.value == op.funct7), "")
        return f"{instruction.name} {mode}".strip()

    def operands(self, op: Op) -> str:
        """The operands that the instruction has."""
        instruction = self.cfu.instructions.get(op.funct3)
        if instruction is None:
            return f"(funct7 {op.funct7}, rs1 0x{op.rs1:08x}, rs2 0x{op.rs2:08x})"
        return instruction.shown(op.funct7, op.rs1, op.rs2)

    def _history(self, segment: Segment, call: int, answers: dict[int, int]) -> tuple[str, ...]:
        """The calls before `call` that share its state; none for an instruction without state."""
        failing = self.cfu.instructions.get(segment.ops[call].funct3)
        if failing is None or not failing.stateful:
            return ()
        lines = []
        for earlier, op in enumerate(segment.ops[:call]):
            instruction = self.cfu.instructions.get(op.funct3)
            if instruction is not None and failing.shares_state(instruction):
                said = f"call {earlier}: {self.name(op)} {self.operands(op)}".rstrip()
                lines.append(f"{said} = 0x{answers[earlier]:08x}" if earlier in answers else said)
        left_out = len(lines) - HISTORY_CALLS
        return tuple([f"({left_out} earlier ones)", *lines[-HISTORY_CALLS:]] if left_out > 0 else lines)
