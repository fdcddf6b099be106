// A CFU for the speed benchmark: funct3 0 adds four products of int8 to an accumulator and answers it one cycle later;
// 1 answers and clears it. A second command is accepted while an answer waits.
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
  reg         [1:0]  waiting = 0;
  reg signed  [31:0] sum = 0, queue_0 = 0, queue_1 = 0;
  wire signed [15:0] p0 = $signed(cmd_payload_inputs_0[7:0]) * $signed(cmd_payload_inputs_1[7:0]);
  wire signed [15:0] p1 = $signed(cmd_payload_inputs_0[15:8]) * $signed(cmd_payload_inputs_1[15:8]);
  wire signed [15:0] p2 = $signed(cmd_payload_inputs_0[23:16]) * $signed(cmd_payload_inputs_1[23:16]);
  wire signed [15:0] p3 = $signed(cmd_payload_inputs_0[31:24]) * $signed(cmd_payload_inputs_1[31:24]);
  wire signed [31:0] next = sum + p0 + p1 + p2 + p3;
  wire               clear = cmd_payload_function_id[0];
  wire signed [31:0] answer = clear ? sum : next;
  wire               take = cmd_valid & cmd_ready, give = rsp_valid & rsp_ready;
  assign cmd_ready = waiting != 2;
  assign rsp_valid = waiting != 0;
  assign rsp_payload_outputs_0 = queue_0;
  always @(posedge clk) begin
    if (take) sum <= clear ? 0 : next;
    if (give) queue_0 <= queue_1;
    if (take & (waiting == (give ? 1 : 0))) queue_0 <= answer;
    if (take & (waiting == (give ? 2 : 1))) queue_1 <= answer;
    waiting <= waiting + {1'b0, take} - {1'b0, give};
    if (reset) begin waiting <= 0; sum <= 0; end
  end
endmodule
