"""What checks have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cfukit_base.artefacts import Run
from cfukit_base.errors import ResultError
from cfukit_tools.engines.catalogue import Line
from cfukit_tools.inference.measure import measure
from cfukit_tools.inference.results import result_path, set_aside
from cfukit_tools.inference.workload import Workload
from cfukit_tools.project.project import Project
from cfukit_tools.report.run import verdict

CHECKS = ("gateware", "cocotb", "header", "system", "outputs", "own")
Todo = Callable[[], str]  # does a check and says what was compared; a ResultError says what is wrong


@dataclass(frozen=True)
class Request:
    """What is checked, and how much of it."""

    project: Project
    engine: str
    line: Line
    jobs: int
    seed: int
    operations: int
    random_samples: int


def outputs(request: Request, samples: int) -> str:
    """The outputs of the project's kernels (portable ones on a bare model) against the evaluator."""
    path = result_path(request.project, "test", request.engine)
    set_aside(path)
    workload = Workload(request.project, request.engine, request.line, request.jobs)
    return _judged(measure(workload, workload.variants[-1:], None, samples, request.seed, path))


def _judged(document: Run) -> str:
    if document.mismatch is not None:
        raise ResultError("outputs", verdict(document), mismatch=document.mismatch)
    for limit in document.limits:
        raise ResultError(limit.name, f"{limit.reached} exceed {limit.asked} ({limit.offender})")
    return f"{verdict(document).removeprefix('outputs: ')} on engine {document.engine}"
