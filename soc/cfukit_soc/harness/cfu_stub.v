// The Cfu of a system that has none: every instruction answers 0, in the same cycle if the CPU takes it.
module Cfu (
  input         clk,
  input         reset,
  input         cmd_valid,
  output        cmd_ready,
  input  [9:0]  cmd_payload_function_id,
  input  [31:0] cmd_payload_inputs_0,
  input  [31:0] cmd_payload_inputs_1,
  output        rsp_valid,
  input         rsp_ready,
  output [31:0] rsp_payload_outputs_0
);
  // Accepts a second command while an answer waits: without that the CPU can issue an instruction twice
  // (see the front end of cfukit's own Cfu).
  reg [1:0] waiting = 2'd0;
  assign cmd_ready = waiting != 2'd2;
  assign rsp_valid = cmd_valid | (waiting != 2'd0);
  assign rsp_payload_outputs_0 = 32'd0;
  always @(posedge clk)
    if (reset) waiting <= 2'd0;
    else waiting <= waiting + {1'b0, cmd_valid & cmd_ready} - {1'b0, rsp_valid & rsp_ready};
endmodule
