"""Engine fast: a model of the whole system in C++ with the RTL's cycles. It needs no Verilator but for a CFU."""

from __future__ import annotations

import contextlib
import shlex
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

from cfukit_base import progress
from cfukit_base.artefacts import Outcome
from cfukit_base.errors import UsageError
from cfukit_base.protocol import wire
from cfukit_tools.engines.catalogue import Line
from cfukit_tools.engines.counted import counted
from cfukit_tools.engines.engine import Abilities, Done, ExecOptions, Job, Machine, Systems
from cfukit_tools.engines.firmware import file_of, serve_firmware
from cfukit_tools.engines.kept import KeptRuns
from cfukit_tools.firmware.samples import Served
from cfukit_tools.project.project import Project
from cfukit_tools.project.system import System

_OPTIONS = frozenset({"max_cycles", "hang_cycles", "trace", "causes", "lint", "gdb"})


class FastEngine:
    """See `Engine`."""

    name = "fast"
    abilities = Abilities(
        Machine.SYSTEM,
        cycles=True,
        causes=True,
        systems=Systems.ANY,
        dma=True,
        options=_OPTIONS,
        refusal="has no signals",
    )

    def __init__(self, line: Line):
        del line  # it needs none

    def system(self, project: Project) -> System:
        return System(project)

    def prepare(self, system: System) -> None:
        """Refuse what the model does not know."""
        from cfukit_soc.fast import not_modelled

        lacking = not_modelled(system.soc)
        if lacking:
            raise UsageError(
                "--engine fast",
                f"the system has {lacking}, which this engine does not model",
                allowed="memories on the chip, SPI flash, DRAM",
                hint="--engine rtl",
            )

    def serve(self, system: System, jobs: Sequence[Job], processes: int, done: Done) -> list[Served]:
        if system.cfu_verilog and any(
            job.program.variant == "project" for job in _RUNS.missing(system, jobs)
        ):
            from cfukit_soc.fast import build_cfu_library

            build_cfu_library(
                system.cfu_verilog, system.project.board_dir
            )  # once, before the threads ask for it
        return serve_firmware(_RUNS, system, jobs, processes, done)

    def exec(self, system: System, program: Path, stdin: bytes, options: ExecOptions) -> Outcome:
        from cfukit_soc import HANG_CYCLES
        from cfukit_soc.fast import simulate_fast

        with (
            _listening(options.gdb, program) as listener,
            progress.stage(f"running {program.name} on the model of the system"),
        ):
            return counted(
                lambda counts: simulate_fast(
                    system.soc_json,
                    program,
                    system.cfu_verilog,
                    build_dir=system.project.board_dir,
                    autonomous=_autonomous(system),
                    stdin=wire.encode_stdin(stdin),
                    max_cycles=options.max_cycles,
                    hang_cycles=options.hang_cycles or HANG_CYCLES,
                    trace=options.trace,
                    trace_window=options.trace_window,
                    counts=counts,
                    on_output=options.on_output,
                    gdb=listener,
                    lint=options.lint,
                ),
                causes=options.causes,
                counts_anyway=options.trace_window is not None,
            )


@contextlib.contextmanager
def _listening(port: int, program: Path) -> Iterator[socket.socket | None]:
    """Where gdb connects; port 0: nowhere. The command that does so is shown."""
    if not port:
        yield None
        return
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        given = f"port {port}: {getattr(error, 'strerror', None) or error}"
        raise UsageError(
            "--gdb", given, allowed="a free port from 1024 to 65535", hint="try another one"
        ) from error
    with listener:
        connect = shlex.join(["gdb-multiarch", str(program), "-ex", f"target remote 127.0.0.1:{port}"])
        progress.note(f"waiting for gdb: {connect}")
        yield listener


def _run(system: System, job: Job, requests: bytes) -> Outcome:
    from cfukit_soc.fast import simulate_fast

    return counted(
        lambda counts: simulate_fast(
            system.soc_json,
            file_of(job),
            system.cfu_verilog if job.program.variant == "project" else None,
            build_dir=system.project.board_dir,
            autonomous=_autonomous(system),
            stdin=requests,
            counts=counts,
            label=job.program.variant,
        ),
        causes=job.causes,
    )


def _digest(system: System, cfu: Path | None) -> str:
    from cfukit_soc.fast import fast_digest

    return fast_digest(system.soc_json, cfu, autonomous=_autonomous(system))


def _autonomous(system: System) -> bool:
    return system.cfu_json is not None and system.cfu_json.autonomous


_RUNS = KeptRuns("fast", _digest, _run)
