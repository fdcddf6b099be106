"""Engine host: the same C, compiled for this computer. Fast, and without cycles."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path

from cfukit_base import process
from cfukit_base.artefacts import Outcome
from cfukit_base.errors import ResultError
from cfukit_base.protocol import wire
from cfukit_tools.engines.catalogue import Line
from cfukit_tools.engines.engine import Abilities, Done, ExecOptions, Job, Machine
from cfukit_tools.engines.firmware import file_of, serve_firmware
from cfukit_tools.firmware.samples import Served
from cfukit_tools.project.project import Project
from cfukit_tools.project.system import System

TIMEOUT_SECONDS = 600.0


class HostEngine:
    """See `Engine`."""

    name = "host"
    abilities = Abilities(Machine.HOST, dma=True, refusal="has no cycles")

    def __init__(self, line: Line):
        del line  # it needs none

    def system(self, project: Project) -> System:
        return System(project)

    def prepare(self, system: System) -> None:
        """The compiler comes as a wheel."""

    def serve(self, system: System, jobs: Sequence[Job], processes: int, done: Done) -> list[Served]:
        def run(system: System, job: Job, requests: bytes) -> Outcome:
            return _run(file_of(job), requests)

        return serve_firmware(run, system, jobs, processes, done)

    def exec(self, system: System, program: Path, stdin: bytes, options: ExecOptions) -> Outcome:
        outcome = _run(program, wire.encode_stdin(stdin))
        options.on_output(outcome.output)
        return outcome


def _run(program: Path, stdin: bytes) -> Outcome:
    finished = process.run_bytes([program], stdin=stdin, timeout=TIMEOUT_SECONDS)
    if finished.code is None:
        hint = "an endless loop in a kernel?"
        raise ResultError("engine host", f"no end after {TIMEOUT_SECONDS:.0f} s", hint=hint)
    if finished.code < 0:
        name = signal.Signals(-finished.code).name
        hint = "a wrong pointer, say; --engine fast tells function and line, gdb the rest"
        raise ResultError("engine host", f"the program ended by {name}", hint=hint, program=str(program))
    if finished.code and finished.stderr:
        reason = finished.stderr.decode(errors="replace").strip()
        raise ResultError("engine host", reason, hint="--engine fast tells function and line")
    return Outcome(output=finished.stdout, exit_code=finished.code)
