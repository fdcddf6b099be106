"""A target, its model, its system and an engine: what the verbs run, profile and infer have in common."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cfukit_base import process, progress
from cfukit_tools.checking import at_least
from cfukit_tools.engines.devices import (
    check_renode,
    expected_answers,
    export_for_renode,
    run_board,
    run_renode,
    system_for,
)
from cfukit_tools.engines.engine import RawRun, check_engine, run_host, run_rtl
from cfukit_tools.inference.inputs import InputSet
from cfukit_tools.inference.program import Program, build_program, variants_of
from cfukit_tools.inference.script import Served, decode, evaluate, script
from cfukit_tools.project import catalogue as catalog
from cfukit_tools.project.project import load_target

if TYPE_CHECKING:
    from cfukit_soc.renode.export import RenodeScripts


@dataclass(frozen=True)
class Task:
    """Some samples of one program. scripts: for Renode."""

    program: Program
    samples: range
    scripts: RenodeScripts | None = None

    @property
    def effort(self) -> float:
        """Relative length of the run, for progress: reference kernels take about eight times as long."""
        kernels = 8 if self.program.variant == "reference" else 1
        return len(self.samples) * max(self.program.plan.macs, 1) * kernels


class Session:
    """One target, its model, its system and an engine."""

    def __init__(self, target: Path, engine: str, options: dict[str, Any], jobs: int = 0):
        from cfukit_sw.tflite_reader import read_model

        self.begin = time.monotonic()
        at_least(0, jobs=jobs)
        self.engine = check_engine(engine)
        self.project = load_target(target, **options)
        self.model_name, path = self.project.model_file()
        self.model = read_model(path)
        listed = catalog.listed_models().get(self.model_name)
        self.heldout = listed.heldout if listed is not None and listed.path == path else None
        self.system = system_for(self.project, self.engine)
        self.variants = variants_of(self.system)

    def build(self, variant: str) -> Program:
        return build_program(self.system, self.model, variant, self.engine)

    def serve(self, program: Program, inputs: InputSet, jobs: int, layers: bool) -> Served:
        """All samples of one program."""
        return self.serve_all([program], inputs, jobs, layers)[program.variant]

    def serve_all(
        self, programs: list[Program], inputs: InputSet, jobs: int, layers: bool
    ) -> dict[str, Served]:
        """All samples of all programs: groups of samples in parallel, at most `jobs` at a time."""
        if self.engine == "rtl":
            self.system.simulator()
        chunks = list(inputs.chunks())
        work = [Task(program, chunk) for program in programs for chunk in chunks]
        if self.engine == "renode":
            work = self._exported(work, inputs, layers)
        total = sum(task.effort for task in work)
        done, lock = 0.0, threading.Lock()

        def one(task: Task) -> Served:
            nonlocal done
            program = task.program
            served = decode(
                program.plan,
                self.model,
                inputs,
                task.samples,
                layers,
                self._execute(task, inputs, layers),
                f"{program.variant} firmware",
                program.blob,
            )
            with lock:
                done += task.effort
                progress.advance(done, total, program.variant)
            return served

        what = ", ".join(program.variant for program in programs)
        with progress.stage(f"running {len(inputs)} samples with {what} kernels on engine {self.engine}"):
            served = _in_parallel(one, work, 1 if self.engine == "board" else jobs)
        results = {}
        for program in programs:
            parts = [part for task, part in zip(work, served, strict=True) if task.program is program]
            results[program.variant] = Served(
                [sample for part in parts for sample in part.samples],
                max(part.stack_bytes for part in parts),
                "".join(part.text for part in parts),
            )
        return results

    def _requests(self, task: Task, inputs: InputSet, layers: bool) -> bytes:
        return script(task.program.plan, self.model, inputs, task.samples, layers, task.program.blob)

    def _exported(self, work: list[Task], inputs: InputSet, layers: bool) -> list[Task]:
        """The same with scripts for Renode: all of them first, since without Renode they are what a run leaves."""
        with progress.stage("exporting for Renode"):
            truth = [] if layers else evaluate(self.model, inputs)
            found = []
            for task in work:
                program, requests = task.program, self._requests(task, inputs, layers)
                own = truth[task.samples.start : task.samples.stop]
                expected = expected_answers(program.plan, self.model, own, requests) if own else []
                found.append(
                    export_for_renode(
                        self.system, program.file, requests, name=program.variant, expected=expected
                    )
                )
        check_renode(found)
        return [replace(task, scripts=scripts) for task, scripts in zip(work, found, strict=True)]

    def _execute(self, task: Task, inputs: InputSet, layers: bool) -> RawRun:
        if task.scripts is not None:
            return run_renode(task.scripts)
        requests = self._requests(task, inputs, layers)
        if self.engine == "host":
            return run_host(task.program.file, requests)
        if self.engine == "board":
            return run_board(self.system, task.program.file, requests)
        return run_rtl(self.system, task.program.file, requests)


def _in_parallel(function: Callable[[Any], Any], items: list[Any], jobs: int) -> list[Any]:
    """map() on `jobs` threads, 0: one per core; the first failure stops the rest."""
    return process.in_parallel(function, items, jobs or os.cpu_count() or 1)
