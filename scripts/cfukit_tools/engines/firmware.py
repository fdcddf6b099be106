"""What engines that run a model's firmware have in common: requests go in as stdin, answers come out as output."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from cfukit_base import process
from cfukit_base.artefacts import Outcome
from cfukit_tools.engines.engine import Done, Job
from cfukit_tools.firmware.samples import Served
from cfukit_tools.firmware.script import decode, script
from cfukit_tools.project.system import System


class Runs(Protocol):
    """Runs the firmware of a job with `requests` as its input."""

    def __call__(self, system: System, job: Job, requests: bytes) -> Outcome: ...


def requests_of(job: Job) -> bytes:
    """What the firmware is asked."""
    return script(job.program, job.inputs, job.samples, job.layers)


def answers_to(job: Job, outcome: Outcome) -> Served:
    """What it answered. ResultError if it faulted or answered something else."""
    where = f"{job.program.variant} firmware"
    return decode(job.program, job.inputs, job.samples, job.layers, outcome, where)


def serve_firmware(
    run: Runs, system: System, jobs: Sequence[Job], processes: int, done: Done
) -> list[Served]:
    """Every job by its own run of the firmware, at most `processes` at a time; the first failure stops the rest."""

    def one(job: Job) -> Served:
        served = answers_to(job, run(system, job, requests_of(job)))
        done(job)
        return served

    return process.in_parallel(one, jobs, processes or os.cpu_count() or 1)


def file_of(job: Job) -> Path:
    """The program of a job that has one."""
    assert job.program.file is not None
    return job.program.file
