// The CPU's RTL with one of four CFUs and a memory: enough to see how the two play together, without a SoC.
// Separate instruction and data ports; each access is acknowledged after `wait_cycles` (+ the data port's own noise bits).
module cpu_bench(
    input clk,
    input reset,
    input [1:0] which,
    input [7:0] wait_cycles,
    input poke,
    input [15:0] address,
    input [31:0] word,
    output [31:0] peek,
    output reg halted,
    output reg [31:0] commands
);
  reg [31:0] ram [0:65535];
  assign peek = ram[address];

  wire cmd_valid, rsp_ready;
  wire [9:0] function_id;
  wire [31:0] in0, in1;
  wire [3:0] cmd_ready, rsp_valid;
  wire [31:0] out [0:3];

  wire i_cyc, i_stb, d_cyc, d_stb, d_we;
  wire [29:0] i_adr, d_adr;
  wire [31:0] d_mosi;
  wire [3:0] d_sel;
  reg i_ack, d_ack;
  reg [31:0] i_data, d_data;
  reg [7:0] i_count, d_count;

  VexRiscv cpu(
    .externalResetVector(32'h0), .timerInterrupt(1'b0), .softwareInterrupt(1'b0), .externalInterruptArray(32'h0),
    .CfuPlugin_bus_cmd_valid(cmd_valid), .CfuPlugin_bus_cmd_ready(cmd_ready[which]),
    .CfuPlugin_bus_cmd_payload_function_id(function_id),
    .CfuPlugin_bus_cmd_payload_inputs_0(in0), .CfuPlugin_bus_cmd_payload_inputs_1(in1),
    .CfuPlugin_bus_rsp_valid(rsp_valid[which]), .CfuPlugin_bus_rsp_ready(rsp_ready),
    .CfuPlugin_bus_rsp_payload_outputs_0(out[which]),
    .iBusWishbone_CYC(i_cyc), .iBusWishbone_STB(i_stb), .iBusWishbone_ACK(i_ack), .iBusWishbone_WE(),
    .iBusWishbone_ADR(i_adr), .iBusWishbone_DAT_MISO(i_data), .iBusWishbone_DAT_MOSI(), .iBusWishbone_SEL(),
    .iBusWishbone_ERR(1'b0), .iBusWishbone_CTI(), .iBusWishbone_BTE(),
    .dBusWishbone_CYC(d_cyc), .dBusWishbone_STB(d_stb), .dBusWishbone_ACK(d_ack), .dBusWishbone_WE(d_we),
    .dBusWishbone_ADR(d_adr), .dBusWishbone_DAT_MISO(d_data), .dBusWishbone_DAT_MOSI(d_mosi), .dBusWishbone_SEL(d_sel),
    .dBusWishbone_ERR(1'b0), .dBusWishbone_CTI(), .dBusWishbone_BTE(),
    .clk(clk), .reset(reset)
  );

`define CFU(NAME, INDEX) \
  NAME cfu_``INDEX(.clk(clk), .reset(reset), .cmd_valid(cmd_valid && which == INDEX), .cmd_ready(cmd_ready[INDEX]), \
    .cmd_payload_function_id(function_id), .cmd_payload_inputs_0(in0), .cmd_payload_inputs_1(in1), \
    .rsp_valid(rsp_valid[INDEX]), .rsp_ready(rsp_ready), .rsp_payload_outputs_0(out[INDEX]));
  `CFU(Cfu_0, 0)
  `CFU(Cfu_1, 1)
  `CFU(Cfu_2, 2)
  `CFU(Cfu_3, 3)

  integer lane;
  always @(posedge clk) begin
    i_ack <= 0;
    d_ack <= 0;
    if (i_cyc && i_stb && !i_ack) begin
      i_count <= i_count + 1;
      if (i_count >= wait_cycles) begin
        i_ack <= 1;
        i_count <= 0;
        i_data <= ram[i_adr[15:0]];
      end
    end
    if (d_cyc && d_stb && !d_ack) begin
      d_count <= d_count + 1;
      if (d_count >= wait_cycles) begin
        d_ack <= 1;
        d_count <= 0;
        d_data <= ram[d_adr[15:0]];
        if (d_we && d_adr[29]) halted <= 1;
        else if (d_we) for (lane = 0; lane < 4; lane = lane + 1)
          if (d_sel[lane]) ram[d_adr[15:0]][8*lane +: 8] <= d_mosi[8*lane +: 8];
      end
    end
    if (poke) ram[address] <= word;
    if (cmd_valid && cmd_ready[which]) commands <= commands + 1;
    if (reset) begin
      {i_ack, d_ack, halted} <= 0;
      {i_count, d_count, commands} <= 0;
    end
  end
endmodule
