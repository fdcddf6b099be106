"""The verb test: everything that a project or a model gets checked without writing a test, and the project's own tests."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Unpack

from cfukit_base import progress
from cfukit_base.artefacts import ErrorDocument, Test
from cfukit_base.artefacts.documents import Check, TestHost
from cfukit_base.errors import ResultError, UsageError, suggest
from cfukit_tools.checks import model, project
from cfukit_tools.checks.check import CHECKS, Request, Todo
from cfukit_tools.engines.catalogue import Line
from cfukit_tools.project.options import at_least
from cfukit_tools.project.project import Choice, load_target


def test(
    target: Path | str = Path(),
    *,
    only: str = "",
    random_samples: int = 4,
    operations: int = 2000,
    seed: int = 0,
    engine: str = "",
    port: str = "",
    baud: int = 0,
    jobs: int = 0,
    **choice: Unpack[Choice],
) -> Test:
    """Check a project (CHECKS, or one of them) or a .tflite (evaluator = firmware = TFLM's interpreter where installed).

    A check that finds something wrong stands in `checks` with ok false and its error; what does not build at all is raised.
    """
    at_least(0, seed=seed, jobs=jobs)
    at_least(1, random=random_samples, operations=operations)
    loaded = load_target(target, **choice)
    request = Request(loaded, engine, Line(port, baud), jobs, seed, operations, random_samples)
    checks = model.checks(request) if loaded.bare else project.checks(request)
    if only:
        if only not in (*CHECKS, *checks):
            raise UsageError("--only", f"'{only}'", allowed=suggest(only, CHECKS, "check"))
        if only not in checks:
            raise UsageError("--only", f"'{only}': there is nothing to check here", allowed=", ".join(checks))
        checks = {only: checks[only]}
    results, seconds = [], {}
    for name, check in checks.items():
        begin = time.monotonic()
        results.append(_result(name, check))
        seconds[name] = round(time.monotonic() - begin, 3)
    return Test(
        ok=all(result.ok for result in results),
        target=loaded.name,
        seed=seed,
        checks=tuple(results),
        host=TestHost(seconds=seconds),
    )


def _result(name: str, check: Todo) -> Check:
    try:
        with progress.stage(f"check {name}"):
            return Check(name=name, ok=True, detail=check(), error=None)
    except ResultError as error:
        progress.note(f"check {name}: {error.message}")  # at once: the other checks may take minutes
        return Check(name=name, ok=False, detail=error.message, error=ErrorDocument.of(error))
