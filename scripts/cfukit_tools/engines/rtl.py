"""Engine rtl: the Verilog of the whole system in Verilator. Its cycles are the truth."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cfukit_base import progress
from cfukit_base.artefacts import Outcome
from cfukit_base.protocol import wire
from cfukit_tools.engines.catalogue import Line
from cfukit_tools.engines.counted import counted
from cfukit_tools.engines.engine import Abilities, Done, ExecOptions, Job, Machine, Systems
from cfukit_tools.engines.firmware import file_of, serve_firmware
from cfukit_tools.engines.kept import KeptRuns
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
_OPTIONS = frozenset({"max_cycles", "hang_cycles", "waves", "trace", "causes"})


class RtlEngine:
    """See `Engine`."""

    name = "rtl"
    abilities = Abilities(
        Machine.SYSTEM,
        cycles=True,
        causes=True,
        systems=Systems.BUILT,
        dma=True,
        options=_OPTIONS,
        refusal="has no debugger and no linter",
    )

    def __init__(self, line: Line):
        del line  # it needs none
        self._runs = KeptRuns(self.name, _digest, self._run)

    def system(self, project: Project) -> System:
        return System(project)

    def prepare(self, system: System) -> None:
        """Simulator and compiler come as wheels."""

    def serve(self, system: System, jobs: Sequence[Job], processes: int, done: Done) -> list[Served]:
        missing = self._runs.missing(system, jobs)
        if missing:
            system.simulator()  # built once, before the threads ask for it
            _announce(missing, processes or os.cpu_count() or 1)
        return serve_firmware(self._runs, system, jobs, processes, done)

    def _run(self, system: System, job: Job, requests: bytes) -> Outcome:
        from cfukit_soc import simulate

        return counted(
            lambda counts: simulate(
                system.simulator(),
                system.soc_json,
                file_of(job),
                stdin=requests,
                counts=counts,
                label=job.program.variant,
            ),
            causes=job.causes,
        )

    def exec(self, system: System, program: Path, stdin: bytes, options: ExecOptions) -> Outcome:
        if options.waves is not None and options.window is None:
            # The end has to be known: a first, fast run finds it.
            silent = replace(
                options, waves=None, trace=None, trace_window=None, causes=False, on_output=lambda data: None
            )
            found = _simulate(system, program, stdin, silent)
            options = replace(options, window=_last_cycles(found, options.hang_cycles))
        return _simulate(system, program, stdin, options)


def _simulate(system: System, program: Path, stdin: bytes, options: ExecOptions) -> Outcome:
    from cfukit_soc import HANG_CYCLES, Waves, simulate

    waves = Waves(options.waves, *(options.window or ())) if options.waves is not None else None
    windowed = options.trace_window is not None
    simulator = system.simulator(waves=waves is not None, causes=options.causes or windowed or waves is None)
    with progress.stage(f"running {program.name} on the RTL of the system"):
        return counted(
            lambda counts: simulate(
                simulator,
                system.soc_json,
                program,
                stdin=wire.encode_stdin(stdin),
                max_cycles=options.max_cycles,
                hang_cycles=options.hang_cycles or HANG_CYCLES,
                waves=waves,
                trace=options.trace,
                trace_window=options.trace_window,
                counts=counts,
                on_output=options.on_output,
            ),
            causes=options.causes,
            counts_anyway=windowed,
        )


def _last_cycles(found: Outcome, hang_cycles: int) -> tuple[int, int]:
    """The window before the end of a run; where nothing happened for long, around the last thing that did."""
    from cfukit_soc import HANG_CYCLES

    assert found.cycles is not None
    end = found.cycles + 1
    if found.fault is not None and found.fault.kind in ("hang", "cfu_hang"):
        end = max(0, found.cycles - (hang_cycles or HANG_CYCLES)) + AFTER_HANG_CYCLES
    return max(0, end - WAVES_WINDOW_CYCLES), end


def _digest(system: System, cfu: Path | None) -> str:
    from cfukit_soc import simulator_digest

    return simulator_digest(system.soc_json, cfu)


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
