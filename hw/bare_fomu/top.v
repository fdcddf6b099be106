// The smallest whole system, without a bus, for iCE40UP5K. The CPU contains 64 KiB + 64 KiB of SPRAM and the boot ROM; around it are
// a CFU with four DSP, a UART, and with COUNTER = 1 the 64-bit cycle counter of cfukit's systems.
//   0xF0000000  UART: write a byte to send it; read: bit 8 a byte came (bits 7:0, taken by the read), bit 9 the sender is busy
//   0xF0000004  cycle counter, low word     0xF0000008  high word
module top #(
    parameter COUNTER = 0,
    parameter DIVISOR = 104  // cycles per bit: 12 MHz / 115200
) (
    input clk,
    input reset,
    input rx,
    output tx
);
  wire cyc, stb, we;
  wire [29:0] adr;
  wire [31:0] mosi;
  reg [31:0] miso;
  reg ack;
  wire cmd_valid, cmd_ready, rsp_valid, rsp_ready;
  wire [9:0] function_id;
  wire [31:0] in0, in1, out;

  VexRiscv cpu (
    .clk(clk), .reset(reset), .externalResetVector(32'h20080000),
    .timerInterrupt(1'b0), .softwareInterrupt(1'b0), .externalInterruptArray(32'd0),
    .CfuPlugin_bus_cmd_valid(cmd_valid), .CfuPlugin_bus_cmd_ready(cmd_ready),
    .CfuPlugin_bus_cmd_payload_function_id(function_id),
    .CfuPlugin_bus_cmd_payload_inputs_0(in0), .CfuPlugin_bus_cmd_payload_inputs_1(in1),
    .CfuPlugin_bus_rsp_valid(rsp_valid), .CfuPlugin_bus_rsp_ready(rsp_ready),
    .CfuPlugin_bus_rsp_payload_outputs_0(out),
    .iBusWishbone_CYC(), .iBusWishbone_STB(), .iBusWishbone_ACK(1'b0), .iBusWishbone_WE(), .iBusWishbone_ADR(),
    .iBusWishbone_DAT_MISO(32'd0), .iBusWishbone_DAT_MOSI(), .iBusWishbone_SEL(), .iBusWishbone_ERR(1'b0),
    .iBusWishbone_CTI(), .iBusWishbone_BTE(),
    .dBusWishbone_CYC(cyc), .dBusWishbone_STB(stb), .dBusWishbone_ACK(ack), .dBusWishbone_WE(we),
    .dBusWishbone_ADR(adr), .dBusWishbone_DAT_MISO(miso), .dBusWishbone_DAT_MOSI(mosi), .dBusWishbone_SEL(),
    .dBusWishbone_ERR(1'b0), .dBusWishbone_CTI(), .dBusWishbone_BTE()
  );

  Cfu cfu (
    .clk(clk), .reset(reset), .cmd_valid(cmd_valid), .cmd_ready(cmd_ready),
    .cmd_payload_function_id(function_id), .cmd_payload_inputs_0(in0), .cmd_payload_inputs_1(in1),
    .rsp_valid(rsp_valid), .rsp_ready(rsp_ready), .rsp_payload_outputs_0(out)
  );

  wire request = cyc && stb && !ack;
  wire [7:0] received;
  wire came, busy;
  uart #(.DIVISOR(DIVISOR)) serial (
    .clk(clk), .reset(reset), .rx(rx), .tx(tx),
    .send(request && we && adr[1:0] == 0), .byte_in(mosi[7:0]), .busy(busy),
    .take(request && !we && adr[1:0] == 0), .byte_out(received), .came(came)
  );

  wire [63:0] count;
  generate
    if (COUNTER) begin : counter
      reg [63:0] cycles;
      always @(posedge clk) cycles <= reset ? 64'd0 : cycles + 64'd1;
      assign count = cycles;
    end else begin : no_counter
      assign count = 64'd0;
    end
  endgenerate

  always @(posedge clk) begin
    ack <= request && !reset;
    case (adr[1:0])
      2'd1: miso <= count[31:0];
      2'd2: miso <= count[63:32];
      default: miso <= {22'd0, busy, came, received};
    endcase
  end
endmodule

// 8 data bits, no parity, one stop bit.
module uart #(
    parameter DIVISOR = 104
) (
    input clk, input reset, input rx, output tx,
    input send, input [7:0] byte_in, output busy,
    input take, output [7:0] byte_out, output reg came
);
  localparam BITS = $clog2(DIVISOR + DIVISOR / 2);
  reg [8:0] sending;       // stop bit above, the next bit at the bottom; all ones: idle
  reg [3:0] send_left, receive_left;
  reg [BITS-1:0] send_wait, receive_wait;
  reg [7:0] receiving;
  reg rx_0, rx_1;
  assign tx = sending[0];
  assign busy = send_left != 0;
  assign byte_out = receiving;
  always @(posedge clk) begin
    if (send && !busy) begin
      sending <= {byte_in, 1'b0};
      send_left <= 10;
      send_wait <= DIVISOR - 1;
    end else if (busy) begin
      send_wait <= send_wait == 0 ? DIVISOR - 1 : send_wait - 1'b1;
      if (send_wait == 0) begin
        sending <= {1'b1, sending[8:1]};
        send_left <= send_left - 1'b1;
      end
    end
    {rx_1, rx_0} <= {rx_0, rx};
    if (take) came <= 0;
    if (receive_left == 0) begin
      receive_wait <= DIVISOR + DIVISOR / 2 - 2;  // the middle of bit 0
      if (!rx_1) receive_left <= 9;
    end else begin
      receive_wait <= receive_wait == 0 ? DIVISOR - 1 : receive_wait - 1'b1;
      if (receive_wait == 0) begin
        receive_left <= receive_left - 1'b1;
        if (receive_left == 1) came <= rx_1;  // the stop bit
        else receiving <= {rx_1, receiving[7:1]};
      end
    end
    if (reset) begin
      sending <= 9'h1FF;
      send_left <= 0;
      receive_left <= 0;
      came <= 0;
    end
  end
endmodule

// Four multipliers of 8 x 8 bits. funct3 0: accumulator += sum of the four signed products of bytes; funct3 1: the accumulator is
// set to in0. Both give the accumulator before. Answers in the same cycle.
module Cfu(
    input clk, input reset,
    input cmd_valid, output cmd_ready, input [9:0] cmd_payload_function_id,
    input [31:0] cmd_payload_inputs_0, input [31:0] cmd_payload_inputs_1,
    output rsp_valid, input rsp_ready, output [31:0] rsp_payload_outputs_0
);
  reg signed [31:0] accumulator;
  wire signed [15:0] product [0:3];
  genvar n;
  generate
    for (n = 0; n < 4; n = n + 1) begin : lane
      assign product[n] = $signed(cmd_payload_inputs_0[8*n +: 8]) * $signed(cmd_payload_inputs_1[8*n +: 8]);
    end
  endgenerate
  assign cmd_ready = rsp_ready;
  assign rsp_valid = cmd_valid;
  assign rsp_payload_outputs_0 = accumulator;
  always @(posedge clk) begin
    if (cmd_valid && cmd_ready) begin
      if (cmd_payload_function_id[0]) accumulator <= cmd_payload_inputs_0;
      else accumulator <= accumulator + product[0] + product[1] + product[2] + product[3];
    end
  end
endmodule
