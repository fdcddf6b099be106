"""cpu.json: one VexRiscv. `hw/cfukit_cpu` writes it beside cpu.v; the SoC takes both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cfukit_base.artefacts.artefact import Artefact

MemoryKind = Literal["ram", "sram", "flash", "rom", "itcm", "dtcm"]


@dataclass(frozen=True, kw_only=True)
class Memory:
    """A memory that the CPU sees.

    * kind: "ram" (main memory), "sram" (on chip, on the bus), "flash", "rom", "itcm" or "dtcm".
    * read_cycles, write_cycles: for one word of 32 bits, from request to acknowledge, both counted; 0: not possible.
    * verilog_path: the array in the simulated system, by its hierarchical name.
    * verilog_module: the module that holds the array; "" if it lies in the top module.
    """

    name: str
    base: int
    bytes: int
    kind: MemoryKind
    read_cycles: int
    write_cycles: int
    verilog_path: str
    verilog_module: str

    @property
    def end(self) -> int:
        """The first address after it."""
        return self.base + self.bytes

    def holds(self, address: int, count: int = 1) -> bool:
        """Whether all of `count` bytes from `address` lie in it."""
        return self.base <= address and address + count <= self.end


@dataclass(frozen=True, kw_only=True)
class CpuFacts:
    """What software, SoC and simulator must know of a CPU.

    * isa: for the compiler's -march.
    * icache_bytes, dcache_bytes: 0 = no cache.
    * csrs: the numbers of the control and status registers that it has.
    * cfu_enable_csr: the register whose bit 31 turns CFU instructions on; None where they are always on.
    * memory_port_bits: width of the CFU's port into the data TCM; 0 = none.
    """

    name: str
    isa: str
    icache_bytes: int
    dcache_bytes: int
    traps: bool
    interrupts: bool
    multiplier: bool
    divider: bool
    csrs: tuple[int, ...]
    cfu_enable_csr: int | None
    memory_port_bits: int


@dataclass(frozen=True, kw_only=True)
class CpuSource:
    """Where the Verilog comes from."""

    wheel: str
    version: str
    file: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Cpu(CpuFacts, Artefact):
    """The document cfukit.cpu/1.

    * configuration: every key of `[soc] cpu` with its value.
    * cfu_fix: the CFU port issues each command once; without this, the CPU needs the gate in front of the CFU.
    * memories: those inside the CPU.
    * verilog: the file beside cpu.json, with a module VexRiscv.
    * digest: of that file.
    """

    schema: Literal["cfukit.cpu/1"] = "cfukit.cpu/1"
    about: str
    configuration: dict[str, int | bool | str]
    cfu_fix: bool
    memories: tuple[Memory, ...]
    verilog: str
    source: CpuSource
    digest: str
