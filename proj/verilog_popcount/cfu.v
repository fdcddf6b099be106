// Hamming distance and population count, for binary neural networks and bit masks.
// Written in the form of CFU Playground's template: one module, everything in the cycle of the command.
//   funct3 0: rd = number of bits in which rs1 and rs2 differ
//   funct3 1: rd = number of ones in rs1
module Cfu (
  input               cmd_valid,
  output              cmd_ready,
  input      [9:0]    cmd_payload_function_id,
  input      [31:0]   cmd_payload_inputs_0,
  input      [31:0]   cmd_payload_inputs_1,
  output              rsp_valid,
  input               rsp_ready,
  output     [31:0]   rsp_payload_outputs_0,
  input               reset,
  input               clk
);
  wire [2:0] funct3 = cmd_payload_function_id[2:0];
  wire [31:0] word = funct3 == 0 ? cmd_payload_inputs_0 ^ cmd_payload_inputs_1 : cmd_payload_inputs_0;

  // A tree of adders: 16 sums of 2 bits, then 8, 4, 2, 1.
  wire [31:0] sum2 = (word & 32'h55555555) + ((word >> 1) & 32'h55555555);
  wire [31:0] sum4 = (sum2 & 32'h33333333) + ((sum2 >> 2) & 32'h33333333);
  wire [31:0] sum8 = (sum4 + (sum4 >> 4)) & 32'h0f0f0f0f;
  wire [5:0] ones = sum8[5:0] + sum8[13:8] + sum8[21:16] + sum8[29:24];

  assign rsp_valid = cmd_valid;
  assign cmd_ready = rsp_ready;
  assign rsp_payload_outputs_0 = funct3 < 2 ? {26'b0, ones} : 32'b0;
endmodule
