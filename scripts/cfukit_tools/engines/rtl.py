"""Engine rtl: the Verilog of the whole system in Verilator. Its cycles are the truth.

The result of a program on a system with the same stdin never changes, so it is kept like any other artefact: a run that was
interrupted goes on where it stopped, and a repeated one costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from cfukit_base import progress
from cfukit_base.artefacts import Outcome
from cfukit_base.cache import cached
from cfukit_base.digest import digest_bytes, digest_of
from cfukit_tools.engines.catalogue import Line
from cfukit_tools.engines.engine import Abilities, Done, ExecOptions, Job, Machine
from cfukit_tools.engines.firmware import file_of, serve_firmware
from cfukit_tools.firmware.samples import Served
from cfukit_tools.project.project import Project
from cfukit_tools.project.system import System

WAVES_WINDOW_CYCLES = 2000  # shown when no window is given
AFTER_HANG_CYCLES = 200  # shown of a system that does nothing any more
_OPTIONS = frozenset({"max_cycles", "hang_cycles", "waves", "trace"})


class RtlEngine:
    """See `Engine`."""

    name = "rtl"
    abilities = Abilities(Machine.SYSTEM, cycles=True, instructions=True, options=_OPTIONS)

    def __init__(self, line: Line):
        del line  # it needs none

    def system(self, project: Project) -> System:
        return System(project)

    def prepare(self, system: System) -> None:
        """Simulator and compiler come as wheels."""

    def serve(self, system: System, jobs: Sequence[Job], processes: int, done: Done) -> list[Served]:
        system.simulator()  # built once, before the threads ask for it
        return serve_firmware(_run_kept, system, jobs, processes, done)

    def exec(self, system: System, program: Path, stdin: bytes, options: ExecOptions) -> Outcome:
        if options.waves is not None and options.window is None:
            # The end has to be known: a first, fast run finds it.
            silent = replace(options, waves=None, trace=None, on_output=lambda data: None)
            found = _simulate(system, program, stdin, silent)
            options = replace(options, window=_last_cycles(found, options.hang_cycles))
        return _simulate(system, program, stdin, options)


def _simulate(system: System, program: Path, stdin: bytes, options: ExecOptions) -> Outcome:
    from cfukit_soc import HANG_CYCLES, Waves, simulate

    waves = Waves(options.waves, *(options.window or ())) if options.waves is not None else None
    simulator = system.simulator(waves=waves is not None)
    with progress.stage(f"running {program.name} on the RTL of the system"):
        return simulate(
            simulator,
            system.soc_json,
            program,
            stdin=stdin,
            max_cycles=options.max_cycles,
            hang_cycles=options.hang_cycles or HANG_CYCLES,
            waves=waves,
            trace=options.trace,
            on_output=options.on_output,
        )


def _last_cycles(found: Outcome, hang_cycles: int) -> tuple[int, int]:
    """The window before the end of a run; where nothing happened for long, around the last thing that did."""
    from cfukit_soc import HANG_CYCLES

    assert found.cycles is not None
    end = found.cycles + 1
    if found.fault is not None and found.fault.kind in ("hang", "cfu_hang"):
        end = max(0, found.cycles - (hang_cycles or HANG_CYCLES)) + AFTER_HANG_CYCLES
    return max(0, end - WAVES_WINDOW_CYCLES), end


@dataclass(frozen=True)
class _Kept:
    """result.json of a kept run; its output lies beside it."""

    exit_code: int | None
    cycles: int | None
    instructions: int | None


def _run_kept(system: System, job: Job, requests: bytes) -> Outcome:
    """The kept result, or a run that is kept. A fault is not kept: whoever looks into it wants to see it run again."""
    from cfukit_soc import simulate

    simulator, elf = system.simulator(), file_of(job)
    key = digest_of("rtl", simulator.parent.name, digest_bytes(elf.read_bytes()), requests)

    def build(entry: Path) -> None:
        outcome = simulate(simulator, system.soc_json, elf, stdin=requests)
        if outcome.fault is not None:
            raise _FaultedError(outcome)
        (entry / "output.bin").write_bytes(outcome.output)
        kept = _Kept(outcome.exit_code, outcome.cycles, outcome.instructions)
        (entry / "result.json").write_bytes(msgspec.json.encode(kept))

    try:
        entry = cached(system.project.board_dir / "runs", "run", key, build)
    except _FaultedError as faulted:
        return faulted.outcome
    kept = msgspec.json.decode((entry / "result.json").read_bytes(), type=_Kept)
    return Outcome(
        output=(entry / "output.bin").read_bytes(),
        exit_code=kept.exit_code,
        cycles=kept.cycles,
        instructions=kept.instructions,
    )


class _FaultedError(Exception):
    def __init__(self, outcome: Outcome):
        super().__init__("faulted")
        self.outcome = outcome
