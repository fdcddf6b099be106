"""Where a program is that has not ended: for progress, and for whoever stops it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Whereabouts:
    """How far a simulated program is. pc: of its newest instruction; function, file and line: "" and 0 if its ELF does not say."""

    program: str
    cycles: int
    pc: int
    function: str = ""
    file: str = ""
    line: int = 0

    @property
    def place(self) -> str:
        """ "in spin (loop.c:3)", or the pc where no source is known."""
        parts = [f"in {self.function}"] if self.function else []
        parts += [f"({Path(self.file).name}:{self.line})"] if self.file else []
        return " ".join(parts) or f"at pc {self.pc:#010x}"

    def __str__(self) -> str:
        pc = f"pc {self.pc:#010x} " if self.function or self.file else ""
        return f"{self.program}: stopped after {self.cycles:,} cycles {'at ' if pc else ''}{pc}{self.place}"


class Stopped(KeyboardInterrupt):
    """The command is being stopped. running: where its programs were; output: what a bare program had printed."""

    def __init__(self, running: Iterable[Whereabouts] = (), output: str = ""):
        super().__init__()
        self.running = tuple(running)
        self.output = output

    @classmethod
    def of(cls, errors: Iterable[BaseException], output: str = "") -> Stopped:
        """All that is known from the exceptions of one stop."""
        known = [error for error in errors if isinstance(error, Stopped)]
        text = output or "".join(error.output for error in known)
        return cls(dict.fromkeys(place for error in known for place in error.running), text)
