"""Engine evaluator: the integer evaluator in Python. It runs no firmware, and is what every other engine is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cfukit_base.artefacts import Outcome
from cfukit_base.errors import UsageError
from cfukit_tools.engines.catalogue import Line
from cfukit_tools.engines.engine import Abilities, Done, ExecOptions, Job, Machine
from cfukit_tools.firmware.samples import Served, evaluate
from cfukit_tools.project.project import Project
from cfukit_tools.project.system import System


class EvaluatorEngine:
    """See `Engine`."""

    name = "evaluator"
    abilities = Abilities(Machine.NONE, dma=True, cfu="none", refusal="runs models, not programs")

    def __init__(self, line: Line):
        del line  # it needs none

    def system(self, project: Project) -> System:
        return System(project)

    def prepare(self, system: System) -> None:
        """Everything it needs is in Python."""

    def serve(self, system: System, jobs: Sequence[Job], processes: int, done: Done) -> list[Served]:
        results = []
        for job in jobs:
            part = job.inputs.part(job.samples)
            layers = job.layers
            results.append(Served(evaluate(job.program.model, part, lambda _, keep=layers: keep), None))  # type: ignore[misc]
            done(job)
        return results

    def exec(self, system: System, program: Path, stdin: bytes, options: ExecOptions) -> Outcome:
        raise UsageError(
            "--engine",
            "evaluator runs models, not programs",
            allowed="another engine",
            hint="without --engine",
        )
