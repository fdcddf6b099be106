"""The verb area: what a project's CFU costs on each FPGA family, in seconds and without placing anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cfukit_base.process import in_parallel
from cfukit_tools.checking import at_least
from cfukit_tools.project.cpu import cpu_of
from cfukit_tools.project.project import Project, load_target
from cfukit_tools.project.system import System

Document = dict[str, Any]
NO_FPGA_FAMILY = "xc7"  # whose LUTs [limits] lut means on a board that is only simulated


def area(
    target: Path = Path(),
    *,
    board: str = "",
    assignments: tuple[str, ...] = (),
    variant: str = "",
    family: str = "",
    jobs: int = 0,
) -> Document:
    """Synthesise the CFU alone for `family` ("" = all); the document cfukit.build/1 with `families`.

    `used` and `limits` are those of the board's family; on a board that is only simulated, of NO_FPGA_FAMILY or the one asked for.
    ok: no limit exceeded, and the CFU alone fits into the board's FPGA.
    """
    from cfukit_soc.boards import board_named
    from cfukit_soc.synthesis.area import cfu_area
    from cfukit_soc.synthesis.families import FAMILIES, family_named

    at_least(0, jobs=jobs)
    if family:
        family_named(family)
    project = load_target(target, board=board, assignments=assignments, variant=variant)
    the_board = board_named(project["soc.board"])
    fpga = the_board.fpga
    system = System(project)
    names = [family] if family else list(FAMILIES)
    main = family or (fpga.family if fpga else NO_FPGA_FAMILY)
    verilog = system.cfu_verilog
    found: dict[str, Document] = {
        name: {"used": dict.fromkeys(FAMILIES[name].resources, 0), "parts": [], "tools": {}} for name in names
    }
    if verilog is not None:
        folder = project.build_dir / "area"
        made = in_parallel(lambda name: cfu_area(verilog, name, folder), names, jobs or 2)
        found = dict(zip(names, made, strict=True))
    used = found[main]["used"]
    available = dict(fpga.available) if fpga and fpga.family == main else {}
    exceeded = limits_of(project, used, _named(system, found[main]["parts"]))
    fits = all(used[name] <= available[name] for name in available if name in used)
    exceeded += does_not_fit(used, available, "the CFU alone")
    return {
        "schema": "cfukit.build/1",
        "ok": fits and not exceeded,
        "project": project.name,
        "board": the_board.name,
        "cpu": cpu_name(project),
        "family": main,
        "fits": fits,
        "timing_met": None,
        "target_mhz": (project["soc.clock_hz"] or the_board.clock_hz) / 1e6,
        "fmax_mhz": None,
        "seeds": [],
        "used": used,
        "available": available,
        "percent": percent(used, available),
        "parts": {"cpu": None, "cfu": used, "soc": None},
        "families": [
            {"name": name, "used": item["used"], "parts": _named(system, item["parts"])}
            for name, item in found.items()
        ],
        "limits": exceeded,
        "worst_path": None,
        "files": [],
        "notes": [],
        "tools": found[main]["tools"],
    }


def cpu_name(project: Project) -> str:
    """The CPU of the project's system, as outputs call it."""
    from cfukit_cpu import configuration

    return configuration(cpu_of(project)).name


def limits_of(project: Project, used: dict[str, int], parts: list[Document]) -> list[Document]:
    """[limits] lut and dsp that `used` exceeds, with the largest part."""
    exceeded = []
    for name in ("lut", "dsp"):
        asked = project[f"limits.{name}"]
        if asked and used.get(name, 0) > asked:
            worst = max(parts, key=lambda part: int(part["used"][name]), default=None)
            offender = f"{part_name(worst)}: {worst['used'][name]}" if worst else ""
            exceeded.append({"name": name, "asked": asked, "reached": used[name], "offender": offender})
    return exceeded


def part_name(part: Document) -> str:
    """For people: its instructions, else its module."""
    if part["module"] == "Cfu":
        return "front end and results"
    return ", ".join(part.get("instructions", [])) or str(part["module"])


def percent(used: dict[str, int], available: dict[str, int]) -> dict[str, float]:
    """Of what the device has."""
    return {name: round(100 * used[name] / n, 1) for name, n in available.items() if name in used}


def does_not_fit(used: dict[str, int], available: dict[str, int], offender: str) -> list[Document]:
    """What exceeds the device."""
    return [
        {"name": f"device {name}", "asked": available[name], "reached": used[name], "offender": offender}
        for name in available
        if used.get(name, 0) > available[name]
    ]


def _named(system: System, parts: list[Document]) -> list[Document]:
    """Parts with the instructions that they hold: a module of that name, or the module of their shared state."""
    document = system.cfu_json
    instructions = [item["name"] for item in document["instructions"]] if document else []
    modules = {part["module"] for part in parts}
    shared = [name for name in modules if name.startswith("state_")]
    homeless = [name for name in instructions if name not in modules]

    def holds(module: str) -> list[str]:
        if module in instructions:
            return [module]
        return homeless if [module] == shared or modules == {"Cfu"} else []

    return [
        {"module": part["module"], "instructions": holds(part["module"]), "used": part["used"]}
        for part in parts
    ]
