// A single data rate SDRAM chip at its pins: activate, read, write, precharge, refresh, mode register; bursts of one word.
// It takes commands at the rising edge of `clk`, the inverted clock of the system. It does not answer before its mode register is set.
// `mem` has the contents as little-endian words in the order row, bank, column.
module Sdram #(
  parameter BITS = 16,    // of data
  parameter ROWS = 13,    // bits of addresses
  parameter COLUMNS = 9
) (
  input clk, input cke, input cs_n, input ras_n, input cas_n, input we_n,
  input [1:0] ba, input [ROWS-1:0] a, input [BITS/8-1:0] dm,
  input [BITS-1:0] dq_o, input dq_oe, output reg [BITS-1:0] dq_i
);
  localparam UNITS = BITS / 16;  // 1 or 2 halves of a word per access
  reg [31:0] mem [0:(1 << (ROWS + 2 + COLUMNS)) * UNITS / 2 - 1];
  reg [ROWS-1:0] row [0:3];
  reg [3:0] open = 0;
  reg ready = 0;
  reg [2:0] latency = 0;
  reg [BITS-1:0] pipe [0:3];
  wire [ROWS+COLUMNS+1:0] place = {row[ba], ba, a[COLUMNS-1:0]};
  wire [31:0] word = UNITS == 2 ? place : place >> 1;
  wire half = UNITS == 1 && place[0];
  integer n;
  always @(posedge clk) begin
    pipe[0] <= {BITS{1'b1}};
    for (n = 1; n < 4; n = n + 1) pipe[n] <= pipe[n-1];
    if (cke && !cs_n)
      case ({ras_n, cas_n, we_n})
        3'b000: begin ready <= 1; latency <= a[6:4]; end
        3'b011: begin row[ba] <= a; open[ba] <= 1; end
        3'b010: if (a[10]) open <= 0; else open[ba] <= 0;
        3'b101: if (ready && open[ba]) begin
          pipe[0] <= UNITS == 2 ? mem[word] : mem[word][16 * half +: 16];
          if (a[10]) open[ba] <= 0;
        end
        3'b100: if (ready && open[ba]) begin
          if (dq_oe)
            for (n = 0; n < BITS / 8; n = n + 1)
              if (!dm[n]) mem[word][16 * half + 8 * n +: 8] <= dq_o[8 * n +: 8];
          if (a[10]) open[ba] <= 0;
        end
        default: ;
      endcase
    // The data of a read are there for the clock's edge `latency` after its command: driven one edge before.
    dq_i <= latency == 2 ? pipe[0] : pipe[1];
  end
endmodule
