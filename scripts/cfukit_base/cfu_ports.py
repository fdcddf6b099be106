"""The ports of module Cfu, seen from the CFU: the only place with their names, widths and directions.

The CFU itself, the CPU that drives it and the memory behind it are made in different areas, and agree here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, TypeVar


class CfuPort(NamedTuple):
    """One port of module Cfu."""

    name: str
    bits: int
    direction: Literal["input", "output"]

    @property
    def opposite(self) -> Literal["input", "output"]:
        """The direction seen from the CPU."""
        return "output" if self.direction == "input" else "input"


# LiteX's VexRiscv `full+cfu` and CFU Playground use these names.
PORTS = (
    CfuPort("clk", 1, "input"),
    CfuPort("reset", 1, "input"),
    CfuPort("cmd_valid", 1, "input"),
    CfuPort("cmd_ready", 1, "output"),
    CfuPort("cmd_payload_function_id", 10, "input"),
    CfuPort("cmd_payload_inputs_0", 32, "input"),
    CfuPort("cmd_payload_inputs_1", 32, "input"),
    CfuPort("rsp_valid", 1, "output"),
    CfuPort("rsp_ready", 1, "input"),
    CfuPort("rsp_payload_outputs_0", 32, "output"),
)

MEMORY_PORT_WIDTHS = (32, 64, 128)
MEMORY_ADDRESS_BITS = 20  # of a byte offset into the data TCM
MEMORY_MAX_OUTSTANDING = 4  # reads

# A CPU with a memory port has the same ports, in the opposite direction, under this prefix, and outputs for simulators: a load
# read what the CFU wrote in the same cycle; the CFU asked for what is not in its memory.
CPU_MEMORY_PREFIX = "CfuMemory_"
CPU_MEMORY_WATCHES = ("collides", "outside")


def memory_ports(width: int) -> tuple[CfuPort, ...]:
    """The ports that a CFU with a memory port of `width` bits has beside the plain ones."""
    return (
        CfuPort("mem_cmd_valid", 1, "output"),
        CfuPort("mem_cmd_ready", 1, "input"),
        CfuPort("mem_cmd_payload_we", 1, "output"),
        CfuPort("mem_cmd_payload_addr", MEMORY_ADDRESS_BITS, "output"),
        CfuPort("mem_cmd_payload_data", width, "output"),
        CfuPort("mem_cmd_payload_mask", width // 8, "output"),
        CfuPort("mem_rsp_valid", 1, "input"),
        CfuPort("mem_rsp_payload_data", width, "input"),
    )


Wire = TypeVar("Wire")  # what a hardware language has for a signal


class MemorySignals(Generic[Wire]):
    """The signals of a memory port by name, and each as an attribute."""

    def __init__(self, signals: Mapping[str, Wire]):
        self.signals = signals
        self.cmd_valid, self.cmd_ready = signals["mem_cmd_valid"], signals["mem_cmd_ready"]
        self.we, self.addr = signals["mem_cmd_payload_we"], signals["mem_cmd_payload_addr"]
        self.data, self.mask = signals["mem_cmd_payload_data"], signals["mem_cmd_payload_mask"]
        self.rsp_valid, self.rsp_data = signals["mem_rsp_valid"], signals["mem_rsp_payload_data"]


DMA_WIDTHS = (32, 64, 128)
DMA_ADDRESS_BITS = 32  # of an address in main memory, as the CPU sees it
DMA_COUNT_BITS = 16  # of the number of elements of a command
DMA_OUTSTANDING = 2  # commands that every system accepts before it answers the first


@dataclass(frozen=True, kw_only=True)
class DmaShape:
    """A CFU's port into main memory; width of an element in bits."""

    width: int

    @property
    def bytes(self) -> int:
        """Size of an element."""
        return self.width // 8


def dma_ports(dma: DmaShape) -> tuple[CfuPort, ...]:
    """The ports that a CFU with this DMA port has beside the others."""
    return (
        CfuPort("dma_read_cmd_valid", 1, "output"),
        CfuPort("dma_read_cmd_ready", 1, "input"),
        CfuPort("dma_read_cmd_payload_addr", DMA_ADDRESS_BITS, "output"),
        CfuPort("dma_read_cmd_payload_count", DMA_COUNT_BITS, "output"),
        CfuPort("dma_read_rsp_valid", 1, "input"),
        CfuPort("dma_read_rsp_ready", 1, "output"),
        CfuPort("dma_read_rsp_payload_data", dma.width, "input"),
    )


def ports_of(memory_width: int = 0, dma: DmaShape | None = None) -> tuple[CfuPort, ...]:
    """All ports of module Cfu; memory_width: of its memory port in bits, 0 without one."""
    return PORTS + (memory_ports(memory_width) if memory_width else ()) + (dma_ports(dma) if dma else ())
