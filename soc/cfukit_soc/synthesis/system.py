"""Synthesis of a whole system: its netlist for placement, and the resources of the system, the CPU, the CFU and the rest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from cfukit_base import progress
from cfukit_base.artefacts import Soc
from cfukit_base.artefacts.build import Parts, Resources
from cfukit_base.cache import cached
from cfukit_base.digest import digest_of
from cfukit_base.typed_json import decoded
from cfukit_soc.boards import Board
from cfukit_soc.generate import HARNESS
from cfukit_soc.synthesis.area import WATCH
from cfukit_soc.synthesis.families import Family, family_named
from cfukit_soc.synthesis.flash_image import hex_words
from cfukit_soc.synthesis.programs import naming, program, run_logged
from cfukit_soc.synthesis.statistics import cells_by_module
from cfukit_soc.synthesis.top import SERIAL, top_verilog

BUS_ROM = HARNESS / "bus_rom.v"
CPU_MODULE, CFU_MODULE = "VexRiscv", "Cfu"


@dataclass(frozen=True)
class SystemResources:
    """used: of the whole system. parts: with the hierarchy kept between them."""

    used: Resources
    parts: Parts


def write_sources(
    board: Board, soc_json: Path, cfu_verilog: Path, boot_rom: list[int] | None, folder: Path
) -> list[str]:
    """Write all Verilog of the system on its board, and its $readmemh files, to `folder`; the names of the Verilog files."""
    soc = Soc.read(soc_json)
    texts = {"top.v": top_verilog(board, soc.clock_hz), "serial.v": SERIAL.read_text()}
    texts["soc.v"] = (soc_json.parent / soc.verilog).read_text()
    for name in soc.cpu.verilog:
        texts[name] = (soc_json.parent / name).read_text()
    if board.bus_rom_bytes:
        texts["bus_rom.v"] = BUS_ROM.read_text()
    if boot_rom is not None:
        (folder / "boot_rom.hex").write_text(hex_words(boot_rom))
        texts = {"boot_rom.v": '`define CFUKIT_BOOT_ROM "boot_rom.hex"\n', **texts}
    texts["cfu" + cfu_verilog.suffix] = cfu_verilog.read_text()
    for path in (*soc_json.parent.glob("*.init"), *cfu_verilog.parent.glob("*.vh")):
        (folder / path.name).write_bytes(path.read_bytes())
    for name, text in texts.items():
        (folder / name).write_text(text)
    return list(texts)


def synthesise(
    board: Board, soc_json: Path, cfu_verilog: Path, boot_rom: list[int] | None, build_dir: Path
) -> Path:
    """The folder with netlist.json, netlist.v and resources.json (see `read_resources`) of the system on its board.

    Cached by digest. BuildError with Yosys' words, MissingToolError without yosys.
    """
    assert board.fpga is not None
    family = family_named(board.fpga.family)
    yosys = program("yosys")
    soc = Soc.read(soc_json)
    key = digest_of(
        soc.digest,
        cfu_verilog,
        boot_rom,
        top_verilog(board, soc.clock_hz),
        SERIAL,
        BUS_ROM,
        yosys.identity,
        _script(family, []),
    )

    def build(folder: Path) -> None:
        files = write_sources(board, soc_json, cfu_verilog, boot_rom, folder)
        log = build_dir / "logs" / f"synthesis-{board.name}.log"
        (folder / "synthesis.ys").write_text("\n".join(_script(family, files)) + "\n")
        with (
            progress.stage(f"synthesising the system for {board.name}"),
            naming(board.name, "does not synthesise"),
        ):
            makes = ("netlist.json", "netlist.v", "flat.json", "parts.json")
            run_logged(yosys, ["-s", "synthesis.ys"], directory=folder, log=log, makes=makes, watch=WATCH)
        flat, kept = cells_by_module(folder / "flat.json"), cells_by_module(folder / "parts.json")
        resources = SystemResources(family.count(flat["top"]), _parts(family, kept))
        (folder / "resources.json").write_bytes(msgspec.json.encode(resources))

    return cached(build_dir, f"synthesis-{board.name}", key, build)


def read_resources(netlist: Path) -> SystemResources:
    """What is used in the folder that `synthesise` returned."""
    return decoded((netlist / "resources.json").read_bytes(), SystemResources)


def _script(family: Family, files: list[str]) -> list[str]:
    flatten = " -flatten" if family.name == "xc7" else ""
    # nextpnr-xilinx routes no cascades between multipliers.
    before = ["scratchpad -set xilinx_dsp.multonly 1"] if family.name == "xc7" else []
    kept = [f"setattr -mod -set keep_hierarchy 1 {module}" for module in (CPU_MODULE, CFU_MODULE)]
    read = [f"read_verilog {'-sv ' if name.endswith('.sv') else ''}{name}" for name in files]
    return [
        *read,
        *before,
        "design -save read",
        f"{family.synth}{flatten} -top top",
        "delete t:$scopeinfo",  # nextpnr would place them
        "tee -q -o flat.json stat -json",
        "write_json netlist.json",
        "write_verilog -noattr netlist.v",
        "design -load read",
        *kept,
        f"{family.synth}{flatten} -top top",
        "tee -q -o parts.json stat -json",
    ]


def _parts(family: Family, cells: dict[str, dict[str, int]]) -> Parts:
    """Resources of the CPU, the CFU, and everything else, from a run that kept the hierarchy between them."""
    rest = dict(cells)

    def taken(module: str) -> Resources:
        names = [
            name for name in rest if name == module or name.startswith(f"{module}.") or f"\\{module}" in name
        ]
        return _sum(family, [rest.pop(name) for name in names])

    cpu, cfu = taken(CPU_MODULE), taken(CFU_MODULE)
    return Parts(cpu=cpu, cfu=cfu, soc=_sum(family, list(rest.values())))


def _sum(family: Family, cells: list[dict[str, int]]) -> Resources:
    total: dict[str, int] = {}
    for table in cells:
        for cell, number in table.items():
            total[cell] = total.get(cell, 0) + number
    return family.count(total)
