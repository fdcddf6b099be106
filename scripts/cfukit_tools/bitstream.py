"""The verb bitstream: a project's whole system on its board, synthesised, placed with several seeds, the best one packed."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from cfukit_base.cache import write_atomic
from cfukit_base.errors import UsageError
from cfukit_base.process import in_parallel
from cfukit_tools.area import cpu_name, does_not_fit, limits_of
from cfukit_tools.building import System
from cfukit_tools.project import load_target

Document = dict[str, Any]
SEEDS = 2


def bitstream(
    target: Path = Path(),
    *,
    board: str = "",
    assignments: tuple[str, ...] = (),
    variant: str = "",
    compiler: str = "",
    seeds: int = 0,
    seed: int = 1,
    firmware: Path | None = None,
    run_netlist: Path | None = None,
    jobs: int = 0,
) -> Document:
    """Build the board's configuration; the document cfukit.build/1, also in build.json beside the files.

    seeds: how many placements to try, from `seed` on (0: SEEDS); firmware: an ELF of the board to put behind the
    gateware, where there is flash; None: the boot loader, for engine board.
    ok is false if the system does not fit, misses its clock or exceeds [limits]; then no file is made.
    """
    from cfukit_soc.boards import board_named, boards
    from cfukit_soc.synthesis import place
    from cfukit_soc.synthesis.flash_image import rom_words
    from cfukit_soc.synthesis.system import synthesise

    project = load_target(target, board=board, assignments=assignments, variant=variant, compiler=compiler)
    the_board = board_named(project["soc.board"])
    if the_board.hardware is None or the_board.fpga is None:
        real = ", ".join(name for name, item in boards().items() if item.hardware)
        raise UsageError(
            "soc.board",
            f"'{the_board.name}' is only simulated",
            allowed=f"one of {real}",
            hint="--board NAME",
        )
    if the_board.fpga.family not in place.SUFFIX:
        from cfukit_tools.vendor import vendor_build

        return vendor_build(project, the_board)
    used_tools = [*place.tools(the_board)]
    system = System(project)
    if firmware is None and the_board.flash is not None:
        firmware = system.boot_loader
    folder = project.board_dir / "bitstream"
    soc_json = system.hardware_soc_json
    soc = json.loads(soc_json.read_text())
    netlist = synthesise(
        the_board, soc_json, system.cfu_or_stub, rom_words(soc, the_board.flash, system.boot_loader), folder
    )
    resources = json.loads((netlist / "resources.json").read_text())
    used, parts, available = resources["used"], resources["parts"], dict(the_board.fpga.available)
    document: Document = {
        "schema": "cfukit.build/1",
        "ok": False,
        "project": project.name,
        "board": the_board.name,
        "cpu": cpu_name(project),
        "family": the_board.fpga.family,
        "fits": True,
        "timing_met": None,
        "target_mhz": soc["clock_hz"] / 1e6,
        "fmax_mhz": None,
        "fmax_median_mhz": None,
        "seeds": [],
        "used": used,
        "available": available,
        "percent": {},
        "parts": parts,
        "limits": [],
        "worst_path": None,
        "files": [],
        "tools": {tool.name: tool.version for tool in [*used_tools, _yosys()]},
    }
    named = [{"module": name, "used": values} for name, values in parts.items()]
    document["limits"] = limits_of(project, used, named) + _too_large(used, available, parts)
    if run_netlist is not None and not document["limits"]:
        from cfukit_soc.synthesis.netlist import run_netlist as run

        ran = run(the_board, netlist, _elf(system, run_netlist), folder)
        document["netlist"] = {"output": _text(ran.output), "cycles": ran.cycles}
        document["ok"] = True
        return document
    if not document["limits"]:
        numbers = range(seed, seed + (seeds or SEEDS))
        runs = in_parallel(
            lambda number: place.route(the_board, netlist, soc["clock_hz"], number, folder),
            list(numbers),
            jobs or 2,
        )
        _judge(document, the_board, runs, folder, _elf(system, firmware) if firmware is not None else None)
    document["percent"] = {
        name: round(100 * used[name] / n, 1) for name, n in available.items() if name in used
    }
    document["fits"] = not any(limit["name"].startswith("device ") for limit in document["limits"])
    document["ok"] = document["fits"] and not document["limits"] and bool(document["files"])
    write_atomic(folder / "build.json", json.dumps(document, indent=1) + "\n")
    return document


def _elf(system: System, program: Path) -> Path:
    """A program for the board, compiled if it is a source."""
    from cfukit_tools.executing import compiled

    if not program.is_file():
        raise UsageError(str(program), "no such file", allowed="a .c, .S or .elf")
    return program if program.suffix == ".elf" else compiled(system, program)


def _text(output: bytes) -> str:
    """The program's text without the records of its end."""
    from cfukit_base import wire

    decoder = wire.Decoder()
    events = [*decoder.feed(output), *decoder.close()]
    return b"".join(event for event in events if isinstance(event, bytes)).decode(errors="replace")


def _yosys() -> Any:
    from cfukit_soc.synthesis.programs import program

    return program("yosys")


def _too_large(
    used: dict[str, int], available: dict[str, int], parts: dict[str, dict[str, int]]
) -> list[Document]:
    """What the device lacks, with the part that takes most of it."""
    exceeded = does_not_fit(used, available, "")
    for limit in exceeded:
        name = limit["name"].removeprefix("device ")
        worst = max(parts, key=lambda part: parts[part].get(name, 0))
        limit["offender"] = f"{worst}: {parts[worst][name]}"
    return exceeded


def _judge(document: Document, board: Any, runs: list[Any], folder: Path, firmware: Path | None) -> None:
    """Fill in seeds, speed and files; what failed goes to `limits`."""
    from cfukit_soc.synthesis import place

    document["seeds"] = [{"seed": run.seed, "fmax_mhz": run.fmax_mhz} for run in runs]
    routed = [run for run in runs if run.fmax_mhz is not None]
    if not routed:
        limit = {"name": "device", "asked": 1, "reached": 0, "offender": runs[0].problem}
        document["limits"].append(limit | {"name": "device placement"})
        return
    best = max(routed, key=lambda run: run.fmax_mhz)
    document["used"] |= best.used
    document["fmax_mhz"] = best.fmax_mhz
    document["fmax_median_mhz"] = round(statistics.median(run.fmax_mhz for run in routed), 2)
    document["worst_path"] = best.worst_path
    document["timing_met"] = best.fmax_mhz >= document["target_mhz"]
    if not document["timing_met"]:
        path = best.worst_path or {"by_instance_ns": {"": 0.0}, "from": "", "to": ""}
        worst, delay = next(iter(path["by_instance_ns"].items()))
        offender = f"{worst}: {delay} ns of the path {path['from']} -> {path['to']}"
        document["limits"].append(
            {
                "name": "clock_mhz",
                "asked": document["target_mhz"],
                "reached": best.fmax_mhz,
                "offender": offender,
            }
        )
        return
    image = place.pack(board, best, folder)
    document["files"] = [str(path) for path in _files(board, image, folder, firmware)]


def _files(board: Any, image: Path, folder: Path, firmware: Path | None) -> list[Path]:
    """What is loaded: the gateware, and with a firmware the flash's contents behind it."""
    from cfukit_soc.synthesis.flash_image import dfu, flash_image

    gateware = folder / image.name
    write_atomic(gateware, image.read_bytes())
    files = [gateware]
    if board.flash is None:
        return files
    whole = image.read_bytes()
    if firmware is not None:
        behind = flash_image(firmware, board.flash)
        write_atomic(folder / f"{board.name}.firmware", behind)
        files.append(folder / f"{board.name}.firmware")
        room = board.flash.begin_bytes - board.hardware.image_begin_bytes
        whole = whole.ljust(room, b"\xff") + behind
    if board.hardware.dfu:
        write_atomic(folder / f"{board.name}.dfu", dfu(whole, *board.hardware.dfu))
        files.append(folder / f"{board.name}.dfu")
    return files
