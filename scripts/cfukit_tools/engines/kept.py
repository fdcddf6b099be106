"""Results of simulated models, kept.

The result of a program on a system with the same stdin never changes, so it is kept like any other artefact: a run that was
interrupted goes on where it stopped, and a repeated one costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from cfukit_base.artefacts import Outcome
from cfukit_base.cache import cached
from cfukit_base.digest import digest_bytes, digest_of
from cfukit_base.typed_json import decoded
from cfukit_tools.engines.engine import Job
from cfukit_tools.engines.firmware import Runs, file_of, requests_of
from cfukit_tools.project.system import System

_FILE = "outcome.json"


class KeptRuns:
    """Runs jobs on one engine, each at most once.

    * digest: of what the engine's results depend on: the system with this CFU, and the engine itself.
    * run: does what is not there yet.
    """

    def __init__(self, engine: str, digest: Callable[[System, Path | None], str], run: Runs):
        self._engine, self._digest, self._run = engine, digest, run

    def missing(self, system: System, jobs: Sequence[Job]) -> list[Job]:
        """The jobs without a result."""
        folder = _folder(system)
        keys = (self._key(system, job, requests_of(job)) for job in jobs)
        return [job for job, key in zip(jobs, keys, strict=True) if not (folder / f"run-{key}").is_dir()]

    def __call__(self, system: System, job: Job, requests: bytes) -> Outcome:
        """The kept result, or a run that is kept. A fault is not kept: whoever looks into it wants to see it run again."""

        def build(entry: Path) -> None:
            outcome = self._run(system, job, requests)
            if outcome.fault is not None:
                raise _FaultedError(outcome)
            (entry / _FILE).write_bytes(msgspec.json.encode(outcome))

        try:
            entry = cached(_folder(system), "run", self._key(system, job, requests), build)
        except _FaultedError as faulted:
            return faulted.outcome
        return decoded((entry / _FILE).read_bytes(), Outcome)

    def _key(self, system: System, job: Job, requests: bytes) -> str:
        """What the result depends on. Baselines issue no CFU instruction, so another CFU does not change theirs."""
        cfu = system.cfu_verilog if job.program.variant == "project" else None
        digest = self._digest(system, cfu)
        program = digest_bytes(file_of(job).read_bytes())
        return digest_of(_FILE, self._engine, digest, program, requests, job.causes)


def _folder(system: System) -> Path:
    return system.project.board_dir / "runs"


class _FaultedError(Exception):
    def __init__(self, outcome: Outcome):
        super().__init__("faulted")
        self.outcome = outcome
