"""Place and route with nextpnr, one run per seed; then pack the best one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cfukit_base import progress
from cfukit_base.artefacts.build import Resources, WorstPath
from cfukit_base.cache import cached
from cfukit_base.digest import digest_of
from cfukit_base.errors import BuildError
from cfukit_base.tools import Tool
from cfukit_soc.boards import Board
from cfukit_soc.synthesis.programs import program, run_logged
from cfukit_soc.synthesis.timing import read_report
from cfukit_soc.synthesis.top import constraints

ROUTERS = {"ice40": "nextpnr-ice40", "ecp5": "nextpnr-ecp5", "gowin": "nextpnr-gowin"}
_PACKER = {"ice40": "icepack", "ecp5": "ecppack", "gowin": "gowin_pack"}
_OUTPUT = {
    "ice40": ("--asc", "placed.asc"),
    "ecp5": ("--textcfg", "placed.config"),
    "gowin": ("--write", "placed.json"),
}
SUFFIX = {"ice40": "bin", "ecp5": "bit", "gowin": "fs"}
WATCH = (
    ("Packing", "packing"),
    ("ICESTORM_LC:", "LC {}"),
    ("TRELLIS_COMB:", "LUT {}"),
    (" LUT4:", "LUT {}"),
    ("Running main analytical placer", "placing"),
    ("HeAP Placer Time", "placed"),
    ("Running simulated annealing", "refining"),
    ("Routing", "routing"),
    ("Max frequency", "timing"),
)
# What nextpnr says when there is no room.
_NO_ROOM = ("Unable to place cell", "no BELs remaining", "Unable to find legal placement", "failed to place")
# Resources as nextpnr counts them after packing: they replace what synthesis could only estimate.
_PLACED = {
    "ice40": {"ICESTORM_LC": "lc"},
    "ecp5": {"TRELLIS_COMB": "lut", "TRELLIS_FF": "ff", "DP16KD": "bram", "MULT18X18D": "dsp"},
    "gowin": {"LUT4": "lut", "DFF": "ff", "BSRAM": "bram"},
}


@dataclass(frozen=True)
class Routed:
    """One seed.

    * folder: the entry with the placed design. fmax_mhz: of the system's clock. Both None: there was no room, see `problem`.
    * used: resources as counted after packing.
    """

    seed: int
    folder: Path | None
    fmax_mhz: float | None
    worst_path: WorstPath | None
    used: Resources
    problem: str = ""


def tools(board: Board) -> tuple[Tool, Tool]:
    """Router and packer of the board's family. MissingToolError, before anything is built, if they are not installed."""
    assert board.fpga is not None
    return program(ROUTERS[board.fpga.family]), program(_PACKER[board.fpga.family])


def route(board: Board, netlist_dir: Path, clock_hz: int, seed: int, build_dir: Path) -> Routed:
    """Place and route `netlist_dir`/netlist.json with this seed for a clock of `clock_hz`. Cached by digest."""
    assert board.fpga is not None
    family, place = board.fpga.family, board.fpga.place
    router, _ = tools(board)
    name, text = constraints(board)
    key = digest_of(netlist_dir.name, router.identity, text, list(place), clock_hz, seed)
    log = build_dir / "logs" / f"route-{board.name}-seed{seed}.log"

    def build(folder: Path) -> None:
        (folder / name).write_text(text)
        option, file = _OUTPUT[family]
        words = [*place, "--json", "in.json", option, file, "--report", "report.json"]
        words += ["--freq", f"{clock_hz / 1e6:g}", "--seed", str(seed), "--timing-allow-fail"]
        # Programs in WebAssembly see only the folder they run in.
        (folder / "in.json").hardlink_to(netlist_dir / "netlist.json")
        words += ["--vopt", f"cst={name}"] if family == "gowin" else [f"--{name.rpartition('.')[2]}", name]
        with progress.stage(f"placing and routing {board.name}, seed {seed}"):
            run_logged(router, words, directory=folder, log=log, makes=(file, "report.json"), watch=WATCH)
        (folder / "in.json").unlink()

    try:
        entry = cached(build_dir, f"route-{board.name}", key, build)
    except BuildError as error:
        if not any(text in error.given for text in _NO_ROOM):
            raise
        return Routed(seed, None, None, None, {}, error.given)
    report = read_report(entry / "report.json")
    counted = {
        _PLACED[family][bel]: use.used for bel, use in report.utilization.items() if bel in _PLACED[family]
    }
    return Routed(seed, entry, report.fmax_mhz, report.worst_path, counted)


def pack(board: Board, routed: Routed, build_dir: Path) -> Path:
    """The configuration file of a routed design. Cached by digest."""
    assert board.fpga is not None and routed.folder is not None
    family, words = board.fpga.family, list(board.fpga.pack)
    _, packer = tools(board)
    name, placed = f"{board.name}.{SUFFIX[family]}", _OUTPUT[family][1]
    source = routed.folder / placed
    words += ["-o", name, placed] if family == "gowin" else [placed, name]
    log = build_dir / "logs" / f"pack-{board.name}.log"

    def build(folder: Path) -> None:
        (folder / placed).hardlink_to(source)
        with progress.stage(f"packing {name}"):
            run_logged(packer, words, directory=folder, log=log, makes=(name,))
        (folder / placed).unlink()

    key = digest_of(routed.folder.name, packer.identity, words)
    return cached(build_dir, f"pack-{board.name}", key, build) / name
