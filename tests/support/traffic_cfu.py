"""A CFU that makes random traffic on its memory port and its DMA port, and programs that make more of it from the CPU's side.

Everything that it reads goes into a checksum at once, so the checksum shows in which cycle each word came.

* 0: start rs2 & 0xFFF accesses of the memory port, with the random seed rs1. Bit 31 of rs2: it writes too, the upper half of the window.
* 1: wait for all that was started; rd = the checksum, which becomes 0.
* 2: rd = the checksum as it is now.
* 3: read rs2 & 0xFFFF elements from address rs1 on by DMA.
* 4: the window is at offset rs1; at first it is at 8192.
"""

from __future__ import annotations

import random
from pathlib import Path

DTCM, WINDOW, WINDOW_BYTES = 0x3000_0000, 8192, 1024

_CFU = """
module Cfu (
  input clk, input reset, input cmd_valid, output cmd_ready, input [9:0] cmd_payload_function_id,
  input [31:0] cmd_payload_inputs_0, input [31:0] cmd_payload_inputs_1,
  output rsp_valid, input rsp_ready, output [31:0] rsp_payload_outputs_0{ports}
);
  reg [31:0] random, sum;
  reg [11:0] left;
  reg [19:0] window;
  reg [19:0] awaited;
  reg waits, writes, asks;
  reg [31:0] dma_addr;
  reg [15:0] dma_count;
  wire [2:0] op = cmd_payload_function_id[2:0];
  wire waiting = waits | (cmd_valid & op == 1);
  wire idle = left == 0 && awaited == 0 && !asks && !mem_rsp_valid && !outstanding;
  wire blocked = op == 3 && asks;
  assign rsp_valid = waiting ? idle : cmd_valid && !blocked;
  assign cmd_ready = !waits && !blocked && (op == 1 || rsp_ready);
  assign rsp_payload_outputs_0 = sum;
  wire fires = cmd_valid & cmd_ready;
  reg outstanding;
{body}
  wire [31:0] mixed = {{sum[30:0], sum[31]}} + (mem_rsp_valid ? read_word : 0) + (takes ? element_word : 0) + (takes | mem_rsp_valid);
  always @(posedge clk) begin
    sum <= waiting & rsp_valid & rsp_ready ? 0 : (mem_rsp_valid | takes ? mixed : sum);
    waits <= waiting & ~(rsp_valid & rsp_ready);
    outstanding <= took & ~is_write;
    if (!idle || waiting) random <= {{random[30:0], random[31] ^ random[21] ^ random[1] ^ random[0]}};
    if (took) left <= left - 1;
    awaited <= awaited + (fires & op == 3 ? dma_more : 0) - takes;
    if (dma_takes_command) asks <= 0;
    if (fires & op == 0) begin
      random <= cmd_payload_inputs_0 | 1; left <= cmd_payload_inputs_1[11:0]; writes <= cmd_payload_inputs_1[31];
    end
    if (fires & op == 4) window <= cmd_payload_inputs_0[19:0];
    if (fires & op == 3 & has_dma) begin
      asks <= 1; dma_addr <= cmd_payload_inputs_0; dma_count <= cmd_payload_inputs_1[15:0];
    end
    if (reset) begin
      random <= 1; sum <= 0; window <= 20'd8192; left <= 0; awaited <= 0; waits <= 0; writes <= 0; asks <= 0;
      dma_addr <= 0; dma_count <= 0; outstanding <= 0;
    end
  end
endmodule
"""
_MEMORY_PORTS = """,
  output mem_cmd_valid, input mem_cmd_ready, output mem_cmd_payload_we, output [19:0] mem_cmd_payload_addr,
  output [{w1}:0] mem_cmd_payload_data, output [{m1}:0] mem_cmd_payload_mask, input mem_rsp_valid, input [{w1}:0] mem_rsp_payload_data"""
_MEMORY = """
  wire is_write = writes & random[9];  // then it is in the upper half
  assign mem_cmd_valid = left != 0 && random[3:2] != 0;
  assign mem_cmd_payload_we = is_write;
  assign mem_cmd_payload_addr = window + ({{10'd0, random[9], random[17:14], random[7:4], 1'b0}} & ~20'd{last});
  assign mem_cmd_payload_data = {{{n}{{random * 32'h9E3779B1}}}};
  assign mem_cmd_payload_mask = {{{m}{{1'b1}}}} & {{4{{random[31:24] & random[23:16]}}}};
  wire took = mem_cmd_valid & mem_cmd_ready;
  wire [31:0] read_word = {fold};
"""
_NO_MEMORY = """
  // It only counts.
  wire took = left != 0 && random[3:2] != 0, is_write = 0, mem_rsp_valid = outstanding;
  wire [31:0] read_word = random;
"""
_DMA_PORTS = """,
  output dma_read_cmd_valid, input dma_read_cmd_ready, output [31:0] dma_read_cmd_payload_addr,
  output [15:0] dma_read_cmd_payload_count, input dma_read_rsp_valid, output dma_read_rsp_ready,
  input [{w1}:0] dma_read_rsp_payload_data"""
_DMA = """
  localparam has_dma = 1'b1;
  assign dma_read_cmd_valid = asks;
  assign dma_read_cmd_payload_addr = dma_addr;
  assign dma_read_cmd_payload_count = dma_count;
  assign dma_read_rsp_ready = random[12] | random[13] | ~writes;
  wire dma_takes_command = asks & dma_read_cmd_ready;
  wire takes = dma_read_rsp_valid & dma_read_rsp_ready;
  wire [15:0] dma_more = cmd_payload_inputs_1[15:0];
  wire [31:0] element_word = {fold};
"""
_NO_DMA = """
  localparam has_dma = 1'b0;
  wire dma_takes_command = asks, takes = 0;
  wire [15:0] dma_more = 0;
  wire [31:0] element_word = 0;
"""


def write_traffic_cfu(folder: Path, memory_bits: int, dma_bits: int) -> Path:
    """The CFU in Verilog with these ports; 0: without."""

    def fold(signal: str, bits: int) -> str:
        return " ^ ".join(f"{signal}[{n + 31}:{n}]" for n in range(0, bits, 32))

    ports = body = ""
    if memory_bits:
        size = memory_bits // 8
        ports += _MEMORY_PORTS.format(w1=memory_bits - 1, m1=size - 1)
        body += _MEMORY.format(
            last=size - 1, n=size // 4, m=size, fold=fold("mem_rsp_payload_data", memory_bits)
        )
    else:
        body += _NO_MEMORY
    if dma_bits:
        ports += _DMA_PORTS.format(w1=dma_bits - 1)
        body += _DMA.format(fold=fold("dma_read_rsp_payload_data", dma_bits))
    else:
        body += _NO_DMA
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "cfu.v"
    path.write_text(_CFU.format(ports=ports, body=body))
    return path


def traffic(seed: int, memory_bits: int, dma_bits: int, steps: int = 40) -> str:
    """C source: the CPU loads, stores and computes while the CFU does, in the same memories."""
    rng = random.Random(seed)
    lines = []
    for _ in range(steps):
        kind = rng.choice("sspwwclmiiddd")
        address = f"{DTCM + WINDOW + 4 * rng.randrange(128):#x}"  # the half that the CFU only reads
        cached = f"area[{rng.randrange(2048)}]"
        if kind == "s":
            count = rng.choice([1, 3, 20, 200, 1500])
            lines.append(f"CFU(0, 0, {rng.getrandbits(32):#x}, {count | rng.getrandbits(1) << 31:#x});")
        elif kind == "d" and dma_bits:
            count = rng.choice([1, 2, 7, 30, 150])
            start = rng.randrange(0, 2048 - 4 * 151) & ~3
            lines.append(f"CFU(3, 0, area + {start}, {count});")
        elif kind == "p":
            lines.append("sum += CFU(2, 0, sum, sum);")
        elif kind == "w":
            lines.append("sum += CFU(1, 0, 0, sum);")
        elif kind == "c":
            lines.append(
                f"for (u32 i = 0; i < {rng.choice([1, 5, 60, 300])}; i++) asm volatile('' : '+r'(sum));".replace(
                    "'", '"'
                )
            )
        elif kind == "l" and memory_bits:
            lines.append(
                f"for (u32 i = 0; i < {rng.randrange(1, 30)}; i++) sum += *(volatile u32 *)({address} + 4 * (i & 3));"
            )
        elif kind == "m" and memory_bits:
            lines.append(
                f"for (u32 i = 0; i < {rng.randrange(1, 30)}; i++) *(volatile unsigned char *)({address} + i) = sum + i;"
            )
        elif kind == "i":
            lines.append(
                f"{cached} = sum; sum += {cached.replace('[', '[(sum & 1) + ').replace(']', ' - (sum & 1)]')};"
            )
        else:
            count, first, step = rng.randrange(1, 40), rng.randrange(2048), rng.choice([1, 8, 129])
            lines.append(f"for (u32 i = 0; i < {count}; i++) area[({first} + i * {step}) & 2047] = sum + i;")
    body = "\n  ".join(lines)
    return (
        "static volatile u32 area[2048] __attribute__((aligned(64)));\n"
        f"int main(void) {{\n  u32 sum = 1;\n  {body}\n  sum += CFU(1, 0, 0, 0);\n  return (int)sum;\n}}\n"
    )


def outside(place: int, count: int = -1) -> str:
    """C source: the window is at an offset that there is not, or a DMA command reads `count` elements from a bad address on."""
    start = f"CFU(4, 0, {place}, 0); CFU(0, 0, 77, 9);" if count < 0 else f"CFU(3, 0, {place:#x}, {count});"
    return f"int main(void) {{ {start} return (int)CFU(1, 0, 0, 0); }}\n"


def collision(seed: int) -> str:
    """C source: the CPU loads what the CFU writes, sooner or later in the same cycle."""
    place = DTCM + WINDOW + WINDOW_BYTES // 2
    return (
        f"int main(void) {{ u32 sum = 0; for (int n = 0; n < 60; n++) {{ CFU(0, 0, {seed + 5} + n, 0x80000fff); "
        f"for (u32 i = 0; i < 300; i++) sum += *(volatile u32 *)({place:#x} + (i * 20 & 508)); }} "
        "return (int)(sum + CFU(1, 0, 0, 0)); }\n"
    )
