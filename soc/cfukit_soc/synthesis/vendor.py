"""Xilinx 7 series, which no wheel places and routes.

cfukit writes a folder with all sources, constraints and scripts for Vivado and for openXC7, and runs the one that it finds.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cfukit_base import process, progress
from cfukit_base.artefacts.build import WorstPath
from cfukit_base.errors import BuildError, MissingToolError, UsageError
from cfukit_base.tools import Tool
from cfukit_base.typed_json import decoded
from cfukit_soc.boards import Board, Pin
from cfukit_soc.synthesis.families import family_named
from cfukit_soc.synthesis.programs import run_logged

HERE = Path(__file__).parent
GET_IT = {
    "vivado": "Vivado (free edition): https://www.xilinx.com/support/download.html, with its settings64.sh sourced",
    "openxc7": "openXC7: https://github.com/openXC7, its programs on PATH, CHIPDB and PRJXRAY_DB_DIR set",
}
_OPEN_PROGRAMS = ("nextpnr-xilinx", "fasm2frames", "xc7frames2bit")
_OPEN_VARIABLES = ("CHIPDB", "PRJXRAY_DB_DIR")
_SCRIPTS = {"vivado": "build.tcl", "openxc7": "build.sh"}


@dataclass(frozen=True)
class VendorRun:
    """What a tool reached. file: the bitstream; None if timing was missed. worst_path: None if unknown."""

    tool: str
    fmax_mhz: float
    file: Path | None
    worst_path: WorstPath | None


class _Result(msgspec.Struct, rename={"begin": "from", "end": "to"}):
    """result.json of vivado.tcl."""

    fmax_mhz: float
    begin: str
    end: str


def router() -> str | None:
    """ "vivado" or "openxc7": the first that is installed completely; None without either."""
    if shutil.which("vivado"):
        return "vivado"
    has = all(map(shutil.which, _OPEN_PROGRAMS)) and all(os.environ.get(name) for name in _OPEN_VARIABLES)
    return "openxc7" if has else None


def version(tool: str) -> str:
    """The tool's version; "" if it does not say."""
    words, pattern = {
        "vivado": (["vivado", "-version"], r"[Vv]ivado v(\S+)"),
        "openxc7": (["nextpnr-xilinx", "--version"], r"Version ([^\s)]+)"),
    }[tool]
    done = process.run(words, timeout=60)
    found = re.search(pattern, done.stdout + done.stderr)
    return found[1] if found else ""


def missing(folder: Path) -> MissingToolError:
    """The error for a machine with neither tool: how to get one, and where its scripts are."""
    lacking = [name for name in _OPEN_PROGRAMS if not shutil.which(name)]
    lacking += [f"${name}" for name in _OPEN_VARIABLES if not os.environ.get(name)]
    given = f"nothing here places and routes Xilinx 7 series: no vivado; of openXC7 no {', '.join(lacking)}"
    hint = f"{GET_IT['vivado']}; or {GET_IT['openxc7']}. Scripts for both, with all sources: {folder} (build.tcl, build.sh). "
    return MissingToolError("vivado", given, hint=hint + "Resources alone: cfukit bitstream --synthesis-only")


def write_scripts(board: Board, clock_hz: int, sources: list[str], folder: Path) -> list[Path]:
    """Write build.tcl, build.sh and the constraints to `folder`, beside `sources`."""
    assert board.fpga is not None
    part = board.fpga.device
    code = [name for name in sources if name.endswith((".v", ".sv"))]
    data = [path.name for path in sorted(folder.iterdir()) if path.suffix in (".hex", ".init", ".vh")]
    chip, package, speed = open_part(part)
    values = {
        "BOARD": board.name,
        "PART": part,
        "SOURCES": " ".join(code),
        "DATA": " ".join(data),
        "FILES": " ".join([*code, *data]),
        "CHIP": chip,
        "PACKAGE": package,
        "OPEN_PART": f"{chip}{package}-{speed}",
        "SYNTH": family_named("xc7").synth,
        "MHZ": f"{clock_hz / 1e6:g}",
    }
    texts = {"top.xdc": xdc(board)}
    for name in ("vivado.tcl", "openxc7.sh"):
        text = (HERE / name).read_text()
        for key, value in values.items():
            text = text.replace(f"@{key}@", value)
        texts[_SCRIPTS[name.partition(".")[0]]] = text
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [folder / name for name in texts]


def open_part(part: str) -> tuple[str, str, str]:
    """(chip, package, speed) of a part in openXC7's databases, which leave out temperature range and low power grade."""
    found = re.fullmatch(r"(xc7[a-z]\d+t)i?([a-z]+\d+)-(\d)L?", part)
    if not found:
        raise UsageError(
            "board", f"part {part!r}", allowed="a Xilinx 7 series part such as xc7a35ticsg324-1L"
        )
    return found[1], found[2], found[3]


def xdc(board: Board) -> str:
    """The constraints (pins, standards, clock) for Vivado and nextpnr-xilinx."""
    hardware = board.hardware
    assert hardware is not None
    lines = [line for pin in hardware.pins for line in _pin(pin)]
    lines += [f"create_clock -name clk_pin -period {1e9 / hardware.pin_hz:.3f} [get_ports clk_pin]"]
    return "\n".join([*lines, *hardware.xdc]) + "\n"


def _pin(pin: Pin) -> list[str]:
    words = pin.more.split()
    pairs = [("PACKAGE_PIN", pin.place), ("IOSTANDARD", pin.standard or "LVCMOS33")]
    pairs += list(zip(words[::2], words[1::2], strict=True))
    return [f"set_property {name} {value} [get_ports {{{pin.port}}}]" for name, value in pairs]


def build(board: Board, tool: str, folder: Path, log: Path) -> VendorRun:
    """Run the script of `tool` in `folder`. BuildError with the tool's words if it fails, unless it only missed timing."""
    words = {
        "vivado": ("vivado", "-mode", "batch", "-nojournal", "-nolog", "-source", "build.tcl"),
        "openxc7": ("sh", "build.sh"),
    }[tool]
    image = folder / f"{board.name}.bit"
    for left in (image, folder / "result.json", folder / "nextpnr.log"):
        left.unlink(missing_ok=True)
    try:
        with progress.stage(f"placing and routing {board.name} with {tool}"):
            run_logged(
                Tool(tool, words, "", "", "PATH"),
                [],
                directory=folder,
                log=log,
                makes=(image.name,),
                timeout=4 * 3600.0,
            )
    except BuildError:
        if not (folder / "result.json").is_file():
            raise
    if tool == "openxc7":
        found = re.findall(
            r"Max frequency for clock\s+'?([^':]+)'?: ([\d.]+) MHz", (folder / "nextpnr.log").read_text()
        )
        last = {
            name: float(mhz) for name, mhz in found
        }  # each clock is told after placing, and again after routing
        system = [mhz for name, mhz in last.items() if re.split(r"[./]", name)[-1] == "clk"]
        return VendorRun(tool, min(system or last.values()), image, None)
    result = decoded((folder / "result.json").read_bytes(), _Result)
    delay_ns = round(1000 / result.fmax_mhz, 2)
    path = WorstPath(delay_ns=delay_ns, begin=result.begin, end=result.end, by_instance_ns={})
    return VendorRun(tool, result.fmax_mhz, image if image.is_file() else None, path)
