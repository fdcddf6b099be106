"""`generate_soc`: from names to files. The same arguments give the same bytes."""

from __future__ import annotations

import _thread
import contextlib
import json
import re
import sys
import threading
from pathlib import Path
from typing import Any

from cfukit_base.cache import write_atomic
from cfukit_base.digest import digest_of
from cfukit_base.errors import UsageError
from cfukit_soc.boards import BUS_ROM_BASE, SRAM_BASE, Board, Memory, board_named
from cfukit_soc.cpus import Cpu, cpu_named

SCHEMA = "cfukit.soc/1"
HARNESS = Path(__file__).parent / "harness"
CFU_STUB = HARNESS / "cfu_stub.v"
_CLOCK_RANGE_HZ = (1_000_000, 1_000_000_000)
_SRAM_RANGE_BYTES = (1024, 64 * 1024 * 1024)


def generate_soc(
    board: str,
    out_dir: Path,
    *,
    cpu: str | Path = "",
    clock_hz: int = 0,
    sram_bytes: int = 0,
    simulated: bool = True,
    from_rom: bool = False,
) -> Path:
    """Write soc.v, soc.json and the CPU's Verilog of `board` to `out_dir`; the path of soc.json.

    cpu: the path of a cpu.json, or the stock CPU's name. cpu "", clock_hz 0, sram_bytes 0: the board's own.
    soc.v instantiates `Cfu` without containing it. simulated: chips beside the FPGA are models inside soc.v; else (for synthesis)
    their pins are its ports. from_rom: a simulated system starts in the bus ROM too, as hardware does, whose contents the program has.
    Where software must initialise DRAM, LiteX's headers for that are in `generated/` beside soc.json.
    """
    the_board = board_named(board)
    the_cpu = cpu_named(cpu or the_board.cpu)
    clock_hz = clock_hz or the_board.clock_hz
    _check_range("soc.clock_hz", clock_hz, _CLOCK_RANGE_HZ, "Hz")
    memories = _memories(the_board, sram_bytes or the_board.sram_bytes)
    reset_address = the_board.reset_address
    if (start := the_cpu.start) is not None:
        reset_address = start
    from_rom = bool(the_board.bus_rom_bytes) and (from_rom or not simulated)
    if from_rom:
        reset_address = BUS_ROM_BASE
        memories = (*memories, Memory("rom", BUS_ROM_BASE, the_board.bus_rom_bytes, "rom", 2, 0))
    verilog, registers, constants, headers = _elaborate(
        the_board, the_cpu, clock_hz, memories, reset_address, simulated
    )
    cpu_verilog = the_cpu.verilog.read_text()
    if the_board.ddr3 is not None and clock_hz < the_board.ddr3.lowest_hz:
        constants["ddr3_out_of_specification"] = 1
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "board": the_board.name,
        "cpu": {
            "name": the_cpu.name,
            "isa": the_cpu.isa,
            "cfu": True,
            **the_cpu.facts,
            "reset_address": reset_address,
            "verilog": [the_cpu.file],  # beside soc.json
        },
        "clock_hz": clock_hz,
        "memories": [
            {
                "name": memory.name,
                "base": memory.base,
                "bytes": memory.bytes,
                "kind": memory.kind,
                "read_cycles": memory.read_cycles,
                "write_cycles": memory.write_cycles,
                **_place(the_board, memory),
            }
            for memory in memories
        ]
        + [dict(memory) for memory in the_cpu.memories],
        "csrs": registers,
        "constants": {**constants, "bus_timeout_cycles": the_board.bus_timeout_cycles},
        "verilog": "soc.v",
        "chips": _chips(the_board, from_rom) if simulated else [],  # models of HARNESS
    }
    if headers:
        document["headers"] = "generated"
    document["digest"] = digest_of(document, verilog, cpu_verilog, *([headers] if headers else []))
    out_dir.mkdir(parents=True, exist_ok=True)
    for name, text in headers.items():
        (out_dir / "generated").mkdir(exist_ok=True)
        write_atomic(out_dir / "generated" / name, text)
    write_atomic(out_dir / "soc.v", verilog)
    write_atomic(out_dir / the_cpu.file, cpu_verilog)
    write_atomic(out_dir / "soc.json", json.dumps(document, indent=1) + "\n")
    return out_dir / "soc.json"


def _chips(board: Board, from_rom: bool) -> list[str]:
    chips = {
        "spi_flash.v": board.flash is not None,
        "sdram.v": board.sdram is not None,
        "ddr3_store.v": board.ddr3 is not None,
        "bus_rom.v": from_rom,
    }
    return [name for name, there in chips.items() if there]


def _place(board: Board, memory: Memory) -> dict[str, str]:
    """Where its contents are in the simulated system."""
    if memory.kind == "rom":
        return {"verilog_path": "bus_rom.mem", "verilog_module": "BusRom"}
    if memory.kind == "flash":
        return {"verilog_path": "flash_chip.mem", "verilog_module": "SpiFlash"}
    if board.sdram is not None and memory.name == "main_ram":
        return {"verilog_path": "sdram_chip.mem", "verilog_module": "Sdram"}
    if board.ddr3 is not None and memory.name == "main_ram":
        return {"verilog_path": "ddr3_store.mem", "verilog_module": "Ddr3Store"}
    return {"verilog_path": memory.name}


def _memories(board: Board, sram_bytes: int) -> tuple[Memory, ...]:
    memories = board.all_memories
    if not sram_bytes:
        return memories
    _check_range("soc.sram_bytes", sram_bytes, _SRAM_RANGE_BYTES, "bytes")
    if sram_bytes & (sram_bytes - 1):
        raise UsageError("soc.sram_bytes", str(sram_bytes), allowed="a power of two")
    return (*memories, Memory("sram", SRAM_BASE, sram_bytes, "sram", read_cycles=2, write_cycles=2))


def _check_range(where: str, value: int, limits: tuple[int, int], unit: str) -> None:
    low, high = limits
    if not low <= value <= high:
        raise UsageError(where, str(value), allowed=f"{low} to {high} {unit}, or 0 for the board's own")


# Verilog, registers, constants, C headers.
Elaborated = tuple[str, dict[str, dict[str, int]], dict[str, int], dict[str, str]]
_ELABORATION = threading.Lock()  # LiteX and Migen keep what they build in globals


def _elaborate(
    board: Board,
    cpu: Cpu,
    clock_hz: int,
    memories: tuple[Memory, ...],
    reset_address: int,
    simulated: bool,
) -> Elaborated:
    """Verilog, registers and integer constants of the system (LiteX is imported only here).

    Migen names signals after the assignments in *all* frames of the stack that builds them, callers included, and
    numbers them by what the process has built before. On a stack of its own, with the numbers at 0, the names depend
    on nothing but our code.
    """
    from migen.fhdl import tracer

    results: list[Elaborated] = []
    failures: list[BaseException] = []
    done = threading.Event()

    def on_own_stack() -> None:
        try:
            results.append(_elaborate_quietly(board, cpu, clock_hz, memories, reset_address, simulated))
        except BaseException as failure:
            failures.append(failure)
        finally:
            done.set()

    # LiteX and Migen print notices, which must not mix with a caller's result on stdout.
    with _ELABORATION, contextlib.redirect_stdout(sys.stderr):
        tracer.name_to_idx.clear()
        tracer.classname_to_objs.clear()  # also lets go of the systems built before
        _thread.start_new_thread(
            on_own_stack, ()
        )  # the frames of a `threading.Thread` would name signals too
        try:
            done.wait()
        finally:  # Ctrl-C: it takes a fraction of a second, and stdout is ours until then
            done.wait()
    if failures:
        raise failures[0]
    return results[0]


def _elaborate_quietly(
    board: Board,
    cpu: Cpu,
    clock_hz: int,
    memories: tuple[Memory, ...],
    reset_address: int,
    simulated: bool,
) -> Elaborated:
    from litex.gen import LiteXContext
    from litex.gen.fhdl.verilog import convert
    from migen import Signal

    from cfukit_soc.soc import Soc

    has_rom = any(memory.kind == "rom" for memory in memories)
    soc = Soc(board, cpu, clock_hz, memories, str(CFU_STUB), simulated, has_rom)
    # Not `set_reset_address`: LiteX knows nothing of memories inside the CPU, and refuses to start there.
    soc.cpu.cpu_params["i_externalResetVector"] = Signal(
        32, reset=reset_address, name_override="reset_address"
    )
    soc.finalize()
    LiteXContext.top = None  # no drawing of the hierarchy: its order changes from run to run
    ios = soc.platform.constraint_manager.get_io_signals()
    text = str(convert(soc, ios=ios, name="soc", platform=soc.platform).main_source)
    registers: dict[str, dict[str, int]] = {}
    for block, region in soc.csr.regions.items():
        address = region.origin
        for register in region.obj:
            registers[f"{block}_{register.name}"] = {"address": address, "bits": register.size}
            address += 4 * ((register.size + 31) // 32)
    constants = {name.lower(): int(value) for name, value in soc.constants.items() if isinstance(value, int)}
    headers: dict[str, str] = {}
    if board.ddr3 is not None:
        from cfukit_soc.ddr3 import c_headers

        headers = c_headers(soc)
    return _without_dates(text), registers, dict(sorted(constants.items())), headers


def _without_dates(verilog: str) -> str:
    """LiteX signs its files with date and revision: out, or nothing could be cached."""
    kept = [
        line
        for line in verilog.splitlines()
        if not re.match(r"//\s*(Date|LiteX sha1|Filename)\s*:", line)
        and not line.startswith("//  Auto-Generated by LiteX on")
    ]
    return "\n".join(line.rstrip() for line in kept) + "\n"
