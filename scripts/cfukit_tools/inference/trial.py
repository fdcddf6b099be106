"""Another system or other kernels, tried: the cycles of sample 0, on the first simulator that can do the system."""

from __future__ import annotations

from dataclasses import dataclass, field

from cfukit_base import progress
from cfukit_base.errors import CfukitError, MissingToolError, ResultError, UsageError
from cfukit_tools.engines.catalogue import Line, simulators
from cfukit_tools.firmware.inputs import InputSet
from cfukit_tools.firmware.samples import SampleResult
from cfukit_tools.inference.measure import Measured, outputs_mismatch
from cfukit_tools.inference.workload import Workload
from cfukit_tools.project.project import Project


@dataclass(frozen=True)
class Trial:
    """What a system takes. op_cycles: by operator (its index in the file); registry: where the operator's kernel is from."""

    engine: str
    cpu: str
    cycles: int
    op_cycles: dict[int, int]
    registry: dict[int, str]


@dataclass
class Trials:
    """Tries projects with one model and one input. left_out: why some of them have no cycles, for people."""

    inputs: InputSet
    truth: list[SampleResult]
    jobs: int = 0
    engines: dict[str, None] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def run(self, project: Project, variant: str) -> Trial:
        """The kernels `variant` on the project's system. ResultError if they compute something else than the evaluator."""
        workload = self._workload(project)
        program = workload.build(variant)
        served = workload.serve([program], self.inputs)[0]
        mismatch = outputs_mismatch(workload, Measured(program, served), self.truth, self.inputs)
        if mismatch is not None:
            raise ResultError(
                project.name, f"operator {mismatch.op} computes something else than the evaluator"
            )
        sample = served.samples[0]
        assert sample.cycles is not None and sample.op_cycles is not None
        self.engines[workload.engine.name] = None
        steps = program.plan.steps
        return Trial(
            engine=workload.engine.name,
            cpu=workload.system.soc.cpu.name,
            cycles=sample.cycles,
            op_cycles={step.index: cycles for step, cycles in zip(steps, sample.op_cycles, strict=True)},
            registry={step.index: step.registry for step in steps},
        )

    def tried(self, what: str, project: Project, variant: str) -> Trial | None:
        """As `run`; None if it cannot be done, and then `left_out` says why."""
        try:
            with progress.stage(f"trying {what}"):
                return self.run(project, variant)
        except MissingToolError:
            raise
        except CfukitError as error:
            self.left_out.append(f"{what}: {error.message}")
            return None

    def _workload(self, project: Project) -> Workload:
        errors: list[UsageError] = []
        for engine in simulators():
            try:
                return Workload(project, engine.name, Line(), self.jobs)
            except UsageError as error:
                errors.append(error)
        raise errors[-1]
