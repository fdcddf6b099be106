"""The verb area: what a project's CFU costs on each FPGA family, in seconds and without placing anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from cfukit_base.artefacts import Build
from cfukit_base.artefacts.build import FamilyUse, ModuleUse, Parts
from cfukit_base.process import in_parallel
from cfukit_tools.hardware.resources import does_not_fit, limits_of, percent
from cfukit_tools.project.cpu import cpu_name
from cfukit_tools.project.options import at_least
from cfukit_tools.project.project import Choice, Project, load_target
from cfukit_tools.project.system import System

if TYPE_CHECKING:
    from cfukit_soc.synthesis.area import PartArea

NO_FPGA_FAMILY = "xc7"  # whose LUTs [limits] lut means on a board that is only simulated


def area(target: Path | str = Path(), *, family: str = "", jobs: int = 0, **choice: Unpack[Choice]) -> Build:
    """Synthesise the CFU alone for `family` ("" = all); the document cfukit.build/1 with `families`.

    `used` and `limits` are those of the board's family; on a board that is only simulated, of `family` or of NO_FPGA_FAMILY.
    ok: no limit is exceeded, and the CFU alone fits into the board's FPGA.
    """
    from cfukit_soc.boards import board_named
    from cfukit_soc.synthesis.area import cfu_area
    from cfukit_soc.synthesis.families import FAMILIES, family_named

    at_least(0, jobs=jobs)
    if family:
        family_named(family)
    project = load_target(target, **choice)
    board = board_named(project["soc.board"])
    fpga = board.fpga
    system = System(project)
    names = [family] if family else list(FAMILIES)
    main = family or main_family(project)
    verilog = system.cfu_verilog
    found = {
        name: FamilyUse(name=name, used=dict.fromkeys(FAMILIES[name].resources, 0), parts=())
        for name in names
    }
    tools: dict[str, str] = {}
    if verilog is not None:
        folder = project.build_dir / "area"
        made = in_parallel(lambda name: cfu_area(verilog, name, folder), names, jobs or 2)
        for name, one in zip(names, made, strict=True):
            found[name] = FamilyUse(name=name, used=one.used, parts=_with_instructions(system, one.parts))
            tools = one.tools if name == main else tools
    used = found[main].used
    available = dict(fpga.available) if fpga and fpga.family == main else {}
    exceeded = limits_of(project, used, found[main].parts)
    too_large = does_not_fit(used, available, {"the CFU alone": used})
    return Build(
        ok=not too_large and not exceeded,
        project=project.name,
        board=board.name,
        cpu=cpu_name(project),
        family=main,
        fits=not too_large,
        timing_met=None,
        target_mhz=(project["soc.clock_hz"] or board.clock_hz) / 1e6,
        fmax_mhz=None,
        fmax_median_mhz=None,
        seeds=(),
        used=used,
        available=available,
        percent=percent(used, available),
        parts=Parts(cpu=None, cfu=used, soc=None),
        families=tuple(found.values()),
        limits=(*exceeded, *too_large),
        worst_path=None,
        netlist=None,
        files=(),
        notes=(),
        tools=tools,
    )


def main_family(project: Project) -> str:
    """The FPGA family whose figures stand for the project's board."""
    from cfukit_soc.boards import board_named

    fpga = board_named(project["soc.board"]).fpga
    return fpga.family if fpga else NO_FPGA_FAMILY


def check_tools() -> None:
    """MissingToolError without the program that counts."""
    from cfukit_soc.synthesis.programs import program

    program("yosys")


def _with_instructions(system: System, parts: tuple[PartArea, ...]) -> tuple[ModuleUse, ...]:
    """Parts with the instructions that they hold: a module of that name, or the module of their shared state."""
    described = system.cfu_json
    instructions = [item.name for item in described.instructions] if described else []
    modules = {part.module for part in parts}
    shared = [name for name in modules if name.startswith("state_")]
    homeless = tuple(name for name in instructions if name not in modules)

    def holds(module: str) -> tuple[str, ...]:
        if module in instructions:
            return (module,)
        return homeless if [module] == shared or modules == {"Cfu"} else ()

    return tuple(
        ModuleUse(module=part.module, instructions=holds(part.module), used=part.used) for part in parts
    )
