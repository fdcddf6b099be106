// The boot ROM on the bus, one word every two cycles. Synthesis takes its contents from boot_rom.hex; a simulator writes them itself.
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
