"""The CFU's memory port: the data TCM as rows of W bits that CPU and CFU share.

The CFU never delays the CPU.

* Style "block": port A of the memory does the CPU's loads. Port B does the CPU's stores, and in all other cycles what the CFU
  asks for. So `cmd_ready` depends on registers alone, and the stages of the CPU are not in front of the CFU's logic.
* Style "spram": there is one port. The CFU gets the cycles that the CPU does not use, which is all of them while an instruction
  waits for the CFU.

A row is W/32 words of 32 bits with byte enables: W/32 memories side by side, all accessed at once, one row per cycle.

    cmd_ready = no store to the memory is in writeBack (spram: and no load passes)
    rsp_valid = a read was taken in the previous cycle; reset drops it

If the CPU loads a word in the cycle in which the CFU writes it, the load gives anything; `collides` is 1 when that load leaves.
`outside` is 1 while the CFU asks for an offset beyond the memory or not aligned to W/8 bytes. Both outputs are for simulators;
hardware wraps around.
"""

from __future__ import annotations

from typing import Protocol

from amaranth import Cat, ClockSignal, Instance, Module, Mux, Signal, Value

from cfukit_base.cfu_ports import CPU_MEMORY_PREFIX, CPU_MEMORY_WATCHES, MemorySignals, memory_ports
from cfukit_cpu.configuration import DTCM_BASE, Configuration
from cfukit_cpu.edits import Rule


class DataSide(Protocol):
    """What the memory needs of `Tcm`: the load in execute, the store in writeBack, and when the stages move."""

    load_word: Value
    store_word: Value
    store_data: Signal
    data_store: Value
    data_execute_isValid: Signal
    data_execute_address: Signal
    data_execute_args_wr: Signal
    data_memory_isStuck: Signal
    data_writeBack_isStuck: Signal
    data_writeBack_isValid: Signal
    data_writeBack_isFiring: Signal
    data_writeBack_storeData: Signal


class SharedDtcm(MemorySignals[Signal]):
    """The data TCM with the CFU's port. `signals`: the port and what simulators watch, by name."""

    def __init__(self, config: Configuration, bits: int):
        self.config, self.bits = config, bits
        widths = {port.name: port.bits for port in memory_ports(bits)} | dict.fromkeys(CPU_MEMORY_WATCHES, 1)
        super().__init__({name: Signal(width, name=f"cfu_{name}") for name, width in widths.items()})
        self.collides, self.outside = (self.signals[name] for name in CPU_MEMORY_WATCHES)
        self.lanes = bits // 32
        self.lane_bits = (self.lanes - 1).bit_length()

    def attach(self, m: Module, tcm: DataSide, loads: Value, word: Signal) -> None:
        """Put the memory behind `tcm`. loads: a load may pass from execute to memory. word: gets what it reads, a cycle later."""
        lanes, lane_bits = self.lanes, self.lane_bits
        block = self.config.tcm == "block"
        stores, takes, reads = (Signal(name=f"cfu_{name}") for name in ("stores", "takes", "reads"))
        row = Signal(self.bits)  # what the CPU's load read
        lane = Signal(range(max(2, lanes)))
        reading = ~tcm.data_memory_isStuck if block else loads
        m.d.comb += [
            stores.eq(tcm.data_store),
            self.cmd_ready.eq(~stores if block else ~(stores | loads)),
            takes.eq(self.cmd_valid & self.cmd_ready),
            reads.eq(takes & ~self.we),
            word.eq(row.word_select(lane, 32) if lanes > 1 else row),
        ]
        m.d.sync += self.rsp_valid.eq(reads)
        if lanes > 1:
            with m.If(reading):
                m.d.sync += lane.eq(tcm.load_word[:lane_bits])

        store_lane = tcm.store_word[:lane_bits]
        store_mask = Cat(
            Mux(store_lane == n, tcm.store_data, 0) if lanes > 1 else tcm.store_data for n in range(lanes)
        )
        wanted = self.addr[(self.bits // 8 - 1).bit_length() :]
        load_row, store_row = tcm.load_word[lane_bits:], tcm.store_word[lane_bits:]
        written = {
            "i_mask": Mux(stores, store_mask, Mux(takes & self.we, self.mask, 0)),
            "i_write_data": Mux(stores, tcm.data_writeBack_storeData.replicate(lanes), self.data),
        }
        if block:
            m.submodules.dtcm = Instance(
                "DataTcm",
                i_clk=ClockSignal(),
                i_load_enable=reading,
                i_load_address=load_row,
                o_load_data=row,
                i_enable=stores | takes,
                i_address=Mux(stores, store_row, wanted)[:17],
                o_read_data=self.rsp_data,
                **written,
            )
        else:
            m.submodules.dtcm = Instance(
                "DataTcm",
                i_clk=ClockSignal(),
                i_enable=stores | loads | takes,
                i_address=Mux(stores, store_row, Mux(loads, load_row, wanted))[:17],
                o_read_data=row,
                **written,
            )
            m.d.comb += self.rsp_data.eq(row)
        self._watch(m, tcm, takes, load_row == wanted)

    def _watch(self, m: Module, tcm: DataSide, takes: Signal, same_row: Value) -> None:
        """What simulators report."""
        address = self.addr
        aligned = address[: (self.bits // 8 - 1).bit_length()] == 0
        m.d.comb += self.outside.eq(takes & ((address >= self.config.dtcm_bytes) | ~aligned))
        now, in_memory, in_write_back = (Signal(name=f"collided_{name}") for name in ("now", "m", "w"))
        lane = tcm.load_word[: self.lane_bits] if self.lanes > 1 else 0
        loaded = tcm.data_execute_isValid & ~tcm.data_execute_args_wr
        hit = tcm.data_execute_address[19:] == DTCM_BASE >> 19
        touched = self.mask.word_select(lane, 4).any()
        m.d.comb += now.eq(loaded & hit & same_row & takes & self.we & touched)
        with m.If(~tcm.data_memory_isStuck):
            m.d.sync += in_memory.eq(now)
        with m.If(~tcm.data_writeBack_isStuck):
            m.d.sync += in_write_back.eq(in_memory)
        m.d.comb += self.collides.eq(tcm.data_writeBack_isValid & tcm.data_writeBack_isFiring & in_write_back)


def core_ports(bits: int) -> tuple[list[Rule], list[str]]:
    """Rules that give module VexRiscv the port, and the pins of `Tcm` that are connected to it."""
    ports = [(port.name, port.bits, port.opposite) for port in memory_ports(bits)]
    ports += [(name, 1, "output") for name in CPU_MEMORY_WATCHES]
    declared = "".join(
        f"  {direction:6} [{width - 1}:0] {CPU_MEMORY_PREFIX}{name},\n" for name, width, direction in ports
    )
    rules: list[Rule] = [
        (r"(?m)^  input               clk,\n  input               reset\n\);", declared + r"\g<0>", 1)
    ]
    return rules, [f".cfu_{name}({CPU_MEMORY_PREFIX}{name})" for name, _, _ in ports]
