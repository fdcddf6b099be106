"""The verb profile: where the cycles of one system go."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from cfukit_base.artefacts import Run
from cfukit_tools.engines.catalogue import Line
from cfukit_tools.inference.measure import measure
from cfukit_tools.inference.results import result_path, set_aside
from cfukit_tools.inference.workload import Workload
from cfukit_tools.project.project import Choice, load_target


def profile(
    target: Path | str = Path(),
    *,
    inputs: Path | str | None = None,
    samples: int = 0,
    seed: int = 0,
    output: Path | str | None = None,
    engine: str = "",
    port: str = "",
    baud: int = 0,
    jobs: int = 0,
    **choice: Unpack[Choice],
) -> Run:
    """As `run`, for the project alone, or for portable kernels on a bare model."""
    project = load_target(target, **choice)
    path = result_path(project, "profile", engine, Path(output) if output else None)
    set_aside(path)
    workload = Workload(project, engine, Line(port, baud), jobs, causes=True)
    return measure(workload, workload.variants[-1:], Path(inputs) if inputs else None, samples, seed, path)
