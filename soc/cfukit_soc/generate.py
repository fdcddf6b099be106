"""`generate_soc` writes the files of a system. The same arguments give the same bytes."""

from __future__ import annotations

import _thread
import contextlib
import re
import sys
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cfukit_base.artefacts import Cpu, Soc
from cfukit_base.artefacts.cpu import Memory
from cfukit_base.artefacts.soc import DramController, Register, SocCpu
from cfukit_base.cache import write_atomic
from cfukit_base.cfu_ports import DmaShape
from cfukit_base.digest import digest_of
from cfukit_base.errors import UsageError
from cfukit_soc.boards import BUS_ROM_BASE, SRAM_BASE, Board, BusMemory, board_named

HARNESS = Path(__file__).parent / "harness"
CFU_STUB = HARNESS / "cfu_stub.v"
_CLOCK_RANGE_HZ = (1_000_000, 1_000_000_000)
_SRAM_RANGE_BYTES = (1024, 64 * 1024 * 1024)


def generate_soc(
    board: str,
    cpu_json: Path,
    out_dir: Path,
    *,
    clock_hz: int = 0,
    sram_bytes: int = 0,
    simulated: bool = True,
    from_rom: bool = False,
    dma: DmaShape | None = None,
) -> Path:
    """Write soc.v, soc.json and the CPU's Verilog of `board` to `out_dir`; the path of soc.json.

    * cpu_json: of `cfukit_cpu.write_cpu`, with the CPU's Verilog beside it.
    * clock_hz, sram_bytes: 0 = the board's own.
    * simulated: chips beside the FPGA are models inside soc.v; otherwise (for synthesis) their pins are ports of soc.v.
    * from_rom: a simulated system starts in the bus ROM too, as hardware does; the program brings the ROM's contents.
    * dma: the CFU has this port into main memory. UsageError if the board has no main memory.

    soc.v instantiates `Cfu` but does not contain it. If software must initialise DRAM, LiteX's headers for that are in
    `generated/` beside soc.json.
    """
    the_board = board_named(board)
    cpu = Cpu.read(cpu_json)
    clock_hz = clock_hz or the_board.clock_hz
    _check_range("soc.clock_hz", clock_hz, _CLOCK_RANGE_HZ, "Hz")
    memories = _memories(the_board, sram_bytes or the_board.sram_bytes)
    if dma is not None and not any(memory.name == "main_ram" for memory in memories):
        raise UsageError(
            "soc.board",
            f"'{board}' has no main memory",
            allowed="the CFU's DMA port needs one",
            hint="cfukit list boards",
        )
    reset_address = the_board.reset_address
    if (start := _start_inside(cpu)) is not None:
        reset_address = start
    from_rom = bool(the_board.bus_rom_bytes) and (from_rom or not simulated)
    if from_rom:
        reset_address = BUS_ROM_BASE
        memories = (*memories, BusMemory("rom", BUS_ROM_BASE, the_board.bus_rom_bytes, "rom", 2, 0))
    made = _elaborate(the_board, cpu, clock_hz, memories, reset_address, simulated, dma)
    cpu_verilog = (cpu_json.parent / cpu.verilog).read_text()
    constants = {**made.constants}
    if the_board.ddr3 is not None and clock_hz < the_board.ddr3.lowest_hz:
        constants["ddr3_out_of_specification"] = 1
    constants["bus_timeout_cycles"] = the_board.bus_timeout_cycles
    soc = Soc(
        board=the_board.name,
        cpu=SocCpu.of(cpu, reset_address),
        dma=dma,
        clock_hz=clock_hz,
        memories=(*(_in_simulation(the_board, memory) for memory in memories), *cpu.memories),
        csrs=made.registers,
        constants=constants,
        verilog="soc.v",
        chips=_chips(the_board, from_rom) if simulated else (),
        headers="generated" if made.headers else "",
        digest="",
        dram=made.dram,
    )
    soc = replace(soc, digest=digest_of(soc.to_json(), made.verilog, cpu_verilog, made.headers))
    for name, text in made.headers.items():
        write_atomic(out_dir / soc.headers / name, text)
    write_atomic(out_dir / soc.verilog, made.verilog)
    write_atomic(out_dir / cpu.verilog, cpu_verilog)
    soc.write(out_dir / "soc.json")
    return out_dir / "soc.json"


def _start_inside(cpu: Cpu) -> int | None:
    """The address where the CPU starts, if that is inside the CPU: in its boot ROM, or in its ITCM if it has no I$; else None."""
    bases = {memory.kind: memory.base for memory in cpu.memories}
    return bases.get("rom", None if cpu.icache_bytes else bases.get("itcm"))


def _chips(board: Board, from_rom: bool) -> tuple[str, ...]:
    """Files of HARNESS that model chips beside the FPGA."""
    chips = {
        "spi_flash.v": board.flash is not None,
        "sdram.v": board.sdram is not None,
        "ddr3_store.v": board.ddr3 is not None,
        "bus_rom.v": from_rom,
    }
    return tuple(name for name, there in chips.items() if there)


def _in_simulation(board: Board, memory: BusMemory) -> Memory:
    """The memory with the place of its contents in the simulated system."""
    path, module = memory.name, ""
    if memory.kind == "rom":
        path, module = "bus_rom.mem", "BusRom"
    elif memory.kind == "flash":
        path, module = "flash_chip.mem", "SpiFlash"
    elif board.sdram is not None and memory.name == "main_ram":
        path, module = "sdram_chip.mem", "Sdram"
    elif board.ddr3 is not None and memory.name == "main_ram":
        path, module = "ddr3_store.mem", "Ddr3Store"
    return Memory(**asdict(memory), verilog_path=path, verilog_module=module)


def _memories(board: Board, sram_bytes: int) -> tuple[BusMemory, ...]:
    memories = board.all_memories
    if not sram_bytes:
        return memories
    _check_range("soc.sram_bytes", sram_bytes, _SRAM_RANGE_BYTES, "bytes")
    if sram_bytes & (sram_bytes - 1):
        raise UsageError("soc.sram_bytes", str(sram_bytes), allowed="a power of two")
    return (*memories, BusMemory("sram", SRAM_BASE, sram_bytes, "sram", read_cycles=2, write_cycles=2))


def _check_range(where: str, value: int, limits: tuple[int, int], unit: str) -> None:
    low, high = limits
    if not low <= value <= high:
        raise UsageError(where, str(value), allowed=f"{low} to {high} {unit}, or 0 for the board's own")


@dataclass(frozen=True)
class _Elaborated:
    """What LiteX makes of a system. headers: C headers by name, where DRAM needs initialising. dram: its controller."""

    verilog: str
    registers: dict[str, Register]
    constants: dict[str, int]
    headers: dict[str, str]
    dram: DramController | None


_ELABORATION = threading.Lock()  # LiteX and Migen keep what they build in globals


def _elaborate(
    board: Board,
    cpu: Cpu,
    clock_hz: int,
    memories: tuple[BusMemory, ...],
    reset_address: int,
    simulated: bool,
    dma: DmaShape | None,
) -> _Elaborated:
    """Let LiteX build the system; it is imported only here.

    Migen names signals after the assignments in *all* frames of the stack that builds them, callers included, and
    numbers them by what the process has built before. So the system is built on a stack of its own, with the numbers
    reset: then names depend on our code alone.
    """
    from migen.fhdl import tracer

    results: list[_Elaborated] = []
    failures: list[BaseException] = []
    done = threading.Event()

    def on_own_stack() -> None:
        try:
            results.append(_elaborate_quietly(board, cpu, clock_hz, memories, reset_address, simulated, dma))
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
    memories: tuple[BusMemory, ...],
    reset_address: int,
    simulated: bool,
    dma: DmaShape | None,
) -> _Elaborated:
    from litex.gen import LiteXContext
    from litex.gen.fhdl.verilog import convert
    from migen import Signal

    from cfukit_soc.soc import LitexSystem

    has_rom = any(memory.kind == "rom" for memory in memories)
    soc = LitexSystem(board, cpu, clock_hz, memories, str(CFU_STUB), simulated, has_rom, dma)
    # Not `set_reset_address`: LiteX knows nothing of memories inside the CPU, and refuses to start there.
    soc.cpu.cpu_params["i_externalResetVector"] = Signal(
        32, reset=reset_address, name_override="reset_address"
    )
    soc.finalize()
    LiteXContext.top = None  # no drawing of the hierarchy: its order changes from run to run
    ios = soc.platform.constraint_manager.get_io_signals()
    text = str(convert(soc, ios=ios, name="soc", platform=soc.platform).main_source)
    registers: dict[str, Register] = {}
    for block, region in soc.csr.regions.items():
        address = region.origin
        for register in region.obj:
            registers[f"{block}_{register.name}"] = Register(address=address, bits=register.size)
            address += 4 * ((register.size + 31) // 32)
    constants = {name.lower(): int(value) for name, value in soc.constants.items() if isinstance(value, int)}
    headers: dict[str, str] = {}
    if board.ddr3 is not None:
        from cfukit_soc.ddr3 import c_headers

        headers = c_headers(soc)
    dram = None
    if board.dram is not None:
        from cfukit_soc.controller import describe

        dram = describe(soc.sdram.controller, clock_hz, constants["config_l2_size"], soc.starts_at)
    return _Elaborated(_without_dates(text), registers, dict(sorted(constants.items())), headers, dram)


def _without_dates(verilog: str) -> str:
    """The Verilog without LiteX's date and revision, which would make every file different."""
    kept = [
        line
        for line in verilog.splitlines()
        if not re.match(r"//\s*(Date|LiteX sha1|Filename)\s*:", line)
        and not line.startswith("//  Auto-Generated by LiteX on")
    ]
    return "\n".join(line.rstrip() for line in kept) + "\n"
