"""The system of a board, in LiteX: CPU, bus, memories, UART and our block of registers `cfukit`. It has no BIOS and no timer.

An access that nothing answers ends after `bus_timeout_cycles` and reads all ones; simulated systems report it on a port.
"""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

from litex.build.generic_platform import GenericPlatform, Pins, Subsignal
from litex.gen import LiteXModule
from litex.soc.cores.cpu.vexriscv import VexRiscv
from litex.soc.cores.uart import UART, RS232PHYModel
from litex.soc.integration.soc import LiteXSoC, SoCRegion
from litex.soc.interconnect import wishbone
from litex.soc.interconnect.csr import CSRStatus, CSRStorage
from migen import ClockDomain, If, Instance, Signal

from cfukit_base.artefacts import Cpu
from cfukit_base.cfu_ports import CPU_MEMORY_PREFIX, CPU_MEMORY_WATCHES, DmaShape, dma_ports, memory_ports
from cfukit_soc.boards import (
    BUS_ROM_BASE,
    FLASH_BASE,
    FLASH_HEADER_BYTES,
    MAIN_RAM_BASE,
    Board,
    BusMemory,
    Ddr3,
    Flash,
    Sdram,
)
from cfukit_soc.flash import PADS, SpiFlashReader, chip_model, pads_record

# What the harness sees of a simulated board. The UART is a stream of bytes: `source` leaves the SoC, `sink` enters it.
SIMULATION_IO = [
    ("sys_clk", 0, Pins(1)),
    ("sys_rst", 0, Pins(1)),
    (
        "serial",
        0,
        Subsignal("source_valid", Pins(1)),
        Subsignal("source_ready", Pins(1)),
        Subsignal("source_data", Pins(8)),
        Subsignal("sink_valid", Pins(1)),
        Subsignal("sink_ready", Pins(1)),
        Subsignal("sink_data", Pins(8)),
    ),
    (
        "harness",
        0,
        Subsignal("exit_valid", Pins(1)),
        Subsignal("exit_code", Pins(32)),
        Subsignal("instret", Pins(32)),
        Subsignal("bus_error", Pins(1)),
        Subsignal("bus_address", Pins(30)),
        Subsignal("bus_we", Pins(1)),
        Subsignal("bus_data_side", Pins(1)),
    ),
]


class CfukitRegisters(LiteXModule):
    """The registers `cfukit`.

    * cycles: a free-running counter of 64 bits from the release of reset, the high word at the lower address. The two
      words are not read together: read high, low, high.
    * exit: a write ends a simulation with that code.
    * instret: retired instructions, 32 bits; 0 on hardware.
    """

    def __init__(self) -> None:
        self.cycles = CSRStatus(64, name="cycles")
        self.exit = CSRStorage(32, name="exit")
        self.instret = CSRStatus(32, name="instret")
        self.count = Signal(64, name_override="cfukit_count")
        self.sync += self.count.eq(self.count + 1)
        self.comb += self.cycles.status.eq(self.count)


RAM_CYCLES = 2  # LiteX's RAM: one access, both cycles counted


class WaitStates(LiteXModule):
    """Wait states in front of a RAM: an access takes the cycles that `memory` names, at least RAM_CYCLES."""

    def __init__(self, ram: wishbone.Interface, memory: BusMemory) -> None:
        self.bus = bus = wishbone.Interface(data_width=32, address_width=32, addressing="word")
        more = max(memory.read_cycles, memory.write_cycles) - RAM_CYCLES
        waited = Signal(max=more + 1, name_override=f"{memory.name}_waited")
        enough = Signal(name_override=f"{memory.name}_waited_enough")
        self.comb += [
            If(bus.we, enough.eq(waited >= memory.write_cycles - RAM_CYCLES)).Else(
                enough.eq(waited >= memory.read_cycles - RAM_CYCLES)
            ),
            bus.connect(ram, omit={"stb"}),
            ram.stb.eq(bus.stb & enough),
        ]
        self.sync += [
            If(bus.cyc & bus.stb & ~enough, waited.eq(waited + 1)),
            If(bus.ack | ~(bus.cyc & bus.stb), waited.eq(0)),
        ]


class SimulationClock(LiteXModule):
    """Clock and reset straight from the harness."""

    def __init__(self, platform: GenericPlatform) -> None:
        self.cd_sys = ClockDomain("sys")
        self.comb += [
            self.cd_sys.clk.eq(platform.request("sys_clk")),
            self.cd_sys.rst.eq(platform.request("sys_rst")),
        ]


class LitexSystem(LiteXSoC):
    """The system of `board` with `cpu`.

    * memories: the board's, and on-chip RAM if there is any.
    * simulated: models of the chips around the FPGA are inside; otherwise their pins are ports.
    * has_rom: the CPU starts in a ROM on the bus.
    * dma: the CFU's port into main memory, which the board then has.

    starts_at: the cycle after reset in which the CPU starts.
    """

    starts_at = 0

    def __init__(
        self,
        board: Board,
        cpu: Cpu,
        clock_hz: int,
        memories: tuple[BusMemory, ...],
        cfu_stub: str,
        simulated: bool = True,
        has_rom: bool = False,
        dma: DmaShape | None = None,
    ) -> None:
        for name in ("SoC", "SoCBusHandler", "SoCCSRHandler", "SoCIRQHandler", "SoCRegion"):
            logging.getLogger(name).setLevel(logging.WARNING)
        platform = GenericPlatform("sim", SIMULATION_IO, name=board.name)
        self.mem_map: dict[str, int] = {}  # LiteX keeps one for the whole class and adds the CPU's to it
        super().__init__(platform, clock_hz, bus_timeout=board.bus_timeout_cycles)
        self.wb_slaves: dict[str, Any] = {}  # these two are read by LiteX's compatibility layer
        self.config: dict[str, Any] = {}
        self.crg = SimulationClock(platform)
        # LiteX connects the bus time-out to `ctrl.bus_error`; its own controller would cost area for nothing.
        self.ctrl = SimpleNamespace(bus_error=Signal(name_override="bus_error"))
        self.add_cpu("vexriscv", variant="full+cfu", reset_address=board.reset_address, cfu=cfu_stub)
        self._name_cfu_signals()
        if cpu.memory_port_bits:
            self._connect_memory_port(cpu.memory_port_bits)
        if board.flash is not None:
            self._add_flash(board.flash, simulated)
        if has_rom:
            self._add_bus_rom(board.bus_rom_bytes)
        if board.sdram is not None:
            self._add_sdram(board.sdram, clock_hz, simulated, dma)
        if board.ddr3 is not None:
            self._add_ddr3(board.ddr3, clock_hz, simulated, dma)
        for memory in memories:
            if memory.kind in ("flash", "rom") or (board.dram is not None and memory.name == "main_ram"):
                continue
            bus = wishbone.Interface(data_width=32, address_width=32, addressing="word")
            ram = wishbone.SRAM(memory.bytes, bus=bus, name=memory.name)
            region = SoCRegion(origin=memory.base, size=memory.bytes, mode="rwx")
            slave = ram.bus
            if max(memory.read_cycles, memory.write_cycles) > RAM_CYCLES:
                waiting = WaitStates(ram.bus, memory)
                self.add_module(name=f"{memory.name}_wait", module=waiting)
                slave = waiting.bus
            self.bus.add_slave(name=memory.name, slave=slave, region=region)
            self.add_module(name=memory.name, module=ram)
        if dma is not None:
            self._add_dma(dma, next(memory for memory in memories if memory.name == "main_ram"), board)
        phy = RS232PHYModel(platform.request("serial"))
        self.add_module(name="uart_phy", module=phy)
        self.add_module(name="uart", module=UART(phy, tx_fifo_depth=16, rx_fifo_depth=16))
        self.irq.add("uart", use_loc_if_exists=True)
        self.add_module(name="cfukit", module=CfukitRegisters())
        self._connect_harness(platform.request("harness"))

    def _name_cfu_signals(self) -> None:
        """Give what the harness watches fixed names: Migen's own differ between versions of Python."""
        assert isinstance(self.cpu, VexRiscv)
        for direction in ("cmd", "rsp"):
            channel = getattr(self.cpu.cfu_bus, direction)
            for name in ("valid", "ready"):
                getattr(channel, name).name_override = f"cfu_{direction}_{name}"
            for name, *_ in channel.payload.layout:
                getattr(channel.payload, name).name_override = f"cfu_{direction}_{name}"

    def _connect_memory_port(self, bits: int) -> None:
        """Connect the CFU with the data TCM in the CPU; LiteX does not know this port."""
        for port in memory_ports(bits):
            at_cfu, at_cpu = port.direction[0], port.opposite[0]  # LiteX marks pins with "i" and "o"
            signal = Signal(port.bits, name_override=f"cfu_{port.name}")
            self.cpu.cfu_params[f"{at_cfu}_{port.name}"] = signal
            self.cpu.cpu_params[f"{at_cpu}_{CPU_MEMORY_PREFIX}{port.name}"] = signal
        for name in CPU_MEMORY_WATCHES:
            self.cpu.cpu_params[f"o_{CPU_MEMORY_PREFIX}{name}"] = Signal(name_override=f"cfu_mem_{name}")

    def _add_flash(self, flash: Flash, simulated: bool) -> None:
        if simulated:
            pads = pads_record()
            self.specials += chip_model(pads, flash.chip_bytes, flash.begin_bytes + FLASH_HEADER_BYTES)
        else:
            subsignals = [Subsignal(name, Pins(width)) for name, width in PADS]
            self.platform.add_extension([("flash", 0, *subsignals)])
            pads = self.platform.request("flash")
        reader = SpiFlashReader(pads, flash.chip_bytes, flash.lanes)
        region = SoCRegion(origin=FLASH_BASE, size=flash.chip_bytes, mode="rx")
        self.bus.add_slave(name="flash", slave=reader.bus, region=region)
        self.add_module(name="flash", module=reader)

    def _add_bus_rom(self, size_bytes: int) -> None:
        bus = wishbone.Interface(data_width=32, address_width=32, addressing="word")
        self.specials += Instance(
            "BusRom",
            name="bus_rom",
            p_WORDS=size_bytes // 4,
            i_clk=self.crg.cd_sys.clk,
            i_stb=bus.cyc & bus.stb,
            i_adr=bus.adr,
            o_ack=bus.ack,
            o_dat_r=bus.dat_r,
        )
        self.bus.add_slave("rom", bus, SoCRegion(origin=BUS_ROM_BASE, size=size_bytes, mode="rx"))

    def _add_sdram(self, sdram: Sdram, clock_hz: int, simulated: bool, dma: DmaShape | None) -> None:
        from cfukit_soc import sdram as parts  # LiteDRAM takes a moment

        chip = parts.chip_of(sdram, clock_hz)
        if simulated:
            pads = parts.pads_record(chip)
            self.specials += parts.chip_model(pads, chip, self.crg.cd_sys.clk)
        else:
            subsignals = [Subsignal(name, Pins(width)) for name, width in chip.pads]
            self.platform.add_extension([("sdram", 0, *subsignals)])
            pads = self.platform.request("sdram")
        phy = parts.SdramPhy(pads, chip, sdram.latency)
        self.add_module(name="sdram_phy", module=phy)
        self._connect_dram(phy, chip.module, sdram, dma)
        start = parts.SdramStart(self.sdram.dfii, clock_hz, sdram.latency)
        self.add_module(name="sdram_start", module=start)
        self.comb += self.cpu.reset.eq(~start.done)
        self.starts_at = start.cycles

    def _add_ddr3(self, ddr3: Ddr3, clock_hz: int, simulated: bool, dma: DmaShape | None) -> None:
        from cfukit_soc import ddr3 as parts  # LiteDRAM takes a moment

        chip = parts.chip_of(ddr3, clock_hz)
        if simulated:
            phy = parts.Ddr3Model(chip, ddr3.data_bits, clock_hz, self.crg.cd_sys.clk)
            self.add_module(name="ddr3_model", module=phy)
        else:
            self.platform.add_extension(parts.pads_extension(chip, ddr3.data_bits))
            clocks = parts.Ddr3Phy(self.platform, clock_hz)
            self.add_module(name="ddr3_clocks", module=clocks)
            phy = clocks.phy
            self.add_module(name="ddrphy", module=phy)
        self._connect_dram(phy, chip, ddr3, dma)

    def _connect_dram(self, phy: Any, chip: Any, dram: Sdram | Ddr3, dma: DmaShape | None) -> None:
        """Controller and L2 cache: LiteX's, or one that writes through for a CFU that reads DRAM too."""
        self.add_sdram(
            "sdram",
            phy=phy,
            module=chip,
            with_soc_interconnect=dma is None,
            origin=MAIN_RAM_BASE,
            size=dram.bytes,
            l2_cache_size=dram.l2_bytes,
            l2_cache_min_data_width=32,
            l2_cache_reverse=False,
        )
        if dma is None:
            return
        from cfukit_soc.l2 import WriteThroughCache

        crossbar = self.sdram.crossbar
        self.l2_cache = WriteThroughCache(crossbar.get_port(), dram.l2_bytes)
        self.add_config("L2_SIZE", dram.l2_bytes)
        region = SoCRegion(origin=MAIN_RAM_BASE, size=dram.bytes, mode="rwx")
        self.bus.add_slave(name="main_ram", slave=self.l2_cache.bus, region=region)

    def _add_dma(self, dma: DmaShape, memory: BusMemory, board: Board) -> None:
        """Connect the CFU's DMA port with main memory."""
        from cfukit_soc.dma import WORDS_IN_FLIGHT, BusReader, DmaReader, StoresFirst

        port = self.sdram.crossbar.get_port(mode="read") if board.dram is not None else None
        reader = DmaReader(dma, memory, len(port.rdata.data) if port is not None else 32)
        self.add_module(name="cfu_dma", module=reader)
        if port is not None:
            from litedram.frontend.dma import LiteDRAMDMAReader

            words = LiteDRAMDMAReader(port, fifo_depth=WORDS_IN_FLIGHT)
            # The CPU goes first. A bank serves the port that it has until that asks no more, which may be longer than the bus waits.
            may_ask = ~self.l2_cache.asks
            self.comb += [
                words.sink.address.eq(reader.addresses.address),
                words.sink.valid.eq(reader.addresses.valid & may_ask),
                reader.addresses.ready.eq(words.sink.ready & may_ask),
                words.source.connect(reader.words),
            ]
        else:
            words = BusReader(reader, memory)
            self.bus.add_master("cfu_dma", words.bus)
        self.add_module(name="cfu_dma_words", module=words)
        self.add_module(name="cfu_dma_order", module=StoresFirst(self.cpu, reader.hold))
        for each in dma_ports(dma):
            self.cpu.cfu_params[f"{each.direction[0]}_{each.name}"] = reader.signals[each.name]

    def _connect_harness(self, pads: Any) -> None:
        ibus, dbus = self.cpu.ibus, self.cpu.dbus
        data_side = dbus.cyc & dbus.ack  # only the master that holds the bus sees the acknowledge
        self.comb += [
            pads.exit_valid.eq(self.cfukit.exit.re),
            pads.exit_code.eq(self.cfukit.exit.storage),
            self.cfukit.instret.status.eq(pads.instret),
            pads.bus_error.eq(self.ctrl.bus_error),
            pads.bus_data_side.eq(data_side),
            pads.bus_we.eq(dbus.we),
        ]
        self.comb += If(data_side, pads.bus_address.eq(dbus.adr)).Else(pads.bus_address.eq(ibus.adr))


LitexSystem.__name__ = "Soc"  # Migen names signals after the class, and these names stand in every soc.v
