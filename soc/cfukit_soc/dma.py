"""The CFU's DMA port in a system: its commands become reads of words of main memory, and the words elements.

    commands -> queue -> addresses -> memory -> words -> elements

The memory is LiteDRAM's native port where there is DRAM, with as many reads outstanding as its FIFO has room for; else a master
of the bus, one word at a time. A word may be narrower or wider than an element.

A command must see what the CPU stored before the instruction that started it. The CPU's data bus holds two stores at most which the
CPU has left behind, and shows a write from the cycle after that until the last is acknowledged. So if a CFU instruction finds a write on
the bus, commands wait until the bus shows none, or until two have been acknowledged.

Hardware takes addresses modulo the memory's size; simulators report `outside`.
"""

from __future__ import annotations

from typing import Any

from litex.gen import LiteXModule
from litex.soc.interconnect import stream, wishbone
from migen import FSM, Array, Cat, Constant, If, Mux, NextState, NextValue, Signal

from cfukit_base.cfu_ports import DmaShape, dma_ports
from cfukit_soc.boards import BusMemory

STORES_ON_THE_WAY = 2  # in the buffers between VexRiscv's data cache and the bus
COMMANDS = 4  # that wait, or whose elements come
WORDS_IN_FLIGHT = 16  # reads of DRAM; enough for its latency


class DmaReader(LiteXModule):
    """From commands to elements. `signals`: the ports of the CFU by name.

    * hold: no command is taken. outside: a command is taken that asks for nothing, or for what is not in `memory` or not aligned.
    * addresses, words: of the memory, in words of `word_bits`, counted from its begin.
    """

    def __init__(self, shape: DmaShape, memory: BusMemory, word_bits: int) -> None:
        self.signals = {
            port.name: Signal(port.bits, name_override=f"cfu_{port.name}") for port in dma_ports(shape)
        }
        self.hold = Signal(name_override="cfu_dma_hold")
        self.outside = Signal(name_override="cfu_dma_outside")
        self.addresses = stream.Endpoint([("address", 32)])
        self.words = stream.Endpoint([("data", word_bits)])
        self.per_word = max(1, word_bits // shape.width)  # elements
        self.per_element = max(1, shape.width // word_bits)  # words
        valid, ready = self.signals["dma_read_cmd_valid"], self.signals["dma_read_cmd_ready"]
        address, count = (self.signals[f"dma_read_cmd_payload_{name}"] for name in ("addr", "count"))

        offset, end = Signal(32), Signal(33)  # below the memory they are huge
        self.comb += [offset.eq(address - memory.base), end.eq(offset + (count << _log2(shape.bytes)))]
        aligned = address[: _log2(shape.bytes)] == 0
        wrong = (count == 0) | ~aligned | (end > memory.bytes)
        self.comb += self.outside.eq(valid & ready & wrong)

        # What waits to become addresses, and what waits for its words.
        self.queue = queue = stream.SyncFIFO([("begin", 32), ("words", len(count) + 4)], COMMANDS)
        self.expected = expected = stream.SyncFIFO([("skip", 4), ("count", len(count))], COMMANDS)
        skip = (offset >> _log2(shape.bytes)) & (self.per_word - 1)
        words = (skip + count + self.per_word - 1) >> _log2(self.per_word)
        first = (offset & (memory.bytes - 1)) >> _log2(word_bits // 8)
        taken = valid & ready & (count != 0)
        self.comb += [
            ready.eq(~self.hold & queue.sink.ready & expected.sink.ready),
            queue.sink.valid.eq(taken),
            queue.sink.begin.eq(first),
            queue.sink.words.eq(words << _log2(self.per_element)),
            expected.sink.valid.eq(taken),
            expected.sink.skip.eq(skip),
            expected.sink.count.eq(count),
        ]
        self._make_addresses()
        element = Signal(shape.width)
        complete = Signal()
        if self.per_element > 1:
            self._gather(element, complete)
        else:
            self._select(shape.width, element, complete)

    def _make_addresses(self) -> None:
        """Walk through one command after the other, an address per cycle."""
        queue, addresses = self.queue.source, self.addresses
        following, left = Signal(32), Signal(len(queue.words))
        self.comb += [
            addresses.valid.eq(left != 0),
            addresses.address.eq(following),
            queue.ready.eq((left == 0) | ((left == 1) & addresses.ready)),
        ]
        self.sync += [
            If(addresses.valid & addresses.ready, following.eq(following + 1), left.eq(left - 1)),
            If(queue.valid & queue.ready, following.eq(queue.begin), left.eq(queue.words)),
        ]

    def _answer(self, element: Any, complete: Any) -> tuple[Any, Any]:
        """Offer an element to the CFU while it is complete; whether it is taken, and whether it is its command's last."""
        fires, last, number = Signal(), Signal(), Signal(16)
        expected = self.expected.source
        self.comb += [
            self.signals["dma_read_rsp_valid"].eq(complete),
            self.signals["dma_read_rsp_payload_data"].eq(element),
            fires.eq(complete & self.signals["dma_read_rsp_ready"]),
            last.eq(number + 1 == expected.count),
            expected.ready.eq(fires & last),
        ]
        self.sync += If(fires, If(last, number.eq(0)).Else(number.eq(number + 1)))
        return fires, last

    def _gather(self, element: Any, complete: Any) -> None:
        """Several words make an element."""
        words, have = self.words, Signal(max=self.per_element)
        before = Signal(len(element) - len(words.data))
        self.comb += [
            element.eq(Cat(before, words.data)),
            complete.eq(words.valid & (have == self.per_element - 1)),
        ]
        fires, _ = self._answer(element, complete)
        self.comb += words.ready.eq((have != self.per_element - 1) | fires)
        moved = Cat(before, words.data)[len(words.data) :]
        self.sync += If(words.valid & words.ready, before.eq(moved), have.eq(have + 1), If(fires, have.eq(0)))

    def _select(self, width: int, element: Any, complete: Any) -> None:
        """A word is an element, or holds several of them."""
        words, expected = self.words, self.expected.source
        parts = Array(words.data[n * width : (n + 1) * width] for n in range(self.per_word))
        place, following, begins = Signal(4), Signal(4), Signal(reset=1)
        self.comb += [
            place.eq(Mux(begins, expected.skip, following)),
            element.eq(parts[place] if self.per_word > 1 else words.data),
            complete.eq(words.valid & expected.valid),
        ]
        fires, last = self._answer(element, complete)
        self.comb += words.ready.eq(fires & (last | (place == self.per_word - 1)))
        self.sync += If(
            fires, begins.eq(last), following.eq(Mux(place == self.per_word - 1, Constant(0, 4), place + 1))
        )


class BusReader(LiteXModule):
    """Words of main memory over the bus. It lets go of the bus after each, so that the CPU waits for one word at most."""

    def __init__(self, reader: DmaReader, memory: BusMemory) -> None:
        self.bus = bus = wishbone.Interface(data_width=32, address_width=32, addressing="word")
        addresses, words = reader.addresses, reader.words
        full = Signal(name_override="cfu_dma_word_full")
        self.comb += words.valid.eq(full)
        self.fsm = fsm = FSM(reset_state="REST")
        fsm.act("REST", If(addresses.valid & (~full | words.ready), NextState("READ")))
        fsm.act(
            "READ",
            bus.cyc.eq(1),
            bus.stb.eq(1),
            bus.sel.eq(0b1111),
            bus.adr.eq(memory.base // 4 + addresses.address),
            If(
                bus.ack,
                addresses.ready.eq(1),
                NextValue(words.data, bus.dat_r),
                NextState("REST"),
            ),
        )
        self.sync += If(fsm.ongoing("READ") & bus.ack, full.eq(1)).Elif(words.ready, full.eq(0))


class StoresFirst(LiteXModule):
    """`hold`: stores of the CPU which are older than its last CFU instruction are on their way."""

    def __init__(self, cpu: Any, hold: Any) -> None:
        bus, command = cpu.dbus, cpu.cfu_bus.cmd
        left = Signal(max=STORES_ON_THE_WAY + 1, name_override="cfu_dma_older_stores")
        stores = bus.cyc & bus.we
        self.comb += hold.eq(stores & (command.valid | (left != 0)))
        self.sync += [
            If(~stores, left.eq(0)).Elif(bus.ack & (left != 0), left.eq(left - 1)),
            If(stores & command.valid & command.ready, left.eq(STORES_ON_THE_WAY)),
        ]


def _log2(value: int) -> int:
    assert value & (value - 1) == 0
    return value.bit_length() - 1
