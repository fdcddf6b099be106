// Four int8 channels at once, each with a sum of its own: what a depthwise convolution needs.
// Written in the form of CFU Playground's template: one module, the answer in the cycle of the command.
//   funct3 0: sum[i] = (funct7[0] ? 0 : sum[i]) + rs1[i] * rs2[i] in each of four lanes; rd = 0
//   funct3 1: rd = sum[funct7[1:0]]
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
  wire [6:0] funct7 = cmd_payload_function_id[9:3];

  reg [31:0] sum [0:3];

  genvar i;
  generate
    for (i = 0; i < 4; i = i + 1) begin : lane
      wire signed [15:0] product =
        $signed(cmd_payload_inputs_0[8*i +: 8]) * $signed(cmd_payload_inputs_1[8*i +: 8]);
      always @(posedge clk) begin
        if (reset)
          sum[i] <= 0;
        else if (cmd_valid && cmd_ready && funct3 == 0)
          sum[i] <= (funct7[0] ? 0 : sum[i]) + {{16{product[15]}}, product};
      end
    end
  endgenerate

  assign rsp_valid = cmd_valid;
  assign cmd_ready = rsp_ready;
  assign rsp_payload_outputs_0 = funct3 == 1 ? sum[funct7[1:0]] : 32'b0;
endmodule
