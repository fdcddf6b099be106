"""What runs firmware: a program and its stdin go in, raw output, cycles and faults come out.

An engine's result for the same program, system and stdin never changes, so it is kept like any other artefact: a run that was
interrupted goes on where it stopped, a repeated one costs nothing.
"""

from __future__ import annotations

import json
import signal
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cfukit_base import process
from cfukit_base.cache import cached
from cfukit_base.digest import digest_bytes, digest_of
from cfukit_base.errors import ResultError, UsageError
from cfukit_tools.project.system import System

AVAILABLE = ("evaluator", "host", "rtl", "renode", "board")
PLANNED = ("fast",)
DEFAULT = "rtl"


@dataclass(frozen=True)
class RawRun:
    """output: the bytes of the UART; cycles, instructions: of the whole program, None if unknown; fault: as in exec."""

    output: bytes
    exit_code: int | None
    cycles: int | None
    instructions: int | None
    fault: dict[str, Any] | None = None


def check_engine(name: str, allowed: tuple[str, ...] = AVAILABLE) -> str:
    """The engine to use; "" is the default. UsageError for one that this version or verb does not have."""
    name = name or DEFAULT
    if name in allowed:
        return name
    given = f"'{name}'"
    if name in PLANNED:
        given += " is not in this version yet"
    elif name in AVAILABLE:
        given += " cannot do this"
    else:
        given += " is no engine"
    raise UsageError("--engine", given, allowed=f"one of {', '.join(allowed)}")


def run_rtl(system: System, elf: Path, stdin: bytes, *, max_cycles: int = 0) -> RawRun:
    """Run on the RTL of the whole system; results are kept under the project's build folder."""
    simulator = system.simulator()

    def simulate_it() -> RawRun:
        from cfukit_soc import simulate

        result = simulate(simulator, system.soc_json, elf, stdin=stdin, max_cycles=max_cycles)
        return RawRun(result.output, result.exit_code, result.cycles, result.instructions, result.fault)

    key = digest_of("rtl", simulator.parent.name, digest_bytes(elf.read_bytes()), stdin, max_cycles)
    return _kept(system.project.board_dir / "runs", key, simulate_it)


def run_host(program: Path, stdin: bytes, *, timeout: float = 600) -> RawRun:
    """Run a build for this machine: the same C, no cycles."""
    finished = process.run_bytes([program], stdin=stdin, timeout=timeout)
    if finished.code is None:
        raise ResultError("engine host", f"no end after {timeout:.0f} s", hint="an endless loop in a kernel?")
    if finished.code < 0:
        name = signal.Signals(-finished.code).name
        hint = "a wrong pointer, say; --engine rtl tells function and line, gdb the rest"
        raise ResultError("engine host", f"the program ended by {name}", hint=hint, program=str(program))
    return RawRun(finished.stdout, finished.code, None, None, None)


def _kept(folder: Path, key: str, run: Any) -> RawRun:
    def build(entry: Path) -> None:
        result = run()
        # A fault is shown, not kept: whoever looks into it wants to see it run again.
        if result.fault is not None:
            raise _Faulted(result)
        (entry / "output.bin").write_bytes(result.output)
        fields = {name: value for name, value in asdict(result).items() if name != "output"}
        (entry / "result.json").write_text(json.dumps(fields))

    try:
        entry = cached(folder, "run", key, build)
    except _Faulted as faulted:
        return faulted.result
    return RawRun(
        output=(entry / "output.bin").read_bytes(), **json.loads((entry / "result.json").read_text())
    )


class _Faulted(Exception):
    def __init__(self, result: RawRun):
        super().__init__("faulted")
        self.result = result
