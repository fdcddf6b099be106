"""build.json: what synthesis, placement and packing made of a system. Schema of `area` and `bitstream`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cfukit_base.artefacts.artefact import Artefact
from cfukit_base.artefacts.limits import Limit

Resources = dict[str, int]  # "lut", "ff", "bram", "dsp"; "lc" and "spram" on iCE40


@dataclass(frozen=True, kw_only=True)
class Placement:
    """One seed. fmax_mhz: None if there was no room."""

    seed: int
    fmax_mhz: float | None


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Resources of the system's parts; None where they were not looked at."""

    cpu: Resources | None
    cfu: Resources | None
    soc: Resources | None


@dataclass(frozen=True, kw_only=True)
class ModuleUse:
    """A module of the CFU, synthesised alone, and the instructions that it holds."""

    module: str
    instructions: tuple[str, ...]
    used: Resources


@dataclass(frozen=True, kw_only=True)
class FamilyUse:
    """The CFU on one FPGA family."""

    name: str
    used: Resources
    parts: tuple[ModuleUse, ...]


@dataclass(frozen=True, kw_only=True)
class WorstPath:
    """The slowest path of the system's clock, from cell `begin` to cell `end`; by_instance_ns: its delay by instance, largest first."""

    delay_ns: float
    begin: str
    end: str
    by_instance_ns: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class NetlistRun:
    """What the synthesised netlist did in simulation."""

    output: str
    cycles: int


@dataclass(frozen=True, kw_only=True)
class Build(Artefact):
    """The document cfukit.build/1.

    * timing_met, fmax_mhz, fmax_median_mhz: None if nothing was routed.
    * percent: `used` of `available`.
    * families: of `area`; empty for `bitstream`.
    * notes: what a person should know before loading the files.
    * tools: versions by name.
    """

    schema: Literal["cfukit.build/1"] = "cfukit.build/1"
    ok: bool
    project: str
    board: str
    cpu: str
    family: str
    fits: bool
    timing_met: bool | None
    target_mhz: float
    fmax_mhz: float | None
    fmax_median_mhz: float | None
    seeds: tuple[Placement, ...]
    used: Resources
    available: Resources
    percent: dict[str, float]
    parts: Parts
    families: tuple[FamilyUse, ...]
    limits: tuple[Limit, ...]
    worst_path: WorstPath | None
    netlist: NetlistRun | None
    files: tuple[str, ...]
    notes: tuple[str, ...]
    tools: dict[str, str]
