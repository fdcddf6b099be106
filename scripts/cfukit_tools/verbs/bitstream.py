"""The verb bitstream: a project's whole system on its board, synthesised, placed with several seeds, the best one packed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from cfukit_base.artefacts import Build, Soc
from cfukit_base.artefacts.build import ModuleUse, NetlistRun
from cfukit_base.errors import UsageError
from cfukit_tools.firmware.bare import compiled
from cfukit_tools.hardware.image import image_files
from cfukit_tools.hardware.placement import Placed, place_with_seeds, place_with_vendor, vendor_scripts
from cfukit_tools.hardware.resources import does_not_fit, limits_of, percent
from cfukit_tools.project.cpu import cpu_name
from cfukit_tools.project.options import at_least
from cfukit_tools.project.project import Choice, load_target
from cfukit_tools.project.system import System

if TYPE_CHECKING:
    from cfukit_soc.boards import Board

SEEDS = 4


def bitstream(
    target: Path | str = Path(),
    *,
    seeds: int = 0,
    seed: int = 1,
    firmware: Path | str | None = None,
    run_netlist: Path | str | None = None,
    synthesis_only: bool = False,
    jobs: int = 0,
    **choice: Unpack[Choice],
) -> Build:
    """Build the board's configuration; the document cfukit.build/1, also in build.json beside the files.

    * seeds: how many placements to try, from `seed` on; 0 = until one meets the clock, but at most SEEDS.
    * firmware: a program to put behind the gateware, where there is flash; None = the boot loader, for engine board.
    * run_netlist: do not place; simulate the synthesised netlist with this program in flash.
    * synthesis_only: resources alone; nothing is placed.

    ok is false if the system does not fit, misses its clock or exceeds [limits]; then no file is made.
    """
    from cfukit_soc.boards import real_board_named
    from cfukit_soc.synthesis import place
    from cfukit_soc.synthesis.flash_image import rom_words
    from cfukit_soc.synthesis.programs import program
    from cfukit_soc.synthesis.system import read_resources, synthesise

    at_least(0, seeds=seeds, seed=seed, jobs=jobs)
    project = load_target(target, **choice)
    board = real_board_named(project["soc.board"])
    assert board.fpga is not None
    own_firmware, alone_source = (Path(path) if path else None for path in (firmware, run_netlist))
    _check_flash(board, own_firmware, alone_source)
    vendor = board.fpga.family not in place.SUFFIX
    used_tools = [] if vendor or synthesis_only else [*place.tools(board)]
    system = System(project)
    in_flash = _elf(system, own_firmware or system.boot_loader) if board.flash is not None else None
    alone = _elf(system, alone_source) if alone_source is not None else None
    folder = project.board_dir / "bitstream"
    soc = Soc.read(system.hardware_soc_json)
    rom = rom_words(soc, board.flash, system.boot_loader)
    scripts = vendor_scripts(system, board, rom, folder, synthesis_only) if vendor else []
    netlist = synthesise(board, system.hardware_soc_json, system.cfu_or_stub, rom, folder)
    resources, available = read_resources(netlist), dict(board.fpga.available)
    used, parts = resources.used, resources.parts
    by_part = {"cpu": parts.cpu or {}, "cfu": parts.cfu or {}, "soc": parts.soc or {}}
    modules = [ModuleUse(module=name, instructions=(), used=values) for name, values in by_part.items()]
    limits = [*limits_of(project, used, modules), *does_not_fit(used, available, by_part)]
    tools = {tool.name: tool.version for tool in [*used_tools, program("yosys")]}
    placed, files, ran = Placed(), tuple(map(str, scripts)) if synthesis_only else (), None
    if limits or synthesis_only:
        pass  # it does not fit, is larger than it may be, or nobody wants it placed
    elif alone is not None:
        ran = _netlist_run(board, netlist, alone, folder)
    elif vendor:
        placed = place_with_vendor(board, netlist, soc, folder)
    else:
        numbers = range(seed, seed + (seeds or SEEDS))
        placed = place_with_seeds(board, netlist, soc, numbers, folder, jobs or 2, until_met=not seeds)
    limits += placed.limits
    used = used | placed.used
    if placed.image is not None:
        files = tuple(str(path) for path in image_files(board, placed.image, folder, in_flash))
    document = Build(
        ok=not limits,
        project=project.name,
        board=board.name,
        cpu=cpu_name(project),
        family=board.fpga.family,
        fits=not any(limit.name.startswith("device ") for limit in limits),
        timing_met=placed.timing_met,
        target_mhz=soc.clock_hz / 1e6,
        fmax_mhz=placed.fmax_mhz,
        fmax_median_mhz=placed.fmax_median_mhz,
        seeds=placed.seeds,
        used=used,
        available=available,
        percent=percent(used, available),
        parts=parts,
        families=(),
        limits=tuple(limits),
        worst_path=placed.worst_path,
        netlist=ran,
        files=files,
        notes=_notes(soc),
        tools=tools | placed.tools,
    )
    # `load` takes build.json for what is loaded: what places nothing does not replace it.
    name = "synthesis.json" if synthesis_only or alone is not None else "build.json"
    document.write(folder / name)
    return document


def _check_flash(board: Board, firmware: Path | None, run_netlist: Path | None) -> None:
    from cfukit_soc.boards import boards

    if board.flash is None and (firmware or run_netlist):
        raise UsageError(
            "--firmware" if firmware else "--run-netlist",
            f"board '{board.name}' has no flash for a program",
            allowed=f"one with flash: {', '.join(name for name, other in boards().items() if other.flash)}",
            hint="its boot loader takes programs over the serial port: cfukit exec --engine board",
        )


def _notes(soc: Soc) -> tuple[str, ...]:
    """What a person should know before loading it."""
    if "ddr3_out_of_specification" in soc.constants:
        return (f"DDR3 at {soc.clock_hz / 1e6:g} MHz is out of specification: below its slowest clock",)
    return ()


def _elf(system: System, program: Path) -> Path:
    """A program for the board, compiled if it is a source."""
    if not program.is_file():
        raise UsageError(str(program), "no such file", allowed="a .c, .S or .elf")
    return program if program.suffix == ".elf" else compiled(system, program)


def _netlist_run(board: Board, netlist: Path, program: Path, folder: Path) -> NetlistRun:
    """What the netlist sends as text, without the records of the program's end."""
    from cfukit_base.protocol import wire
    from cfukit_soc.synthesis.netlist import run_netlist

    ran = run_netlist(board, netlist, program, folder)
    decoder = wire.Decoder()
    events = [*decoder.feed(ran.output), *decoder.close()]
    text = b"".join(event for event in events if isinstance(event, bytes))
    assert ran.cycles is not None
    return NetlistRun(output=text.decode(errors="replace"), cycles=ran.cycles)
