"""Systems for tests: generated ones with a CPU of any preset, and descriptions made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cfukit_base.artefacts import Soc
from cfukit_base.artefacts.cpu import Memory, MemoryKind
from cfukit_base.artefacts.soc import Register, SocCpu
from cfukit_cpu import configuration, write_cpu
from cfukit_cpu.writing import describe
from cfukit_soc import generate_soc
from cfukit_soc.boards import MAIN_RAM_BASE, Board, BusMemory, board_named, boards

_REGISTERS = ("cfukit_cycles", "cfukit_exit", "cfukit_instret")
_REGISTERS += ("uart_rxtx", "uart_txfull", "uart_rxempty", "uart_ev_pending", "uart_txempty")


def make_soc(
    board: str | Board, folder: Path, *, cpu: str | Mapping[str, Any] = "full+cfu", **options: Any
) -> Path:
    """soc.json in `folder` of a system with this CPU, also on a board that is none of cfukit's; options: of generate_soc."""
    cpu_json = write_cpu(cpu, folder, memory_port_bits=options.pop("memory_port_bits", 0))
    if isinstance(board, str):
        return generate_soc(board, cpu_json, folder, **options)
    assert board.name not in boards()
    boards()[board.name] = board
    try:
        return generate_soc(board.name, cpu_json, folder, **options)
    finally:
        del boards()[board.name]


def small_board(read_cycles: int = 2, write_cycles: int = 2) -> Board:
    """The board `sim` with 1 MiB of RAM: its RTL starts in a fraction of the time."""
    ram = BusMemory("main_ram", MAIN_RAM_BASE, 1 << 20, "ram", read_cycles, write_cycles)
    return replace(board_named("sim"), name="small", memories=(ram,))


def memory(
    name: str = "main_ram",
    size: int = 1 << 20,
    cycles: int = 2,
    kind: MemoryKind = "ram",
    base: int = 0x4000_0000,
) -> Memory:
    """A memory that takes `cycles` for each word."""
    return Memory(
        name=name,
        base=base,
        bytes=size,
        kind=kind,
        read_cycles=cycles,
        write_cycles=cycles,
        verilog_path=name,
        verilog_module="",
    )


def soc_of(
    *memories: Memory, reset: int = 0x4000_0000, cpu: str | Mapping[str, Any] = "full+cfu", **facts: Any
) -> Soc:
    """A description of board "test", of which there is no Verilog; facts: what differs from the CPU's."""
    described = SocCpu.of(describe(configuration(cpu), 0, ""), reset)
    return Soc(
        board="test",
        cpu=replace(described, **facts),
        dma=None,
        dram=None,
        clock_hz=1_000_000,
        memories=memories,
        csrs={name: Register(address=0xF000_0000 + 16 * i, bits=32) for i, name in enumerate(_REGISTERS)},
        constants={},
        verilog="soc.v",
        chips=(),
        headers="",
        digest="",
    )
