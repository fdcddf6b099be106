"""The area of a CFU alone: totals from a flattened run, parts per instruction from a run that keeps the hierarchy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from cfukit_base import progress
from cfukit_base.artefacts.build import Resources
from cfukit_base.cache import cached
from cfukit_base.digest import digest_of
from cfukit_base.errors import UsageError
from cfukit_base.typed_json import decoded
from cfukit_soc.synthesis.families import Family, family_named
from cfukit_soc.synthesis.programs import naming, program, run_logged
from cfukit_soc.synthesis.statistics import cells_by_module

WATCH = (
    ("Executing PROC pass", "reading"),
    ("Executing FSM pass", "optimising"),
    ("Executing ALUMACC pass", "arithmetic"),
    ("Executing MEMORY pass", "memories"),
    ("Executing TECHMAP pass", "mapping"),
    ("Executing ABC", "logic"),
    ("Executing STAT pass", "counting"),
)
_READ = {".v": "read_verilog", ".sv": "read_verilog -sv"}
_FORMAT = 3  # raise when area.json changes


@dataclass(frozen=True)
class PartArea:
    """A module of the CFU; "Cfu" is what lies in the top module itself."""

    module: str
    used: Resources


@dataclass(frozen=True)
class CfuArea:
    """The CFU on a family.

    * used: of the flattened CFU.
    * parts: every module below the top that has cells, and the top. Their sum is more than `used`, which is optimised as one.
    """

    used: Resources
    parts: tuple[PartArea, ...]
    tools: dict[str, str]


def cfu_area(cfu_verilog: Path, family_name: str, build_dir: Path) -> CfuArea:
    """The resources of module `Cfu` in `cfu_verilog` on a family ("ice40", "ecp5", "gowin", "xc7"), cached in `build_dir`.

    BuildError with Yosys' words if it does not synthesise; MissingToolError without yosys.
    """
    family = family_named(family_name)
    if not cfu_verilog.is_file():
        raise UsageError(str(cfu_verilog), "no such file", allowed="a Verilog file with a module Cfu")
    yosys = program("yosys")
    includes = sorted(cfu_verilog.parent.glob("*.vh"))
    key = digest_of(cfu_verilog, *includes, yosys.identity, family.synth, _FORMAT)

    def build(folder: Path) -> None:
        with progress.stage(f"synthesising the CFU for {family.name}"):
            found = _synthesise(cfu_verilog, family, folder)
            (folder / "area.json").write_bytes(msgspec.json.encode(found))

    entry = cached(build_dir, f"area-{family.name}", key, build)
    return decoded((entry / "area.json").read_bytes(), CfuArea)


def _synthesise(cfu_verilog: Path, family: Family, folder: Path) -> CfuArea:
    yosys = program("yosys")
    source = "cfu" + cfu_verilog.suffix
    (folder / source).write_bytes(cfu_verilog.read_bytes())
    for include in cfu_verilog.parent.glob("*.vh"):
        (folder / include.name).write_bytes(include.read_bytes())
    read = _READ.get(cfu_verilog.suffix, "read_verilog")
    # Input and output buffers are no part of a CFU; ECP5's synthesis makes none.
    buffers = {"xc7": " -noiopad -noclkbuf", "gowin": " -noiopads"}.get(family.name, "")
    synth = f"{family.synth}{buffers} -top Cfu"
    script = [
        f"{read} {source}",
        "hierarchy -check -top Cfu",
        "design -save read",
        synth + (" -flatten" if family.name == "xc7" else ""),
        "delete t:$scopeinfo",
        "tee -q -o flat.json stat -json",
        "design -load read",
        # ABC optimises each module alone. -noflatten keeps a hierarchy that the family's command would flatten.
        synth + ("" if family.name == "xc7" else " -noflatten"),
        "tee -q -o parts.json stat -json",
    ]
    (folder / "area.ys").write_text("\n".join(script) + "\n")
    kept = folder.parent / f"area-{family.name}.log"
    with naming(str(cfu_verilog), "does not synthesise"):
        made = ("flat.json", "parts.json")
        run_logged(yosys, ["-s", "area.ys"], directory=folder, log=kept, makes=made, watch=WATCH)
    return CfuArea(
        used=family.count(cells_by_module(folder / "flat.json")["Cfu"]),
        parts=_parts(family, cells_by_module(folder / "parts.json")),
        tools={yosys.name: yosys.version},
    )


def _parts(family: Family, cells: dict[str, dict[str, int]]) -> tuple[PartArea, ...]:
    """Each module's own cells times its number of instances; a part includes its children."""

    def whole(name: str) -> dict[str, int]:
        total: dict[str, int] = {}
        for cell, number in cells[name].items():
            inner = whole(cell.lstrip("\\")) if cell.lstrip("\\") in cells else {cell: 1}
            for kind, n in inner.items():
                total[kind] = total.get(kind, 0) + number * n
        return total

    children = sorted(cell for cell in cells["Cfu"] if cell.lstrip("\\") in cells)
    own = {cell: n for cell, n in cells["Cfu"].items() if cell not in children}
    found = [
        PartArea(
            child.lstrip("\\").removeprefix("Cfu."),
            family.count({k: n * cells["Cfu"][child] for k, n in whole(child.lstrip("\\")).items()}),
        )
        for child in children
    ]
    return (PartArea("Cfu", family.count(own)), *found)
