"""What a program left when it ran: the one result of every engine."""

from __future__ import annotations

from dataclasses import dataclass

from cfukit_base.artefacts.causes import Causes, Segment


@dataclass(frozen=True, kw_only=True)
class CfuCommand:
    """A command to the CFU. accepted: whether the CFU took it."""

    funct3: int
    funct7: int
    a: int
    b: int
    accepted: bool


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Why a program did not end by itself.

    * kind: what happened; `cfukit_soc.faults` lists the kinds of the RTL, each engine those of its own.
    * pc: of the instruction; None if the engine does not know it. function, file, line: its place in the source.
    * registers: x0 to x31 by name; empty where the engine cannot tell.
    * message: one sentence for people.
    * instruction: the word at `pc`, where the engine knows it.
    * cycle: when it happened; None on an engine without cycles.
    * address: the one that caused the fault, if an address did. access: "load" or "store" of a data access.
    * cause, value, vector: mcause, mtval and mtvec of a trap.
    * stack_bytes: size of the stack that overflowed.
    * cfu: the command, if the fault is about the CFU.
    * waves: the command that shows it as a waveform; "" if there is none.
    """

    kind: str
    pc: int | None
    function: str = ""
    file: str = ""
    line: int = 0
    registers: dict[str, int]
    message: str
    instruction: int | None = None
    cycle: int | None = None
    address: int | None = None
    access: str = ""
    cause: int | None = None
    value: int | None = None
    vector: int | None = None
    stack_bytes: int | None = None
    cfu: CfuCommand | None = None
    waves: str = ""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What an instruction does that it should not: `count` times, first at `address` (None if it is about none).

    kind: see cfukit_soc.linted.
    """

    kind: str
    pc: int
    function: str
    file: str
    line: int
    address: int | None
    count: int


@dataclass(frozen=True, kw_only=True)
class Lint:
    """What a linter has found. stack_used_bytes: of the runtime's stack, at most at any time."""

    findings: tuple[Finding, ...]
    stack_bytes: int
    stack_used_bytes: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a program left.

    * output: the bytes of its UART.
    * exit_code: None if it did not end by itself; then `fault` says why.
    * cycles: from the release of reset to the end; None on an engine that cannot tell. instructions: retired, likewise.
    * lint: what the program should not do; None if nobody asked.
    * causes, segments: where the cycles went, in all and bit by bit; None if nobody asked or the engine cannot tell.
    """

    output: bytes
    exit_code: int | None
    cycles: int | None = None
    instructions: int | None = None
    fault: Fault | None = None
    causes: Causes | None = None
    segments: tuple[Segment, ...] | None = None
    lint: Lint | None = None
