"""DDR3 behind LiteDRAM: its PHY model in simulation, its PHY on 7 series FPGAs, and the C headers for initialising either.

The model has the chip's banks, rows and latencies, but no registers. Its contents are one memory `mem` in linear order
(harness/ddr3_store.v), so that a simulator can put a program there. The model obeys the controller from the first cycle; on hardware
the boot ROM must initialise and level the chip first.
"""

from __future__ import annotations

import re
from functools import reduce
from operator import or_
from typing import Any

from litedram import modules
from litedram.init import get_sdram_phy_c_header
from litedram.phy import model
from litedram.phy.s7ddrphy import A7DDRPHY
from litex.build.generic_platform import Pins, Subsignal
from litex.soc.integration.export import get_csr_header, get_mem_header, get_soc_header
from migen import ClockDomain, If, Instance, Module, Mux, Replicate, Signal

from cfukit_soc.boards import Ddr3

IDELAY_HZ = 200e6
# The PHY's clocks besides the system's: four times faster, the same a quarter period later, and 200 MHz. On hardware they are ports of
# soc.v, and so is `idelay_rst`.
CLOCKS = ("sys4x", "sys4x_dqs", "idelay")


def chip_of(ddr3: Ddr3, clock_hz: int) -> Any:
    """LiteDRAM's module of the chip on the board, with its timings at this clock."""
    return getattr(modules, ddr3.module)(clock_hz, "1:4")


class _Bank(Module):
    """Replaces LiteDRAM's BankModel: it has the same ports, but its contents are in the store of all banks."""

    made: list[_Bank]

    def __init__(
        self, data_width: int, nrows: int, ncols: int, burst_length: int, nphases: int, **_: Any
    ) -> None:
        self.activate, self.precharge = Signal(), Signal()
        self.activate_row = Signal(max=nrows)
        self.write, self.write_col = Signal(), Signal(max=ncols)
        self.write_data, self.write_mask = Signal(data_width), Signal(data_width // 8)
        self.read, self.read_col = Signal(), Signal(max=ncols)
        self.read_data = Signal(data_width)
        number = len(_Bank.made)
        self.active = Signal(name_override=f"ddr3_active{number}")
        self.row = Signal(max=nrows, name_override=f"ddr3_row{number}")
        self.sync += If(self.precharge, self.active.eq(0)).Elif(
            self.activate, self.active.eq(1), self.row.eq(self.activate_row)
        )
        _Bank.made.append(self)


class Ddr3Model(Module):
    """LiteDRAM's SDRAMPHYModel of `chip` with one store for all banks."""

    def __init__(self, chip: Any, data_bits: int, clock_hz: int, clock: Any) -> None:
        settings = model.get_sdram_phy_settings("DDR3", data_bits, float(clock_hz))
        theirs, _Bank.made = model.BankModel, []
        model.BankModel = _Bank
        try:
            self.submodules.phy = phy = model.SDRAMPHYModel(chip, settings, clk_freq=float(clock_hz))
        finally:
            model.BankModel = theirs
        self.settings, self.dfi = phy.settings, phy.dfi
        geometry = chip.geom_settings
        banks, width = _Bank.made, data_bits * 8
        columns = geometry.colbits - 3  # bursts of eight
        # Only one bank is read and one written in a cycle: there is one command bus and one data bus.
        writes, reads = Signal(len(banks)), Signal(len(banks))
        place = Signal(geometry.rowbits + geometry.bankbits + columns, name_override="ddr3_write_place")
        source = Signal.like(place, name_override="ddr3_read_place")
        data = Signal(width, name_override="ddr3_read_data")
        for number, bank in enumerate(banks):
            self.comb += [
                writes[number].eq(bank.active & bank.write),
                reads[number].eq(bank.active & bank.read),
                bank.read_data.eq(data & Replicate(reads[number], width)),
            ]

        def where(number: int, column: Any) -> Any:
            low = (number << columns) | column[3:]
            return low | (banks[number].row << (geometry.bankbits + columns))

        chosen_writes = [Mux(writes[n], where(n, bank.write_col), 0) for n, bank in enumerate(banks)]
        chosen_reads = [Mux(reads[n], where(n, bank.read_col), 0) for n, bank in enumerate(banks)]
        self.comb += [place.eq(reduce(or_, chosen_writes)), source.eq(reduce(or_, chosen_reads))]
        self.specials += Instance(
            "Ddr3Store",
            name="ddr3_store",
            p_WIDTH=width,
            p_PLACES=1 << len(place),
            i_clk=clock,
            i_write=writes != 0,
            i_write_place=place,
            i_write_data=banks[0].write_data,
            i_write_mask=banks[0].write_mask,
            i_read_place=source,
            o_read_data=data,
        )


def pads_extension(chip: Any, data_bits: int) -> list[Any]:
    """The chip's pins as LiteX's PHY wants them."""
    geometry, strobes = chip.geom_settings, data_bits // 8
    widths = {"a": geometry.addressbits, "ba": geometry.bankbits, "dm": strobes, "dq": data_bits}
    widths |= {"dqs_p": strobes, "dqs_n": strobes}
    one = ("ras_n", "cas_n", "we_n", "cs_n", "clk_p", "clk_n", "cke", "odt", "reset_n")
    subsignals = [Subsignal(name, Pins(width)) for name, width in (widths | dict.fromkeys(one, 1)).items()]
    clocks = [(f"{name}_clk", 0, Pins(1)) for name in CLOCKS]
    return [("ddram", 0, *subsignals), *clocks, ("idelay_rst", 0, Pins(1))]


class Ddr3Phy(Module):
    """LiteDRAM's PHY for Artix-7 with its clock domains, whose clocks come from the top module."""

    def __init__(self, platform: Any, clock_hz: int) -> None:
        from litex.soc.cores.clock import S7IDELAYCTRL

        for name in CLOCKS:
            domain = ClockDomain(name, reset_less=name != "idelay")
            setattr(self.clock_domains, f"cd_{name}", domain)
            self.comb += domain.clk.eq(platform.request(f"{name}_clk"))
        # IDELAYCTRL's own reset counts from here: its clock must be stable by then.
        self.comb += self.cd_idelay.rst.eq(platform.request("idelay_rst"))
        self.submodules.control = S7IDELAYCTRL(self.cd_idelay)
        pads = platform.request("ddram")
        self.phy = A7DDRPHY(pads, memtype="DDR3", nphases=4, sys_clk_freq=clock_hz)


def c_headers(soc: Any) -> dict[str, str]:
    """generated/*.h for liblitedram: registers, memories, constants, and the sequence that initialises the chip."""
    settings = soc.sdram.controller.settings
    # phases that software can set are signals here; the header wants their reset values
    constants = {**soc.constants, "CONFIG_CPU_NOP": "nop"}
    phy = settings.phy
    texts = {
        "csr.h": get_csr_header(soc.csr.regions, constants),
        "mem.h": get_mem_header(soc.bus.regions),
        "soc.h": get_soc_header(constants, with_access_functions=False),
        "sdram_phy.h": get_sdram_phy_c_header(phy, settings.timing, settings.geom),
    }
    return {name: _without_banner(text) for name, text in texts.items()}


def _without_banner(text: str) -> str:
    """LiteX signs its files with date and revision."""
    return re.sub(r"^//-+\n(// .*\n)+//-+\n", "", text)
