"""The verb bitstream: a project's whole system on its board, synthesised, placed with several seeds, the best one packed."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from cfukit_base.cache import write_atomic, writing
from cfukit_base.errors import UsageError
from cfukit_base.process import in_parallel
from cfukit_tools.checking import at_least
from cfukit_tools.project.project import load_target
from cfukit_tools.project.system import System
from cfukit_tools.verbs.area import cpu_name, does_not_fit, limits_of, percent

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
    synthesis_only: bool = False,
    jobs: int = 0,
) -> Document:
    """Build the board's configuration; the document cfukit.build/1, also in build.json beside the files.

    seeds: how many placements to try, from `seed` on (0: SEEDS); firmware: an ELF of the board to put behind the
    gateware, where there is flash; None: the boot loader, for engine board. synthesis_only: resources, nothing is placed.
    ok is false if the system does not fit, misses its clock or exceeds [limits]; then no file is made.
    """
    from cfukit_soc.boards import boards, real_board_named
    from cfukit_soc.synthesis import place
    from cfukit_soc.synthesis.flash_image import rom_words
    from cfukit_soc.synthesis.system import synthesise

    at_least(0, seeds=seeds, seed=seed, jobs=jobs)
    project = load_target(target, board=board, assignments=assignments, variant=variant, compiler=compiler)
    the_board = real_board_named(project["soc.board"])
    assert the_board.hardware is not None and the_board.fpga is not None
    if the_board.flash is None and (firmware or run_netlist):
        raise UsageError(
            "--firmware" if firmware else "--run-netlist",
            f"board '{the_board.name}' has no flash for a program",
            allowed=f"one with flash: {', '.join(name for name, other in boards().items() if other.flash)}",
            hint="its boot loader takes programs over the serial port: cfukit exec --engine board",
        )
    vendor = the_board.fpga.family not in place.SUFFIX
    used_tools = [] if vendor or synthesis_only else [*place.tools(the_board)]
    system = System(project)
    in_flash = _elf(system, firmware or system.boot_loader) if the_board.flash is not None else None
    alone = _elf(system, run_netlist) if run_netlist is not None else None
    folder = project.board_dir / "bitstream"
    soc_json = system.hardware_soc_json
    soc = json.loads(soc_json.read_text())
    rom = rom_words(soc, the_board.flash, system.boot_loader)
    scripts = _vendor_scripts(system, the_board, rom, folder, synthesis_only) if vendor else []
    netlist = synthesise(the_board, soc_json, system.cfu_or_stub, rom, folder)
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
        "notes": _notes(soc),
        "tools": {tool.name: tool.version for tool in [*used_tools, _yosys()]},
    }
    named = [{"module": name, "used": values} for name, values in parts.items()]
    document["limits"] = limits_of(project, used, named) + _too_large(used, available, parts)
    if document["limits"]:
        pass  # it would not fit, or is larger than it may be
    elif alone is not None:
        from cfukit_soc.synthesis.netlist import run_netlist as run

        ran = run(the_board, netlist, alone, folder)
        document["netlist"] = {"output": _text(ran.output), "cycles": ran.cycles}
    elif vendor and not synthesis_only:
        _judge_vendor(document, the_board, netlist, folder)
    elif not synthesis_only:
        numbers = range(seed, seed + (seeds or SEEDS))
        runs = in_parallel(
            lambda number: place.route(the_board, netlist, soc["clock_hz"], number, folder),
            list(numbers),
            jobs or 2,
        )
        _judge(document, the_board, runs, folder, in_flash)
    if synthesis_only:
        document["files"] = [str(path) for path in scripts]
    document["percent"] = percent(used, available)
    document["fits"] = not any(limit["name"].startswith("device ") for limit in document["limits"])
    document["ok"] = not document["limits"]
    # `load` takes build.json for what is loaded: what places nothing does not replace it.
    name = "synthesis.json" if synthesis_only or alone is not None else "build.json"
    write_atomic(folder / name, json.dumps(document, indent=1) + "\n")
    return document


def _notes(soc: Document) -> list[str]:
    """What a person should know before loading it."""
    if "ddr3_out_of_specification" in soc["constants"]:
        return [f"DDR3 at {soc['clock_hz'] / 1e6:g} MHz is out of specification: below its slowest clock"]
    return []


def _elf(system: System, program: Path) -> Path:
    """A program for the board, compiled if it is a source."""
    from cfukit_tools.verbs.exec import compiled

    if not program.is_file():
        raise UsageError(str(program), "no such file", allowed="a .c, .S or .elf")
    return program if program.suffix == ".elf" else compiled(system, program)


def _text(output: bytes) -> str:
    """The program's text without the records of its end."""
    from cfukit_base.protocol import wire

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
        _too_slow(document)
        return
    image = place.pack(board, best, folder)
    document["files"] = [str(path) for path in _files(board, image, folder, firmware)]


def _too_slow(document: Document) -> None:
    path = document["worst_path"] or {"by_instance_ns": {}, "from": "", "to": ""}
    way = f"the path {path['from']} -> {path['to']}" if path["from"] else ""
    for name, delay in path["by_instance_ns"].items():
        way = f"{name}: {delay} ns of {way}"  # the part with most of it
        break
    reached = {"asked": document["target_mhz"], "reached": document["fmax_mhz"], "offender": way}
    document["limits"].append({"name": "clock_mhz", **reached})


def _vendor_scripts(
    system: System, board: Any, rom: list[int] | None, folder: Path, synthesis_only: bool
) -> list[Path]:
    """Sources and scripts for tools that are not wheels, in `folder`/vendor; an error if neither tool is here and one is needed."""
    from cfukit_soc.synthesis import vendor
    from cfukit_soc.synthesis.system import write_sources

    place = folder / "vendor"
    soc_json, cfu = system.hardware_soc_json, system.cfu_or_stub
    clock_hz = json.loads(soc_json.read_text())["clock_hz"]
    with writing(place):
        place.mkdir(parents=True, exist_ok=True)
        sources = write_sources(board, soc_json, cfu, rom, place)
        scripts = vendor.write_scripts(board, clock_hz, sources, place)
    if not synthesis_only and vendor.router() is None:
        raise vendor.missing(place)
    return scripts


def _judge_vendor(document: Document, board: Any, netlist: Path, folder: Path) -> None:
    """Place and route with what is found; speed and file to `document`."""
    from cfukit_soc.synthesis import vendor

    tool = vendor.router()
    assert tool is not None
    with writing(folder / "vendor"):
        (folder / "vendor" / "netlist.json").write_bytes((netlist / "netlist.json").read_bytes())
        run = vendor.build(board, tool, folder / "vendor", folder / "logs" / f"route-{board.name}.log")
    document["tools"][tool] = vendor.version(tool)
    document["seeds"] = [{"seed": 1, "fmax_mhz": run.fmax_mhz}]
    document["fmax_mhz"] = document["fmax_median_mhz"] = run.fmax_mhz
    document["worst_path"] = run.worst_path
    document["timing_met"] = run.file is not None and run.fmax_mhz >= document["target_mhz"]
    if not document["timing_met"]:
        _too_slow(document)
        return
    assert run.file is not None
    write_atomic(folder / run.file.name, run.file.read_bytes())
    document["files"] = [str(folder / run.file.name)]


def _files(board: Any, image: Path, folder: Path, firmware: Path | None) -> list[Path]:
    """What is loaded: the gateware, and with a firmware the flash's contents behind it."""
    from cfukit_soc.synthesis.flash_image import AUTO_BOOT_SECONDS, dfu, flash_image, with_auto_boot

    gateware = folder / image.name
    write_atomic(gateware, image.read_bytes())
    files = [gateware]
    if board.flash is None:
        return files
    whole = image.read_bytes()
    if board.hardware.dfu:
        whole = with_auto_boot(whole, AUTO_BOOT_SECONDS)
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
