"""Single data rate SDRAM: LiteDRAM's controller, a PHY of plain registers, and its start-up sequence in gateware.

The chip's clock is the system's, inverted: the chip takes a command half a cycle after it changes, and its data are there half a cycle
before we take them. No software initialises the chip, so a program may be in it from the start, put there by a simulator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litedram import modules
from litedram.common import PhySettings
from litedram.phy.dfi import Interface
from litex.gen import LiteXModule
from migen import FSM, Cat, If, Instance, NextState, NextValue, Record, Signal

from cfukit_soc.boards import Sdram

START_SECONDS = 200e-6  # the chips want 100 to 200 us of clock before the first command


@dataclass(frozen=True)
class Chip:
    """Geometry of a chip, from LiteDRAM's module of that name."""

    module: Any
    data_bits: int

    @property
    def pads(self) -> list[tuple[str, int]]:
        geometry = self.module.geom_settings
        one = ["cke", "cs_n", "ras_n", "cas_n", "we_n", "dq_oe"]
        wide = [("ba", geometry.bankbits), ("a", geometry.addressbits), ("dm", self.data_bits // 8)]
        return [*((name, 1) for name in one), *wide, ("dq_o", self.data_bits), ("dq_i", self.data_bits)]


def chip_of(sdram: Sdram, clock_hz: int) -> Chip:
    """The chip on the board with its timings at this clock."""
    return Chip(getattr(modules, sdram.module)(clock_hz, "1:1"), sdram.data_bits)


class SdramPhy(LiteXModule):
    """DFI to pads: every signal through one register."""

    def __init__(self, pads: Any, chip: Chip, latency: int) -> None:
        geometry = chip.module.geom_settings
        bits = chip.data_bits
        self.settings = PhySettings(
            phytype="GENSDRPHY",
            memtype="SDR",
            databits=bits,
            dfi_databits=bits,
            nphases=1,
            rdphase=0,
            wrphase=0,
            cl=latency,
            read_latency=latency + 1,
            write_latency=0,
        )
        self.dfi = dfi = Interface(geometry.addressbits, geometry.bankbits, 1, bits)
        p0 = dfi.p0
        self.sync += [
            pads.cke.eq(1),
            pads.cs_n.eq(p0.cs_n),
            pads.ras_n.eq(p0.ras_n),
            pads.cas_n.eq(p0.cas_n),
            pads.we_n.eq(p0.we_n),
            pads.ba.eq(p0.bank),
            pads.a.eq(p0.address),
            pads.dm.eq(p0.wrdata_mask),
            pads.dq_o.eq(p0.wrdata),
            pads.dq_oe.eq(p0.wrdata_en),
            p0.rddata.eq(pads.dq_i),
        ]
        enabled = Signal(latency + 1, name_override="sdram_read_enabled")
        self.sync += [enabled.eq(Cat(p0.rddata_en, enabled)), p0.rddata_valid.eq(enabled[-1])]


class SdramStart(LiteXModule):
    """The start-up sequence: precharge, two refreshes, mode register. `done`: the controller may take over.

    cycles: the first one after reset in which it is done.
    """

    def __init__(self, injector: Any, clock_hz: int, latency: int) -> None:
        self.done = Signal(name_override="sdram_started")
        wait = int(START_SECONDS * clock_hz)
        count = Signal(max=wait + 1, reset=wait, name_override="sdram_start_wait")
        p0 = injector.ext_dfi.p0
        self.comb += [injector.ext_dfi_sel.eq(~self.done), p0.cke.eq(1), p0.cs_n.eq(1)]
        self.comb += [p0.ras_n.eq(1), p0.cas_n.eq(1), p0.we_n.eq(1)]
        fsm = self.submodules.fsm = FSM(reset_state="STEP0")
        # ras_n, cas_n, we_n, address: precharge all, refresh, refresh, mode (burst of 1, latency)
        steps = [(0, 1, 0, 1 << 10), (0, 0, 1, 0), (0, 0, 1, 0), (0, 0, 0, latency << 4)]
        for n, (ras_n, cas_n, we_n, address) in enumerate(steps):
            command = [p0.cs_n.eq(0), p0.ras_n.eq(ras_n), p0.cas_n.eq(cas_n), p0.we_n.eq(we_n)]
            fsm.act(
                f"STEP{n}",
                NextValue(count, count - 1),
                If(
                    count == 0,
                    *command,
                    p0.address.eq(address),
                    NextValue(count, 15),
                    NextState(f"STEP{n + 1}"),
                ),
            )
        self.cycles = wait + 1 + 16 * len(steps)  # until it is done
        fsm.act(f"STEP{len(steps)}", NextValue(count, count - 1), If(count == 0, NextState("DONE")))
        fsm.act("DONE", self.done.eq(1))


def pads_record(chip: Chip) -> Any:
    """The chip's pins as seen from the system."""
    return Record(chip.pads, name="sdram")


def chip_model(pads: Any, chip: Chip, clock: Any) -> Instance:
    """The chip at the pins, in simulation (harness/sdram.v)."""
    geometry = chip.module.geom_settings
    ports: dict[str, Any] = {
        f"{'o' if name == 'dq_i' else 'i'}_{name}": getattr(pads, name) for name, _ in chip.pads
    }
    return Instance(
        "Sdram",
        name="sdram_chip",
        p_BITS=chip.data_bits,
        p_ROWS=geometry.rowbits,
        p_COLUMNS=geometry.colbits,
        i_clk=~clock,
        **ports,
    )
