"""CFUs that take commands and give answers in different ways. Each answer depends on all commands before: one that goes out twice shows."""

from __future__ import annotations

from pathlib import Path

PORTS = """module Cfu (
  input clk, input reset,
  input cmd_valid, output cmd_ready,
  input [9:0] cmd_payload_function_id, input [31:0] cmd_payload_inputs_0, input [31:0] cmd_payload_inputs_1,
  output rsp_valid, input rsp_ready, output [31:0] rsp_payload_outputs_0
);
  wire take = cmd_valid & cmd_ready, give = rsp_valid & rsp_ready;
  wire [31:0] a = cmd_payload_inputs_0, b = cmd_payload_inputs_1;
  reg [31:0] sum = 0;
  wire [31:0] next = {sum[30:0], sum[31]} + a + 3 * b + {22'd0, cmd_payload_function_id};
  always @(posedge clk) if (reset) sum <= 0; else if (take) sum <= next;
"""
BODIES = {
    "answers at once": """
  assign cmd_ready = rsp_ready, rsp_valid = cmd_valid, rsp_payload_outputs_0 = next;
""",
    "answers in the next cycle": """
  reg full = 0;
  assign cmd_ready = ~full | rsp_ready, rsp_valid = full, rsp_payload_outputs_0 = sum;
  always @(posedge clk) full <= ~reset & (take | full & ~rsp_ready);
""",
    "takes nothing before its answer is gone": """
  reg full = 0;
  assign cmd_ready = ~full, rsp_valid = full, rsp_payload_outputs_0 = sum;
  always @(posedge clk) full <= ~reset & (take | full & ~rsp_ready);
""",
    "is a pipeline of three": """
  reg [2:0] full = 0;
  reg [31:0] first, second, third;
  wire moves = ~full[2] | rsp_ready;
  assign cmd_ready = moves, rsp_valid = full[2], rsp_payload_outputs_0 = third;
  always @(posedge clk) begin
    if (moves) begin full <= {full[1:0], take}; third <= second; second <= first; first <= next; end
    if (reset) full <= 0;
  end
""",
    "takes its time to accept": """
  reg [2:0] waited = 0;
  wire due = waited >= {1'b0, a[1:0]};
  assign cmd_ready = due & rsp_ready, rsp_valid = cmd_valid & due, rsp_payload_outputs_0 = next;
  always @(posedge clk) waited <= reset | take | ~cmd_valid ? 0 : due ? waited : waited + 1;
""",
    "queues two and takes as long as the operand says": """
  reg [1:0] level = 0;
  reg [31:0] now, later;
  reg [3:0] left = 0;
  assign cmd_ready = level != 2, rsp_valid = level != 0 & left == 0, rsp_payload_outputs_0 = now;
  always @(posedge clk) begin
    if (level != 0 & left != 0) left <= left - 1;
    if (give) begin now <= later; left <= later[3:0]; end
    if (take & level == {1'b0, give}) begin now <= next; left <= next[3:0]; end
    if (take & level == 2'd1 + {1'b0, give}) later <= next;
    level <= level + {1'b0, take} - {1'b0, give};
    if (reset) level <= 0;
  end
""",
}


def write_cfu(name: str, folder: Path) -> Path:
    """The Verilog of one of BODIES."""
    path = folder / "cfu.v"
    path.write_text(f"{PORTS}{BODIES[name]}endmodule\n")
    return path
