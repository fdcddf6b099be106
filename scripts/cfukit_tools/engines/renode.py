"""Engine renode: the functional simulator Renode, with the CFU's Verilog as a library. It counts no cycles.

Where Renode is not installed, a command still writes all its scripts and says where: they can be taken to another machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cfukit_base import progress
from cfukit_base.artefacts import Outcome
from cfukit_base.cache import user_cache
from cfukit_base.digest import digest_bytes, digest_of
from cfukit_base.errors import MissingToolError
from cfukit_base.protocol import wire
from cfukit_tools.engines.catalogue import Line
from cfukit_tools.engines.engine import Abilities, Done, ExecOptions, Job, Machine
from cfukit_tools.engines.firmware import answers_to, file_of, requests_of
from cfukit_tools.firmware.samples import Served, evaluate
from cfukit_tools.project.project import Project
from cfukit_tools.project.system import System

if TYPE_CHECKING:
    from cfukit_soc.renode.export import RenodeScripts


class RenodeEngine:
    """See `Engine`."""

    name = "renode"
    abilities = Abilities(
        Machine.SYSTEM, memory_port=False, options=frozenset({"max_cycles"}), refusal="has no cycles"
    )

    def __init__(self, line: Line):
        del line  # it needs none

    def system(self, project: Project) -> System:
        return System(project)

    def prepare(self, system: System) -> None:
        """Say early that Renode is missing. Its scripts are written all the same."""
        from cfukit_soc.renode.engine import find_renode

        try:
            find_renode()
        except MissingToolError as error:
            progress.note(f"{error.message}: only its scripts will be written")

    def serve(self, system: System, jobs: Sequence[Job], processes: int, done: Done) -> list[Served]:
        from cfukit_soc.renode.engine import run_renode

        with progress.stage("exporting for Renode"):
            exported = [_export_job(system, job) for job in jobs]
        check_renode(exported)
        results = []
        for job, scripts in zip(jobs, exported, strict=True):
            results.append(answers_to(job, run_renode(scripts)))
            done(job)
        return results

    def exec(self, system: System, program: Path, stdin: bytes, options: ExecOptions) -> Outcome:
        from cfukit_soc.renode.engine import run_renode

        scripts = export(system, program, wire.encode_stdin(stdin), name=program.stem)
        check_renode([scripts])
        with progress.stage(f"running {program.name} in Renode"):
            return run_renode(scripts, max_cycles=options.max_cycles, on_output=options.on_output)


def export(
    system: System, elf: Path, stdin: bytes, *, name: str, expected: Sequence[bytes] = ()
) -> RenodeScripts:
    """Write a program for Renode to build/BOARD/renode/NAME-.... expected: what the UART must send, for the .robot file."""
    from cfukit_soc.renode.export import export_renode

    # All that the files name is part of the key: whoever runs another CFU at the same time has another folder.
    cfu = library(system)
    key = digest_of(digest_bytes(elf.read_bytes()), stdin, system.soc_json, str(cfu))
    folder = system.project.board_dir / "renode" / f"{name}-{key[:8]}"
    return export_renode(folder, system.soc_json, elf, cfu, stdin=stdin, expected=expected)


def library(system: System) -> Path:
    """The CFU as a library for Renode."""
    from cfukit_soc.renode.library import build_library

    return build_library(system.cfu_verilog, user_cache() / "renode")


def check_renode(exported: Sequence[RenodeScripts]) -> None:
    """MissingToolError where no Renode is: it names what was exported."""
    from cfukit_soc.renode.engine import find_renode

    try:
        find_renode()
    except MissingToolError as error:
        folders = [str(scripts.folder) for scripts in exported]
        where = folders[0] if len(folders) == 1 else exported[0].folder.parent
        hint = f"{error.hint}; what it would run is in {where}"
        raise MissingToolError(error.where, error.given, hint=hint, scripts=folders) from None


def _export_job(system: System, job: Job) -> RenodeScripts:
    requests = requests_of(job)
    expected = [] if job.layers else expected_answers(job, requests)
    return export(system, file_of(job), requests, name=job.program.variant, expected=expected)


def expected_answers(job: Job, requests: bytes) -> list[bytes]:
    """What a right firmware sends for the outputs that `requests` reads."""
    plan, model = job.program.plan, job.program.model
    truth = evaluate(model, job.inputs.part(job.samples))
    number, answers = -1, []
    for request in wire.split(requests)[1]:
        number += request.type == wire.Type.RUN
        if request.type == wire.Type.READ:
            offset, count = (int.from_bytes(request.payload[at : at + 4], "little") for at in (0, 4))
            for value, index in zip(truth[number].outputs, model.outputs, strict=True):
                begin = offset - plan.tensors[index].offset
                if 0 <= begin < plan.tensors[index].bytes:
                    data = value.tobytes()[begin : begin + count]
                    answers.append(wire.encode(wire.Type.DATA, request.seq, request.payload[:4] + data))
                    break
    return answers
