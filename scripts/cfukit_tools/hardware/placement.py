"""Placing and routing a netlist: with nextpnr and several seeds, or with a vendor's tool that is here."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cfukit_base.artefacts import Soc
from cfukit_base.artefacts.build import Placement, Resources, WorstPath
from cfukit_base.artefacts.limits import Limit
from cfukit_base.cache import writing
from cfukit_base.process import in_parallel
from cfukit_tools.project.system import System

if TYPE_CHECKING:
    from cfukit_soc.boards import Board


@dataclass(frozen=True)
class Placed:
    """What placement found. image: the configuration file, None if there is none to load; used: counted after packing."""

    seeds: tuple[Placement, ...] = ()
    fmax_mhz: float | None = None
    fmax_median_mhz: float | None = None
    timing_met: bool | None = None
    worst_path: WorstPath | None = None
    used: Resources = field(default_factory=dict)
    limits: tuple[Limit, ...] = ()
    image: Path | None = None
    tools: dict[str, str] = field(default_factory=dict)


def place_with_seeds(
    board: Board,
    netlist: Path,
    soc: Soc,
    seeds: Sequence[int],
    folder: Path,
    jobs: int,
    *,
    until_met: bool = False,
) -> Placed:
    """Place once per seed, `jobs` at a time; the fastest is packed if it meets the clock.

    until_met: the seeds behind those with which the clock is met are not tried.
    """
    from cfukit_soc.synthesis import place

    def routed(seed: int) -> place.Routed:
        return place.route(board, netlist, soc.clock_hz, seed, folder)

    runs: list[place.Routed] = []
    at_once = jobs if until_met else len(seeds)
    for begin in range(0, len(seeds), at_once):
        runs += in_parallel(routed, seeds[begin : begin + at_once], jobs)
        if until_met and any((run.fmax_mhz or 0.0) * 1e6 >= soc.clock_hz for run in runs):
            break
    tried = tuple(Placement(seed=run.seed, fmax_mhz=run.fmax_mhz) for run in runs)
    speeds = {run.seed: run.fmax_mhz for run in runs if run.fmax_mhz is not None}
    if not speeds:
        limit = Limit(name="device placement", asked=1, reached=0, offender=runs[0].problem)
        return Placed(seeds=tried, limits=(limit,))
    best = max((run for run in runs if run.seed in speeds), key=lambda run: speeds[run.seed])
    fmax = speeds[best.seed]
    slow = too_slow(soc, fmax, best.worst_path)
    return Placed(
        seeds=tried,
        fmax_mhz=fmax,
        fmax_median_mhz=round(statistics.median(speeds.values()), 2),
        timing_met=not slow,
        worst_path=best.worst_path,
        used=best.used,
        limits=slow,
        image=None if slow else place.pack(board, best, folder),
    )


def too_slow(
    soc: Soc, fmax_mhz: float, path: WorstPath | None, *, refused: bool = False
) -> tuple[Limit, ...]:
    """The limit that a missed clock exceeds, with the part of the worst path that takes longest.

    refused: the tool itself made no file because of timing.
    """
    asked = soc.clock_hz / 1e6
    if fmax_mhz >= asked and not refused:
        return ()
    way = ""
    if path is not None and path.begin:
        way = f"the path {path.begin} -> {path.end}"
    for name, delay in (path.by_instance_ns if path else {}).items():
        way = f"{name}: {delay} ns of {way}"  # the first takes longest
        break
    return (Limit(name="clock_mhz", asked=asked, reached=fmax_mhz, offender=way),)


def vendor_scripts(
    system: System, board: Board, rom: list[int] | None, folder: Path, synthesis_only: bool
) -> list[Path]:
    """Write sources and scripts for tools that are not wheels to `folder`/vendor. MissingToolError if one is needed and none is here."""
    from cfukit_soc.synthesis import vendor
    from cfukit_soc.synthesis.system import write_sources

    place = folder / "vendor"
    soc_json, cfu = system.hardware_soc_json, system.cfu_or_stub
    with writing(place):
        place.mkdir(parents=True, exist_ok=True)
        sources = write_sources(board, soc_json, cfu, rom, place)
        scripts = vendor.write_scripts(board, Soc.read(soc_json).clock_hz, sources, place)
    if not synthesis_only and vendor.router() is None:
        raise vendor.missing(place)
    return scripts


def place_with_vendor(board: Board, netlist: Path, soc: Soc, folder: Path) -> Placed:
    """Place and route with the vendor's tool that is here."""
    from cfukit_soc.synthesis import vendor

    tool = vendor.router()
    assert tool is not None
    with writing(folder / "vendor"):
        (folder / "vendor" / "netlist.json").write_bytes((netlist / "netlist.json").read_bytes())
        run = vendor.build(board, tool, folder / "vendor", folder / "logs" / f"route-{board.name}.log")
    slow = too_slow(soc, run.fmax_mhz, run.worst_path, refused=run.file is None)
    return Placed(
        seeds=(Placement(seed=1, fmax_mhz=run.fmax_mhz),),
        fmax_mhz=run.fmax_mhz,
        fmax_median_mhz=run.fmax_mhz,
        timing_met=not slow,
        worst_path=run.worst_path,
        limits=slow,
        image=None if slow else run.file,
        tools={tool: vendor.version(tool)},
    )
