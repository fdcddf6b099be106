"""A target, its model, its system and an engine: what the verbs run, profile and infer have in common."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cfukit_base import process, progress
from cfukit_tools import catalog
from cfukit_tools.checking import at_least
from cfukit_tools.devices import expected_answers, run_board, run_renode, system_for
from cfukit_tools.engines import RawRun, check_engine, run_host, run_rtl
from cfukit_tools.inference import Served, decode, script
from cfukit_tools.inputs import InputSet
from cfukit_tools.programs import Program, build_program, variants_of
from cfukit_tools.project import load_target


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
        work = [(program, chunk) for program in programs for chunk in chunks]
        total = sum(_effort(program, len(chunk)) for program, chunk in work)
        done, lock = 0.0, threading.Lock()

        def one(item: tuple[Program, range]) -> Served:
            nonlocal done
            program, chunk = item
            stdin = script(program.plan, self.model, inputs, chunk, layers, program.blob)
            expected: list[bytes] = []
            if self.engine == "renode" and not layers:
                expected = expected_answers(program.plan, self.model, inputs, chunk, stdin)
            raw = self.execute(program, stdin, expected)
            served = decode(
                program.plan,
                self.model,
                inputs,
                chunk,
                layers,
                raw,
                f"{program.variant} firmware",
                program.blob,
            )
            with lock:
                done += _effort(program, len(chunk))
                progress.advance(done, total, program.variant)
            return served

        what = ", ".join(program.variant for program in programs)
        with progress.stage(f"running {len(inputs)} samples with {what} kernels on engine {self.engine}"):
            served = _in_parallel(one, work, 1 if self.engine == "board" else jobs)
        results = {}
        for program in programs:
            parts = [part for (owner, _), part in zip(work, served, strict=True) if owner is program]
            results[program.variant] = Served(
                [sample for part in parts for sample in part.samples],
                max(part.stack_bytes for part in parts),
                "".join(part.text for part in parts),
            )
        return results

    def execute(self, program: Program, stdin: bytes, expected: list[bytes]) -> RawRun:
        if self.engine == "host":
            return run_host(program.file, stdin)
        if self.engine == "board":
            return run_board(self.system, program.file, stdin)
        if self.engine == "renode":
            name, macs = program.variant, program.plan.macs
            return run_renode(self.system, program.file, stdin, name=name, expected=expected, macs=macs)
        return run_rtl(self.system, program.file, stdin)


def _effort(program: Program, samples: int) -> float:
    """Relative length of a run, for progress: reference kernels take about eight times as long."""
    return samples * max(program.plan.macs, 1) * (8 if program.variant == "reference" else 1)


def _in_parallel(function: Callable[[Any], Any], items: list[Any], jobs: int) -> list[Any]:
    """map() on `jobs` threads, 0: one per core; the first failure stops the rest."""
    return process.in_parallel(function, items, jobs or os.cpu_count() or 1)
