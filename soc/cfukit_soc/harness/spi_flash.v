// A serial flash chip at its pins, as far as reading goes: 0x03 (one lane), 0x0B (one lane, 8 dummy clocks), 0x6B (four lanes, 8 dummy
// clocks), 0xAB and 0xFF. It begins as a boot loader may have left it: in QPI mode and in deep power-down. In QPI mode it accepts only
// 0xFF on four lanes, in power-down only 0xAB, so a system that forgets either reads all ones.
// `mem` holds the contents from BEGIN on as little-endian words. Below BEGIN, where the gateware lies, all bytes are 0xFF.
module SpiFlash #(
  parameter BYTES = 2097152,
  parameter BEGIN = 0
) (
  input cs_n,
  input clk,
  input [3:0] dq_o,   // what the system drives
  input [3:0] dq_oe,  // and whether it does
  output [3:0] dq_i,
  output [3:0] dq_i_oe  // which of them the chip drives
);
  localparam WORDS = (BYTES - BEGIN) / 4;
  reg [31:0] mem [0:WORDS - 1];
  reg qpi = 1, asleep = 1;
  reg [7:0] command;
  reg [23:0] address;
  reg [5:0] clocks;  // since the chip was selected, stops at the first data clock
  reg [2:0] bit_place;
  reg driving;
  reg [3:0] out;
  wire [3:0] lines = (dq_o & dq_oe) | ~dq_oe;  // pulled up
  wire [23:0] word = (address - BEGIN) >> 2;
  wire [7:0] stored = address < BEGIN || address >= BYTES ? 8'hFF : mem[word][8 * address[1:0] +: 8];
  wire quad = command == 8'h6B;
  wire [5:0] before_data = command == 8'h03 ? 6'd32 : 6'd40;
  assign dq_i = driving && !cs_n ? (quad ? out : {2'b11, out[0], 1'b1}) : lines;

  assign dq_i_oe = driving && !cs_n ? (quad ? 4'b1111 : 4'b0010) : 4'b0000;

  always @(posedge clk or posedge cs_n)
    if (cs_n) begin
      clocks <= 0;
      bit_place <= 0;
    end else begin
      if (qpi) begin
        if (clocks < 2) command <= {command[3:0], lines};
        if (clocks == 1 && {command[3:0], lines} == 8'hFF) qpi <= 0;
      end else if (clocks < 8) begin
        command <= {command[6:0], lines[0]};
        if (clocks == 7 && {command[6:0], lines[0]} == 8'hAB) asleep <= 0;
      end else if (clocks < 32) address <= {address[22:0], lines[0]};
      if (clocks < before_data || clocks < 32) clocks <= clocks + 1'b1;
      else begin
        bit_place <= bit_place + (quad ? 3'd4 : 3'd1);
        if (bit_place == (quad ? 3'd4 : 3'd7)) address <= address + 1'b1;
      end
    end

  always @(negedge clk or posedge cs_n)
    if (cs_n) driving <= 0;
    else if (!qpi && !asleep && clocks >= 32 && clocks == before_data
             && (command == 8'h03 || command == 8'h0B || quad)) begin
      driving <= 1;
      if (quad) out <= bit_place == 0 ? stored[7:4] : stored[3:0];
      else out[0] <= stored[3'd7 - bit_place];
    end
endmodule
