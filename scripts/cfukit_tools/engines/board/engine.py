"""Engine board: the same firmware on hardware, over a serial line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from cfukit_base import progress
from cfukit_base.artefacts import Outcome
from cfukit_tools.engines.board.loader import Board, Expected
from cfukit_tools.engines.board.port import SerialPort, find_port
from cfukit_tools.engines.board.system import BoardSystem
from cfukit_tools.engines.catalogue import Line
from cfukit_tools.engines.engine import Abilities, Done, ExecOptions, Job, Machine
from cfukit_tools.engines.firmware import file_of, serve_firmware
from cfukit_tools.firmware.samples import Served
from cfukit_tools.project.project import Project
from cfukit_tools.project.system import System

EXEC_SECONDS = 600.0  # until a program that has not ended is given up


class BoardEngine:
    """See `Engine`."""

    name = "board"
    abilities = Abilities(
        Machine.SYSTEM,
        cycles=True,
        dma=True,
        cfu="hardware",
        refusal="shows nothing while it runs: it is hardware",
    )

    def __init__(self, line: Line):
        self._line = line

    def system(self, project: Project) -> System:
        return BoardSystem(project)

    def prepare(self, system: System) -> None:
        """Open the port once, so that a wrong one is known at once."""
        SerialPort(*find_port(self._line)).close()

    def serve(self, system: System, jobs: Sequence[Job], processes: int, done: Done) -> list[Served]:
        def run(system: System, job: Job, requests: bytes) -> Outcome:
            with self.connected(system) as board:
                return board.serve(file_of(job), requests)

        return serve_firmware(run, system, jobs, 1, done)  # there is one board

    def exec(self, system: System, program: Path, stdin: bytes, options: ExecOptions) -> Outcome:
        with progress.stage(f"running {program.name} on the board"), self.connected(system) as board:
            outcome = board.run(program, stdin, seconds=EXEC_SECONDS)
        options.on_output(outcome.output)
        return outcome

    @contextlib.contextmanager
    def connected(self, system: System) -> Iterator[Board]:
        """The board on this line, which must be this system."""
        port = SerialPort(*find_port(self._line))
        try:
            yield Board(port, Expected(system.soc.board, system.identity, system.soc))
        finally:
            port.close()
