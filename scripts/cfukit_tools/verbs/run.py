"""The verb run: reference and portable kernels against the project's, on the same system and samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from cfukit_base.artefacts import Run
from cfukit_base.errors import UsageError, suggest
from cfukit_tools.engines.catalogue import Line
from cfukit_tools.inference.measure import measure
from cfukit_tools.inference.results import result_path, set_aside
from cfukit_tools.inference.workload import Workload
from cfukit_tools.project.project import Choice, load_target


def run(
    target: Path | str = Path(),
    *,
    inputs: Path | str | None = None,
    samples: int = 0,
    seed: int = 0,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    output: Path | str | None = None,
    engine: str = "",
    port: str = "",
    baud: int = 0,
    jobs: int = 0,
    **choice: Unpack[Choice],
) -> Run:
    """Run each variant on the samples and check its outputs against the evaluator; the document cfukit.run/1.

    * inputs: an .npz; by default the shipped model's held-out samples, else random ones.
    * samples: how many; 0 = 20 held-out ones, 1 random one, all of a file.
    * only, skip: which of reference, portable and project are run; by default all.
    * output: where the document goes; by default `inference.results` says where.
    * port, baud: of engine board.
    * choice: as `load_target`.
    """
    project = load_target(target, **choice)
    path = result_path(project, "run", engine, Path(output) if output else None)
    set_aside(path)
    workload = Workload(project, engine, Line(port, baud), jobs)
    variants = chosen(workload.variants, only, skip)
    return measure(workload, variants, Path(inputs) if inputs else None, samples, seed, path)


def chosen(variants: Sequence[str], only: Sequence[str], skip: Sequence[str]) -> tuple[str, ...]:
    """The variants that are left. UsageError for a name that does not exist, or if none is left."""
    for option, names in (("--only", only), ("--skip", skip)):
        for name in names:
            if name not in variants:
                raise UsageError(option, f"'{name}'", allowed=suggest(name, variants, "set of kernels"))
    left = tuple(name for name in variants if name not in skip and (not only or name in only))
    if not left:
        raise UsageError("--skip", "no set of kernels is left", allowed=", ".join(variants))
    return left
