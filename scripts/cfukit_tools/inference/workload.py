"""A model on a project's system and an engine: what the verbs run, profile and infer have in common."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from cfukit_base import progress
from cfukit_base.errors import UsageError
from cfukit_tools.engines.catalogue import Line, engine_named
from cfukit_tools.engines.engine import Job, Machine, prepared
from cfukit_tools.firmware.inputs import InputSet, choose_inputs
from cfukit_tools.firmware.program import Program, build_program, plan_program, variants_of
from cfukit_tools.firmware.samples import Served, joined
from cfukit_tools.firmware.sound import is_sound, sound_inputs
from cfukit_tools.project import catalogue
from cfukit_tools.project.options import at_least
from cfukit_tools.project.project import Project


class Workload:
    """One project's model, its system and an engine that is ready. causes: tell where cycles go, if the engine can."""

    def __init__(self, project: Project, engine: str, line: Line, jobs: int = 0, causes: bool = False):
        from cfukit_sw.tflite_reader import read_model

        self.begin = time.monotonic()
        at_least(0, jobs=jobs)
        self._processes = jobs
        self.engine = engine_named(engine, line)
        self.causes = causes and self.engine.abilities.causes
        self.project = project
        self.model_name, path = project.model_file()
        self.model = read_model(path)
        front_end = project.front_end_file()
        self.front_end = read_model(front_end) if front_end is not None else None
        listed = catalogue.listed_models().get(self.model_name)
        self.heldout: Path | None = listed.heldout if listed is not None and listed.path == path else None
        self.system = prepared(self.engine, project)
        self.variants = variants_of(self.system)

    def inputs(self, path: Path | None, samples: int, seed: int) -> InputSet:
        """The samples: those of a file (.npz or .wav), the model's held-out ones, or random ones. samples: how many; 0 = the default."""
        if path is None or not is_sound(path):
            return choose_inputs(self.model, path, self.heldout, samples, seed)
        at_least(0, samples=samples)
        hop = self.project.front_end.hop_samples if self.project.front_end is not None else 0
        found = sound_inputs(path, self.model, self.front_end, hop)
        if samples > len(found):
            raise UsageError("--samples", str(samples), allowed=f"{found.source} gives {len(found)}")
        return found.first(samples or len(found))

    def build(self, variant: str) -> Program:
        """The program of a variant, for this engine."""
        machine = self.engine.abilities.machine
        if machine is Machine.NONE:
            return plan_program(self.system, self.model, variant)
        return build_program(self.system, self.model, variant, on_host=machine is Machine.HOST)

    def serve(self, programs: Sequence[Program], inputs: InputSet, layers: bool = False) -> list[Served]:
        """All samples of each program, in groups; the same groups whatever the number of cores."""
        chunks = list(inputs.chunks())
        jobs = [
            Job(program, inputs, chunk, layers, self.causes and not layers and chunk is chunks[0])
            for program in programs
            for chunk in chunks
        ]
        total, spent, lock = sum(job.effort for job in jobs), 0.0, threading.Lock()

        def done(job: Job) -> None:
            nonlocal spent
            with lock:
                spent += job.effort
                progress.advance(spent, total, job.program.variant)

        names = ", ".join(program.variant for program in programs)
        count = f"{len(inputs)} sample{'' if len(inputs) == 1 else 's'}"
        with progress.stage(f"running {count} with {names} kernels on engine {self.engine.name}"):
            served = self.engine.serve(self.system, jobs, self._processes, done)
        each = len(chunks)
        return [joined(served[at : at + each]) for at in range(0, len(served), each)]

    def layers(self, program: Program, inputs: InputSet) -> Served:
        """All samples of one program with every operator's outputs."""
        return self.serve([program], inputs, layers=True)[0]
