"""SPI flash at its pins: a reader for the bus, and the model of the chip for simulation.

`SpiFlashReader` is a read-only Wishbone slave that serves words straight from the chip: code that executes in place, weights, boot
images. After reset it wakes the chip from any mode in which a boot loader or power-up may have left it: 8 clocks with all lines high
end QPI and continuous-read modes, 0xAB ends deep power-down.

SCK is half the system's clock. A word costs:

* the next one in sequence: 16 + 3 cycles with four lanes (32 bits, 4 per clock), 64 + 3 with one;
* another one: first 4 cycles of deselection, and 2 x 40 cycles with four lanes (0x6B: 8 command, 24 address and 8 dummy bits) or
  2 x 32 with one (0x03).
"""

from __future__ import annotations

from typing import Any

from litex.gen import LiteXModule
from litex.soc.interconnect import wishbone
from migen import FSM, Cat, If, Instance, NextState, NextValue, Record, Replicate, Signal

READ = {1: (0x03, 0), 4: (0x6B, 8)}  # lanes -> command, dummy clocks
PADS = [("cs_n", 1), ("clk", 1), ("dq_o", 4), ("dq_oe", 4), ("dq_i", 4)]
_WAKE_CYCLES = 127  # after 0xAB the chip needs 3 us; longer than that at up to 40 MHz
_DESELECT_CYCLES = 4


class SpiFlashReader(LiteXModule):
    """Serves the words of a chip of `chip_bytes` bytes at the bus addresses of its region. lanes: 1 or 4, for data."""

    def __init__(self, pads: Any, chip_bytes: int, lanes: int) -> None:
        self.bus = bus = wishbone.Interface(data_width=32, address_width=32, addressing="word")
        command, dummy = READ[lanes]
        word_bits = (chip_bytes // 4 - 1).bit_length()
        address = Signal(word_bits, name_override="flash_word")
        following = Signal(word_bits, name_override="flash_following")
        shift = Signal(32, name_override="flash_shift")
        left = Signal(7, name_override="flash_left")  # clocks
        count = Signal(max=_WAKE_CYCLES + 1, name_override="flash_count")
        high = Signal(name_override="flash_high")  # SCK is 1
        selected = Signal(name_override="flash_selected")
        quad = Signal(name_override="flash_quad")  # data come on four lanes
        out = Signal(reset=1, name_override="flash_out")
        leaving = Signal(reset=1, name_override="flash_leaving")  # all lines driven high
        last = Signal(name_override="flash_last")
        self.comb += [
            address.eq(bus.adr[:word_bits]),
            pads.cs_n.eq(~selected),
            pads.clk.eq(high),
            # wp and hold (lanes 2, 3) are held high unless they carry data; lane 1 is the chip's output.
            pads.dq_o.eq(Cat(out, 1, 1, 1)),
            pads.dq_oe.eq(Cat(~quad, leaving, ~quad, ~quad)),
            last.eq(high & (left == 0)),
            bus.dat_r.eq(Cat(shift[24:], shift[16:24], shift[8:16], shift[:8])),
        ]
        fsm = self.submodules.fsm = FSM(reset_state="LEAVE")
        clocks = [  # two cycles per clock: sampled as SCK rises, changed as it falls
            NextValue(high, ~high),
            If(
                ~high,
                If(quad, NextValue(shift, Cat(pads.dq_i, shift[:28]))).Else(
                    NextValue(shift, Cat(pads.dq_i[1], shift[:31]))
                ),
            ).Else(NextValue(out, shift[31] | leaving), NextValue(left, left - 1)),
        ]

        def send(word: Any, first: Any, number: int) -> list[Any]:
            return [NextValue(shift, word), NextValue(out, first), NextValue(left, number - 1)]

        fsm.act(
            "LEAVE",
            NextValue(selected, 1),
            If(~selected, NextValue(left, 7)).Else(
                *clocks, If(last, NextValue(selected, 0), NextValue(leaving, 0), NextState("WAKE"))
            ),
        )
        fsm.act(
            "WAKE",
            NextValue(count, count + 1),
            If(
                count == _DESELECT_CYCLES,
                NextValue(selected, 1),
                *send(0xAB << 24, 1, 8),
                NextState("WAKING"),
            ),
        )
        fsm.act("WAKING", *clocks, If(last, NextValue(selected, 0), NextState("WAIT")))
        fsm.act(
            "WAIT",
            NextValue(count, count + 1),
            If(count == _WAKE_CYCLES, NextValue(count, 0), NextState("IDLE")),
        )
        data_clocks = 32 // lanes
        fsm.act(
            "IDLE",
            NextValue(count, 0),
            If(
                bus.cyc & bus.stb & ~bus.ack,
                If(
                    selected & (address == following),
                    NextValue(left, data_clocks - 1),
                    NextState("DATA"),
                ).Else(NextValue(selected, 0), NextValue(quad, 0), NextState("DESELECT")),
            ),
        )
        fsm.act(
            "DESELECT",
            NextValue(count, count + 1),
            If(
                count == _DESELECT_CYCLES,
                NextValue(selected, 1),
                *send(Cat(0, 0, address, Replicate(0, 22 - word_bits), command), 0, 32),
                NextState("COMMAND"),
            ),
        )
        after = [NextValue(left, data_clocks - 1), NextState("DATA")]
        if dummy:
            # From the dummy clocks on the lanes are the chip's.
            turn = [NextValue(quad, int(lanes == 4)), NextValue(left, dummy - 1), NextState("DUMMY")]
            fsm.act("COMMAND", *clocks, If(last, *turn))
            fsm.act("DUMMY", *clocks, If(last, *after))
        else:
            fsm.act("COMMAND", *clocks, If(last, *after))
        fsm.act("DATA", *clocks, If(last, NextState("ANSWER")))
        fsm.act("ANSWER", bus.ack.eq(1), NextValue(following, address + 1), NextState("IDLE"))


def pads_record() -> Any:
    """The chip's pins as seen from the system: outputs, their enables, inputs."""
    return Record(PADS, name="flash")


def chip_model(pads: Any, chip_bytes: int, begin_bytes: int) -> Instance:
    """The chip at the pins, in simulation; its contents from `begin_bytes` on are the memory `mem` (harness/spi_flash.v)."""
    return Instance(
        "SpiFlash",
        name="flash_chip",
        p_BYTES=chip_bytes,
        p_BEGIN=begin_bytes,
        i_cs_n=pads.cs_n,
        i_clk=pads.clk,
        i_dq_o=pads.dq_o,
        i_dq_oe=pads.dq_oe,
        o_dq_i=pads.dq_i,
        o_dq_i_oe=Signal(4, name_override="flash_chip_drives"),
    )
