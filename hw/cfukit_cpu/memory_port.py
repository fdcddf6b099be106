"""The CFU's memory port: the data TCM as rows of W bits that CPU and CFU share.

The CFU never delays the CPU. style "block": the CPU's loads have port A of the memory; port B does the CPU's stores first, else
what the CFU asks for. style "spram": one port; the CFU gets the cycles that the CPU leaves, all of them while an instruction
waits for the CFU. A row is W/32 words of 32 bits with bytes enabled: W/32 memories side by side, one access a cycle to all.

    cmd_ready = no store leaves in this cycle (spram: nor does a load pass)
    rsp_valid = a read was taken in the cycle before; reset drops it

A CPU load and a CFU write of one word in one cycle give anything. `collides` says so when that load leaves; `outside` is 1 while the
CFU asks for what lies beyond the memory or is not aligned to W/8 bytes. Both are for simulators; hardware wraps around.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amaranth import Cat, ClockSignal, Instance, Module, Mux, Signal, Value

from cfukit_base.errors import UsageError
from cfukit_cpu.configuration import DTCM_BASE, Configuration
from cfukit_cpu.verilog import Rule

if TYPE_CHECKING:
    from cfukit_cpu.tcm import Tcm

WIDTHS = {"block": (32, 64, 128), "spram": (32, 64)}
ADDRESS_BITS = 20
CORE_PREFIX = "CfuMemory_"  # of the ports of module VexRiscv


def ports(bits: int) -> tuple[tuple[str, int, str], ...]:
    """Name, width and direction (as seen from the CPU) of the port's signals."""
    return (
        ("mem_cmd_valid", 1, "input"),
        ("mem_cmd_ready", 1, "output"),
        ("mem_cmd_payload_we", 1, "input"),
        ("mem_cmd_payload_addr", ADDRESS_BITS, "input"),
        ("mem_cmd_payload_data", bits, "input"),
        ("mem_cmd_payload_mask", bits // 8, "input"),
        ("mem_rsp_valid", 1, "output"),
        ("mem_rsp_payload_data", bits, "output"),
        ("collides", 1, "output"),
        ("outside", 1, "output"),
    )


def check(config: Configuration, bits: int, cpu: str) -> None:
    """Raise UsageError unless a CPU of `config` can have a port of `bits`."""
    if not config.dtcm_bytes:
        raise UsageError(
            "soc.cpu",
            f"CPU {cpu} has no data TCM",
            allowed="the CFU's memory port needs one",
            hint='cpu = "tcm", or a table with dtcm_bytes',
        )
    if bits not in WIDTHS[config.tcm]:
        widths = ", ".join(map(str, WIDTHS[config.tcm]))
        raise UsageError(
            "the CFU's memory port", f"{bits} bits", allowed=f"{widths} with tcm = {config.tcm!r}"
        )


class MemoryPort:
    """The port's signals, as ports of `tcm`, and the memory behind them."""

    def __init__(self, tcm: Tcm, bits: int):
        self.tcm, self.bits = tcm, bits
        for name, width, _ in ports(bits):
            signal = Signal(width, name=f"cfu_{name}")
            setattr(self, name, signal)
            tcm.ports.append(signal)
        self.lanes = bits // 32
        self.lane_bits = (self.lanes - 1).bit_length()

    mem_cmd_valid: Signal
    mem_cmd_ready: Signal
    mem_cmd_payload_we: Signal
    mem_cmd_payload_addr: Signal
    mem_cmd_payload_data: Signal
    mem_cmd_payload_mask: Signal
    mem_rsp_valid: Signal
    mem_rsp_payload_data: Signal
    collides: Signal
    outside: Signal

    def attach(self, m: Module, loads: Value, word: Signal) -> None:
        """The data TCM. loads: a load may pass from execute to memory; `word` becomes what it reads, a cycle later."""
        tcm, lanes, lane_bits = self.tcm, self.lanes, self.lane_bits
        block = tcm.config.tcm == "block"
        stores, takes, reads = (Signal(name=f"cfu_{name}") for name in ("stores", "takes", "reads"))
        row = Signal(self.bits)  # what the CPU's load read
        lane = Signal(range(max(2, lanes)))
        reading = ~tcm.data_memory_isStuck if block else loads
        m.d.comb += [
            stores.eq(tcm.store_data.any()),
            self.mem_cmd_ready.eq(~stores if block else ~(stores | loads)),
            takes.eq(self.mem_cmd_valid & self.mem_cmd_ready),
            reads.eq(takes & ~self.mem_cmd_payload_we),
            word.eq(row.word_select(lane, 32) if lanes > 1 else row),
        ]
        m.d.sync += self.mem_rsp_valid.eq(reads)
        if lanes > 1:
            with m.If(reading):
                m.d.sync += lane.eq(tcm.load_word[:lane_bits])

        store_lane = tcm.store_word[:lane_bits]
        store_mask = Cat(
            Mux(store_lane == n, tcm.store_data, 0) if lanes > 1 else tcm.store_data for n in range(lanes)
        )
        wanted = self.mem_cmd_payload_addr[(self.bits // 8 - 1).bit_length() :]
        load_row, store_row = tcm.load_word[lane_bits:], tcm.store_word[lane_bits:]
        written = {
            "i_mask": Mux(
                stores, store_mask, Mux(takes & self.mem_cmd_payload_we, self.mem_cmd_payload_mask, 0)
            ),
            "i_write_data": Mux(
                stores, tcm.data_writeBack_storeData.replicate(lanes), self.mem_cmd_payload_data
            ),
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
                o_read_data=self.mem_rsp_payload_data,
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
            m.d.comb += self.mem_rsp_payload_data.eq(row)
        self._watch(m, takes, load_row == wanted)

    def _watch(self, m: Module, takes: Signal, same_row: Value) -> None:
        """What simulators report."""
        tcm, config = self.tcm, self.tcm.config
        address = self.mem_cmd_payload_addr
        aligned = address[: (self.bits // 8 - 1).bit_length()] == 0
        m.d.comb += self.outside.eq(takes & ((address >= config.dtcm_bytes) | ~aligned))
        now, in_memory, in_write_back = (Signal(name=f"collided_{name}") for name in ("now", "m", "w"))
        lane = tcm.load_word[: self.lane_bits] if self.lanes > 1 else 0
        loaded = tcm.data_execute_isValid & ~tcm.data_execute_args_wr
        hit = tcm.data_execute_address[19:] == DTCM_BASE >> 19
        touched = self.mem_cmd_payload_mask.word_select(lane, 4).any()
        m.d.comb += now.eq(loaded & hit & same_row & takes & self.mem_cmd_payload_we & touched)
        with m.If(~tcm.data_memory_isStuck):
            m.d.sync += in_memory.eq(now)
        with m.If(~tcm.data_writeBack_isStuck):
            m.d.sync += in_write_back.eq(in_memory)
        m.d.comb += self.collides.eq(tcm.data_writeBack_isValid & tcm.data_writeBack_isFiring & in_write_back)


def row_memory_verilog(name: str, size_bytes: int, bits: int, style: str) -> str:
    """A memory of rows with bytes enabled; with "block" a second port that reads. What a load reads while the other port writes
    it is undefined, and so is what the other port gives after a write: with CFUKIT_POISON the inverse of what is there."""
    rows = size_bytes * 8 // bits
    index = f"address[{(rows - 1).bit_length() - 1}:0]"
    range_, last = f"[{bits - 1}:0]", bits // 8 - 1
    inputs = [f"input enable, input [16:0] address, input [{last}:0] mask, input {range_} write_data"]
    inputs += [f"output reg {range_} read_data"]
    bytes_ = "".join(
        f"      if (mask[{n}]) mem[{index}][{8 * n + 7}:{8 * n}] <= write_data[{8 * n + 7}:{8 * n}];\n"
        for n in range(bits // 8)
    )
    body = f"    if (enable) begin\n{bytes_}      if (mask == 0) read_data <= mem[{index}];\n    end\n"
    poison = f"    if (enable && mask != 0) read_data <= ~mem[{index}];\n"
    if style == "block":
        inputs += ["input load_enable, input [16:0] load_address", f"output reg {range_} load_data"]
        body += f"    if (load_enable) load_data <= mem[load_{index}];\n"
        poison += f"    if (load_enable && enable && mask != 0 && load_{index} == {index}) begin\n"
        for n in range(bits // 8):
            part = f"[{8 * n + 7}:{8 * n}]"
            poison += f"      if (mask[{n}]) load_data{part} <= ~mem[load_{index}]{part};\n"
        poison += "    end\n"
    body += f"`ifdef CFUKIT_POISON\n{poison}`endif\n"
    return (
        f"module {name} (\n  input clk,\n  " + ",\n  ".join(inputs) + "\n);\n"
        f'  (* ram_style = "{"block" if style == "block" else "huge"}", no_rw_check *) reg {range_} mem [0:{rows - 1}];\n'
        f"  always @(posedge clk) begin\n{body}  end\nendmodule\n"
    )


def core_ports(bits: int) -> tuple[list[Rule], list[str]]:
    """Rules that give module VexRiscv the port, and the pins of `Tcm` that are connected to it."""
    declared = "".join(
        f"  {direction:6} [{width - 1}:0] {CORE_PREFIX}{name},\n" for name, width, direction in ports(bits)
    )
    rules: list[Rule] = [
        (r"(?m)^  input               clk,\n  input               reset\n\);", declared + r"\g<0>", 1)
    ]
    return rules, [f".cfu_{name}({CORE_PREFIX}{name})" for name, _, _ in ports(bits)]
