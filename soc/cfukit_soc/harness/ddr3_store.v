// What the DDR3 chip of LiteDRAM's PHY model holds: little-endian words in linear order (row, bank, column). A place is one burst.
module Ddr3Store #(
  parameter WIDTH = 128,
  parameter PLACES = 16
) (
  input clk,
  input write, input [$clog2(PLACES)-1:0] write_place, input [WIDTH-1:0] write_data, input [WIDTH/8-1:0] write_mask,
  input [$clog2(PLACES)-1:0] read_place, output [WIDTH-1:0] read_data
);
  localparam WORDS = WIDTH / 32;
  reg [31:0] mem [0:PLACES * WORDS - 1];
  genvar n;
  integer w, b;
  for (n = 0; n < WORDS; n = n + 1) assign read_data[32 * n +: 32] = mem[{read_place, n[$clog2(WORDS)-1:0]}];
  always @(posedge clk)
    if (write)
      for (w = 0; w < WORDS; w = w + 1)
        for (b = 0; b < 4; b = b + 1)
          if (!write_mask[4 * w + b]) mem[{write_place, w[$clog2(WORDS)-1:0]}][8 * b +: 8] <= write_data[32 * w + 8 * b +: 8];
endmodule
