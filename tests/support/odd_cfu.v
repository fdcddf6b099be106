// A CFU for tests of the engine. funct3 0: a + b in the same cycle; 1: a ^ b after funct7 + 1 cycles;
// 6: is never accepted; 7: is never answered.
module Cfu (
  input             clk,
  input             reset,
  input             cmd_valid,
  output            cmd_ready,
  input      [9:0]  cmd_payload_function_id,
  input      [31:0] cmd_payload_inputs_0,
  input      [31:0] cmd_payload_inputs_1,
  output            rsp_valid,
  input             rsp_ready,
  output     [31:0] rsp_payload_outputs_0
);
  wire [2:0] funct3 = cmd_payload_function_id[2:0];
  wire [6:0] funct7 = cmd_payload_function_id[9:3];
  reg        busy = 0, dead = 0;
  reg [6:0]  left = 0;
  reg [31:0] result = 0;
  wire       at_once = ~busy & (funct3 == 3'd0);
  assign cmd_ready = ~busy & (funct3 != 3'd6);
  assign rsp_valid = busy ? (left == 0) & ~dead : cmd_valid & at_once;
  assign rsp_payload_outputs_0 = busy ? result : cmd_payload_inputs_0 + cmd_payload_inputs_1;
  always @(posedge clk) begin
    if (busy) begin
      if (left != 0) left <= left - 1;
      if (rsp_valid & rsp_ready) busy <= 0;
    end else if (cmd_valid & cmd_ready & ~(at_once & rsp_ready)) begin
      busy <= 1;
      left <= at_once ? 0 : funct7;
      dead <= funct3 == 3'd7;
      result <= at_once ? rsp_payload_outputs_0 : cmd_payload_inputs_0 ^ cmd_payload_inputs_1;
    end
    if (reset) begin busy <= 0; dead <= 0; end
  end
endmodule
