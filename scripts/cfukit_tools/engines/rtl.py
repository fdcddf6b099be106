"""Engine rtl: the Verilog of the whole system in Verilator. Its cycles are the truth.

The result of a program on a system with the same stdin never changes, so it is kept like any other artefact: a run that was
interrupted goes on where it stopped, and a repeated one costs nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from cfukit_base import progress
from cfukit_base.artefacts import Outcome
from cfukit_base.cache import cached
from cfukit_base.digest import digest_bytes, digest_of
from cfukit_base.protocol import wire
from cfukit_tools.engines.catalogue import Line
from cfukit_tools.engines.engine import Abilities, Done, ExecOptions, Job, Machine
from cfukit_tools.engines.firmware import file_of, requests_of, serve_firmware
from cfukit_tools.firmware.samples import Served
from cfukit_tools.project.project import Project
from cfukit_tools.project.system import System

WAVES_WINDOW_CYCLES = 2000  # shown when no window is given
AFTER_HANG_CYCLES = 200  # shown of a system that does nothing any more
CYCLES_PER_MAC = {
    "reference": 40.0,
    "portable": 4.5,
    "project": 4.5,
}  # typical on board sim, to announce a run
SIMULATED_HZ = 3e6  # of one process
LONG_SECONDS = 10.0  # shorter simulations are not announced
_OPTIONS = frozenset({"max_cycles", "hang_cycles", "waves", "trace"})


class RtlEngine:
    """See `Engine`."""

    name = "rtl"
    abilities = Abilities(Machine.SYSTEM, cycles=True, options=_OPTIONS)

    def __init__(self, line: Line):
        del line  # it needs none

    def system(self, project: Project) -> System:
        return System(project)

    def prepare(self, system: System) -> None:
        """Simulator and compiler come as wheels."""

    def serve(self, system: System, jobs: Sequence[Job], processes: int, done: Done) -> list[Served]:
        missing = [job for job in jobs if not _entry(system, job).is_dir()]
        if missing:
            system.simulator()  # built once, before the threads ask for it
            _announce(missing, processes or os.cpu_count() or 1)
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
            stdin=wire.encode_stdin(stdin),
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


def _key(system: System, job: Job, requests: bytes) -> str:
    """What the result of a job depends on. Baselines issue no CFU instruction, so another CFU does not change theirs."""
    from cfukit_soc import simulator_digest

    cfu = system.cfu_verilog if job.program.variant == "project" else None
    hardware = simulator_digest(system.soc_json, cfu)
    return digest_of("rtl", hardware, digest_bytes(file_of(job).read_bytes()), requests)


def _entry(system: System, job: Job) -> Path:
    return _runs(system) / f"run-{_key(system, job, requests_of(job))}"


def _runs(system: System) -> Path:
    return system.project.board_dir / "runs"


def _run_kept(system: System, job: Job, requests: bytes) -> Outcome:
    """The kept result, or a run that is kept. A fault is not kept: whoever looks into it wants to see it run again."""
    from cfukit_soc import simulate

    def build(entry: Path) -> None:
        outcome = simulate(
            system.simulator(), system.soc_json, file_of(job), stdin=requests, label=job.program.variant
        )
        if outcome.fault is not None:
            raise _FaultedError(outcome)
        (entry / "output.bin").write_bytes(outcome.output)
        kept = _Kept(outcome.exit_code, outcome.cycles, outcome.instructions)
        (entry / "result.json").write_bytes(msgspec.json.encode(kept))

    try:
        entry = cached(_runs(system), "run", _key(system, job, requests), build)
    except _FaultedError as faulted:
        return faulted.outcome
    kept = msgspec.json.decode((entry / "result.json").read_bytes(), type=_Kept)
    return Outcome(
        output=(entry / "output.bin").read_bytes(),
        exit_code=kept.exit_code,
        cycles=kept.cycles,
        instructions=kept.instructions,
    )


def _announce(jobs: Sequence[Job], processes: int) -> None:
    """Say what a long simulation will cost before it starts."""
    cycles: dict[str, float] = {}
    for job in jobs:
        variant, plan = job.program.variant, job.program.plan
        expected = len(job.samples) * (plan.macs * CYCLES_PER_MAC[variant] + len(plan.steps) * 20_000)
        cycles[variant] = cycles.get(variant, 0.0) + expected
    total = sum(cycles.values())
    seconds = total / SIMULATED_HZ / min(processes, len(jobs))
    if seconds < LONG_SECONDS:
        return
    parts = ", ".join(f"{variant} {count / 1e6:,.0f} M" for variant, count in cycles.items())
    hint = "; --skip reference leaves the slowest out" if "reference" in cycles and len(cycles) > 1 else ""
    progress.note(f"about {total / 1e6:,.0f} M cycles to simulate ({parts}), about {seconds:,.0f} s{hint}")


class _FaultedError(Exception):
    def __init__(self, outcome: Outcome):
        super().__init__("faulted")
        self.outcome = outcome
