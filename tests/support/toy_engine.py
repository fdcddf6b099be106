"""A whole engine: right answers, looked up in the evaluator, in as many cycles as an operator has MACs and one more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cfukit_base.artefacts import Outcome
from cfukit_tools.engines.catalogue import Line
from cfukit_tools.engines.engine import Abilities, Done, ExecOptions, Job, Machine
from cfukit_tools.firmware.samples import SampleResult, Served, evaluate
from cfukit_tools.project.project import Project
from cfukit_tools.project.system import System

OVERHEAD_CYCLES = 7


class ToyEngine:
    """See `cfukit_tools.engines.engine.Engine`. wrong: adds one to this index of this operator's output and of the model's."""

    name = "toy"
    abilities = Abilities(Machine.NONE, cycles=True, cfu="toy", refusal="is a toy")
    wrong: tuple[int, int] | None = None

    def __init__(self, line: Line):
        self.port = line.port

    def system(self, project: Project) -> System:
        return System(project)

    def prepare(self, system: System) -> None:
        """It needs no tool."""

    def serve(self, system: System, jobs: Sequence[Job], processes: int, done: Done) -> list[Served]:
        results = []
        for job in jobs:
            samples = evaluate(job.program.model, job.inputs.part(job.samples), lambda number: True)
            for sample in samples:
                sample.op_cycles = tuple(step.macs + 1 for step in job.program.plan.steps)
                sample.cycles = sum(sample.op_cycles) + OVERHEAD_CYCLES
                self.spoil(sample)
            results.append(Served(samples, None))
            done(job)
        return results

    def spoil(self, sample: SampleResult) -> None:
        if self.wrong is not None:
            op, index = self.wrong
            [tensor] = [value for (found, _, _), value in sample.layers.items() if found == op]
            tensor.flat[index] += 1
            sample.outputs = [output + 1 for output in sample.outputs]

    def exec(self, system: System, program: Path, stdin: bytes, options: ExecOptions) -> Outcome:
        options.on_output(stdin)
        return Outcome(output=stdin, exit_code=0, cycles=len(stdin))
