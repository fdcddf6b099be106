"""soc.json: a whole system. `soc/cfukit_soc` writes it beside soc.v; linker, simulator and loaders read it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, Self

from cfukit_base.artefacts.artefact import Artefact
from cfukit_base.artefacts.cpu import Cpu, CpuFacts, Memory
from cfukit_base.cfu_ports import DmaShape


@dataclass(frozen=True, kw_only=True)
class Register:
    """A register of a peripheral; wider ones than 32 bits take several words, the most significant first."""

    address: int
    bits: int


@dataclass(frozen=True, kw_only=True)
class SocCpu(CpuFacts):
    """The CPU in the system. verilog: the files beside soc.json that define it."""

    reset_address: int
    verilog: tuple[str, ...]

    @classmethod
    def of(cls, cpu: Cpu, reset_address: int) -> Self:
        """The CPU of a cpu.json in a system where it starts at `reset_address`."""
        facts = {field.name: getattr(cpu, field.name) for field in fields(CpuFacts)}
        return cls(**facts, reset_address=reset_address, verilog=(cpu.verilog,))


@dataclass(frozen=True, kw_only=True)
class DramController:
    """LiteDRAM's controller as it was built, and the L2 cache before it. Times are in cycles of the system.

    * port_bits: of a transfer; column_bits, bank_bits: of its address, rows above them.
    * phases: commands per cycle at the chip.
    * read_latency, write_latency: from a command to its data at the port; turnaround: from reads to writes.
    * rp to zqcs: the chip's timings, wtp from a write to a precharge and wtr from a write to a read; faw and zqcs may be 0, no limit.
    * refresh_period, zqcs_period: between two refreshes and between two calibrations.
    * read_time, write_time: how long reads or writes go first while the others wait.
    * l2_bytes: of the cache.
    * starts_at: the cycle after reset in which the chip is initialised and the CPU starts.
    """

    port_bits: int
    column_bits: int
    bank_bits: int
    phases: int
    read_latency: int
    write_latency: int
    turnaround: int
    rp: int
    rcd: int
    wtp: int
    rc: int
    ras: int
    rrd: int
    faw: int
    ccd: int
    wtr: int
    rfc: int
    zqcs: int
    refresh_period: int
    zqcs_period: int
    read_time: int
    write_time: int
    l2_bytes: int
    starts_at: int


@dataclass(frozen=True, kw_only=True)
class Soc(Artefact):
    """The document cfukit.soc/2. Version 1 had `cpu.cfu`, which was always true.

    * dma: the CFU's port into main memory; None without one.
    * dram: how main memory is reached, if that is a chip; None without one.
    * memories: in the order in which the board and the CPU list them.
    * csrs: registers by name, "block_register".
    * constants: numbers that C gets as macros, among them bus_timeout_cycles.
    * chips: Verilog models of chips beside the FPGA that a simulation adds.
    * headers: the folder beside soc.json with LiteX's headers for DRAM; "" without.
    * digest: of this document, soc.v and the CPU.
    """

    schema: Literal["cfukit.soc/2"] = "cfukit.soc/2"
    board: str
    cpu: SocCpu
    dma: DmaShape | None
    clock_hz: int
    memories: tuple[Memory, ...]
    csrs: dict[str, Register]
    constants: dict[str, int]
    verilog: str
    chips: tuple[str, ...]
    headers: str
    digest: str
    dram: DramController | None

    def memory(self, name: str) -> Memory | None:
        """The memory called `name`."""
        return next((memory for memory in self.memories if memory.name == name), None)

    def memory_at(self, address: int) -> Memory | None:
        """The memory that holds `address`."""
        return next((memory for memory in self.memories if memory.holds(address)), None)
