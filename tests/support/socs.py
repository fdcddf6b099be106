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

_REGISTERS = ("cfukit_cycles", "cfukit_exit", "cfukit_instret")
_REGISTERS += ("uart_rxtx", "uart_txfull", "uart_rxempty", "uart_ev_pending", "uart_txempty")


def make_soc(board: str, folder: Path, *, cpu: str | Mapping[str, Any] = "full+cfu", **options: Any) -> Path:
    """soc.json in `folder` of a system with this CPU; options: of generate_soc."""
    return generate_soc(board, write_cpu(cpu, folder), folder, **options)


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
