"""The verb profile: where the cycles of one system go."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Unpack

from cfukit_base.artefacts import Json, Run
from cfukit_base.cache import prepare_output, write_atomic
from cfukit_base.errors import UsageError
from cfukit_tools.engines.catalogue import Line
from cfukit_tools.firmware.sources import source_roots
from cfukit_tools.inference.measure import Measured, measure
from cfukit_tools.inference.results import result_path, set_aside
from cfukit_tools.inference.workload import Workload
from cfukit_tools.project.project import Choice, load_target
from cfukit_tools.report import viewers
from cfukit_tools.report.annotate import annotated
from cfukit_tools.report.callgrind import callgrind as callgrind_text


def profile(
    target: Path | str = Path(),
    *,
    inputs: Path | str | None = None,
    samples: int = 0,
    seed: int = 0,
    output: Path | str | None = None,
    annotate: str = "",
    speedscope: Path | str | None = None,
    trace_events: Path | str | None = None,
    callgrind: Path | str | None = None,
    write: Callable[[str], object] | None = None,
    engine: str = "",
    port: str = "",
    baud: int = 0,
    jobs: int = 0,
    **choice: Unpack[Choice],
) -> Run:
    """As `run`, for the project alone, or for portable kernels on a bare model; with causes, if the engine tells them.

    * annotate: a function; `write` gets its instructions, line by line. UsageError if it is not a hot one.
    * speedscope, trace_events, callgrind: files for other viewers.
    """
    project = load_target(target, **choice)
    path = result_path(project, "profile", engine, Path(output) if output else None)
    asked = {
        "--annotate": annotate,
        "--speedscope": speedscope,
        "--trace-events": trace_events,
        "--callgrind": callgrind,
    }
    files = [Path(file) for file in (speedscope, trace_events, callgrind) if file]
    for file in files:
        prepare_output(file)
    set_aside(path)
    workload = Workload(project, engine, Line(port, baud), jobs, causes=True)
    if any(asked.values()) and not workload.causes:
        option = next(name for name, value in asked.items() if value)
        given = f"engine {workload.engine.name} does not tell where cycles go"
        raise UsageError(
            option, given, allowed="engine fast or rtl", hint=f"without --engine {workload.engine.name}"
        )
    seen: list[Measured] = []
    document = measure(
        workload,
        workload.variants[-1:],
        Path(inputs) if inputs else None,
        samples,
        seed,
        path,
        seen.append,
    )
    if annotate:
        for line in annotated(document.variants[-1], annotate, source_roots(project.root)):
            if write is not None:
                write(line)
    if files:
        program, counted = seen[-1].program, seen[-1].served.samples[0].counted
        assert counted is not None and program.file is not None
        name = f"{document.model.name} on {document.board} with {document.project}"
        if speedscope:
            _write(Path(speedscope), viewers.speedscope(counted, program.plan, program.file, name))
        if trace_events:
            trace = viewers.trace_events(counted, program.plan, document.clock_hz, name)
            _write(Path(trace_events), trace)
        if callgrind:
            write_atomic(Path(callgrind), callgrind_text(counted.whole, program.file, name))
    return document


def _write(file: Path, document: Json) -> None:
    write_atomic(file, json.dumps(document) + "\n")
