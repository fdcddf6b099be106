"""How an instruction declares its time and its modes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fixed:
    """The response is valid exactly `latency_cycles` after the command's handshake (0: in the same cycle).

    The instruction takes its next command `interval_cycles` after this one. 1 is a command per cycle. 0 stands for what its
    class gives: 1 for a pipeline, and latency + 1 for a SequentialInstruction.
    """

    latency_cycles: int = 0
    interval_cycles: int = 0

    @property
    def max_cycles(self) -> int:
        return self.latency_cycles

    @property
    def min_cycles(self) -> int:
        return self.latency_cycles


@dataclass(frozen=True)
class Variable:
    """The latency is what `Instruction.cycles()` returns, between `min_cycles` and `max_cycles`.

    `min_cycles` = 0 allows an answer in the cycle of the command. With `exact` = False the latency may be anything between the
    two, and the tests hold it to the bounds alone.
    """

    max_cycles: int
    min_cycles: int = 1
    exact: bool = True


@dataclass(frozen=True)
class Mode:
    """One value of funct7 with the name of its C function `cfu_INSTRUCTION_MODE`."""

    value: int
    name: str
    doc: str = ""
