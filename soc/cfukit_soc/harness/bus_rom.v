// The boot ROM of a system whose CPU starts on the bus, one word per two cycles. Contents from boot_rom.hex; a simulator writes them.
module BusRom #(
  parameter WORDS = 2048
) (
  input clk,
  input stb,  // and cyc
  input [29:0] adr,
  output reg ack = 0,
  output reg [31:0] dat_r
);
  reg [31:0] mem [0:WORDS - 1];
`ifndef VERILATOR
  initial $readmemh("boot_rom.hex", mem);
`endif
  always @(posedge clk) begin
    ack <= stb && !ack;
    dat_r <= mem[adr % WORDS];
  end
endmodule
