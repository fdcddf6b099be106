"""The engines that are neither a simulation of ours nor this machine: Renode, and a board on a serial port."""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cfukit_base.cache import cached, user_cache
from cfukit_base.digest import digest_bytes, digest_of
from cfukit_base.errors import MissingToolError, UsageError
from cfukit_base.protocol import wire
from cfukit_tools.engines.board.board import Board, Expected
from cfukit_tools.engines.board.port import SerialPort, selected
from cfukit_tools.engines.engine import RawRun
from cfukit_tools.inference.script import SampleResult
from cfukit_tools.project.project import Project
from cfukit_tools.project.system import System

if TYPE_CHECKING:
    from cfukit_soc.renode.export import RenodeScripts

EXEC_SECONDS = 600.0  # on a board, until a program that has not ended is given up


class BoardSystem(System):
    """A system whose programs a boot loader starts: they are linked for the memories that it can fill, without its own."""

    @functools.cached_property
    def soc_json(self) -> Path:
        from cfukit_soc.boards import board_named
        from cfukit_sw.boot import loaded_soc

        # With a boot ROM on the bus the loader lies elsewhere than where a simulation starts.
        has_rom = board_named(self.project["soc.board"]).bus_rom_bytes
        whole = self.hardware_soc_json if has_rom else super().soc_json
        text = json.dumps(loaded_soc(json.loads(whole.read_text())), indent=1) + "\n"

        def write(folder: Path) -> None:
            shutil.copy(whole.parent / "soc.v", folder)
            (folder / "soc.json").write_text(text)

        name = f"{self.project['soc.board']}-loaded"
        return cached(user_cache() / "soc", name, digest_of(text), write) / "soc.json"


def system_for(project: Project, engine: str) -> System:
    """The system on which `engine` runs the project's programs."""
    return BoardSystem(project) if engine == "board" else System(project)


def export_for_renode(
    system: System, elf: Path, stdin: bytes, *, name: str, expected: Sequence[bytes] = ()
) -> RenodeScripts:
    """A program for Renode, in build/BOARD/renode/NAME-.... expected: what the UART must send, for the .robot file."""
    from cfukit_soc.renode.export import export_renode

    key = digest_of(digest_bytes(elf.read_bytes()), stdin)
    folder = system.project.board_dir / "renode" / f"{name}-{key[:8]}"
    return export_renode(folder, system.soc_json, elf, renode_library(system), stdin=stdin, expected=expected)


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


def run_renode(scripts: RenodeScripts) -> RawRun:
    """A program in Renode."""
    from cfukit_soc.renode import engine

    result = engine.run_renode(scripts)
    return RawRun(result.output, result.exit_code, None, None, result.fault)


def renode_library(system: System) -> Path:
    """The CFU for Renode; a CFU with a memory port is a UsageError, Renode's interface gives it no memory."""
    from cfukit_soc.renode.library import build_library

    described = system.cfu_json
    if described is not None and described.get("memory_port"):
        raise UsageError(
            str(system.project.cfu_file),
            "the CFU has a memory port",
            allowed="Renode gives a CFU no memory",
            hint="--engine rtl",
        )
    folder = system.project.board_dir if system.cfu_verilog is not None else user_cache() / "stock"
    return build_library(system.cfu_verilog, folder)


def expected_answers(plan: Any, model: Any, truth: Sequence[SampleResult], script: bytes) -> list[bytes]:
    """What a right firmware sends for the outputs that `script` (of `inference.script`, without layers) reads."""
    number, answers = -1, []
    _, requests, _ = wire.split(script)
    for request in requests:
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


@contextlib.contextmanager
def connected(system: System) -> Iterator[Board]:
    """The board on the selected port, which must be this system."""
    name, baud = selected()
    port = SerialPort(name, baud)
    try:
        yield Board(port, Expected(system.soc["board"], system.identity, system.soc))
    finally:
        port.close()


def run_board(system: System, elf: Path, script: bytes) -> RawRun:
    """A model's firmware on the board, and the answers to `script`."""
    with connected(system) as board:
        return board.serve(elf, script)


def exec_board(system: System, elf: Path, stdin: bytes) -> RawRun:
    """A program on the board, to its end."""
    with connected(system) as board:
        return board.run(elf, stdin, seconds=EXEC_SECONDS)
