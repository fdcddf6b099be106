// The synthesised netlist of a board with its flash chip. FLASH_BYTES, FLASH_BEGIN: of the chip, and where `flash.hex` begins in it.
module bench (
  input clk_pin,
  input serial_rx,
  output serial_tx
);
  wire cs_n, clk;
  wire [3:0] dq;
  pullup (dq[0]);
  pullup (dq[1]);
  pullup (dq[2]);
  pullup (dq[3]);
  top top (
    .clk_pin(clk_pin), .serial_tx(serial_tx), .serial_rx(serial_rx),
    .flash_cs_n(cs_n), .flash_clk(clk), .flash_dq(dq)
`ifdef USB_PULLUP
    , .usb_pullup()
`endif
  );
  wire [3:0] out, drives;
  SpiFlash #(.BYTES(`FLASH_BYTES), .BEGIN(`FLASH_BEGIN)) chip (
    .cs_n(cs_n), .clk(clk), .dq_o(dq), .dq_oe(4'b1111), .dq_i(out), .dq_i_oe(drives)
  );
  genvar n;
  generate
    for (n = 0; n < 4; n = n + 1) begin : lane
      assign dq[n] = drives[n] ? out[n] : 1'bz;
    end
  endgenerate
  initial $readmemh("flash.hex", chip.mem);
endmodule

// A pad as this system uses it: it drives D_OUT_0 while OUTPUT_ENABLE is 1, and registers nothing. The library's model needs delays.
module SB_IO #(
  parameter [5:0] PIN_TYPE = 6'b101001,
  parameter [0:0] PULLUP = 1'b0,
  parameter [0:0] NEG_TRIGGER = 1'b0,
  parameter IO_STANDARD = "SB_LVCMOS"
) (
  inout PACKAGE_PIN,
  input CLOCK_ENABLE, input OUTPUT_ENABLE, input D_OUT_0,
  output D_IN_0
);
  assign PACKAGE_PIN = OUTPUT_ENABLE ? D_OUT_0 : 1'bz;
  assign D_IN_0 = PACKAGE_PIN;
endmodule
