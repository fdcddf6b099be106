// A CPU with a CFU of every latency; its two buses, retirement and a source of random words for the C++ side.
module bench(
    input clk,
    input reset,
    input timer,
    input [31:0] reset_vector,
    input [31:0] poison,  // another word in every cycle: what a read gives that collides with a write
    output i_cyc, i_stb, output [29:0] i_adr, input i_ack, input [31:0] i_data,
    output d_cyc, d_stb, d_we, output [29:0] d_adr, output [31:0] d_mosi, output [3:0] d_sel,
    input d_ack, input [31:0] d_data,
    output retires, output [31:0] pc, output [31:0] instruction,
    output write, output [4:0] rd, output [31:0] value,
    output [31:0] commands
`ifdef MEMORY_PORT_BITS  // the CFU's memory port, and what the CPU does there: for the C++ side
    , input m_valid, m_we, input [19:0] m_addr, input [`MEMORY_PORT_BITS-1:0] m_data, input [`MEMORY_PORT_BITS/8-1:0] m_mask,
    output m_ready, m_answers, output [`MEMORY_PORT_BITS-1:0] m_answer, output m_collides, m_outside,
    output d_accesses, output [31:0] d_address, output cfu_command
`endif
);
  wire cmd_valid, cmd_ready, rsp_valid, rsp_ready;
  wire [9:0] function_id;
  wire [31:0] in0, in1, out;

  VexRiscv cpu(
    .externalResetVector(reset_vector), .timerInterrupt(timer), .softwareInterrupt(1'b0),
    .externalInterruptArray(32'h0),
    .CfuPlugin_bus_cmd_valid(cmd_valid), .CfuPlugin_bus_cmd_ready(cmd_ready),
    .CfuPlugin_bus_cmd_payload_function_id(function_id),
    .CfuPlugin_bus_cmd_payload_inputs_0(in0), .CfuPlugin_bus_cmd_payload_inputs_1(in1),
    .CfuPlugin_bus_rsp_valid(rsp_valid), .CfuPlugin_bus_rsp_ready(rsp_ready),
    .CfuPlugin_bus_rsp_payload_outputs_0(out),
    .iBusWishbone_CYC(i_cyc), .iBusWishbone_STB(i_stb), .iBusWishbone_ACK(i_ack), .iBusWishbone_WE(),
    .iBusWishbone_ADR(i_adr), .iBusWishbone_DAT_MISO(i_data), .iBusWishbone_DAT_MOSI(), .iBusWishbone_SEL(),
    .iBusWishbone_ERR(1'b0), .iBusWishbone_CTI(), .iBusWishbone_BTE(),
    .dBusWishbone_CYC(d_cyc), .dBusWishbone_STB(d_stb), .dBusWishbone_ACK(d_ack), .dBusWishbone_WE(d_we),
    .dBusWishbone_ADR(d_adr), .dBusWishbone_DAT_MISO(d_data), .dBusWishbone_DAT_MOSI(d_mosi), .dBusWishbone_SEL(d_sel),
    .dBusWishbone_ERR(1'b0), .dBusWishbone_CTI(), .dBusWishbone_BTE(),
`ifdef MEMORY_PORT_BITS
    .CfuMemory_mem_cmd_valid(m_valid), .CfuMemory_mem_cmd_ready(m_ready), .CfuMemory_mem_cmd_payload_we(m_we),
    .CfuMemory_mem_cmd_payload_addr(m_addr), .CfuMemory_mem_cmd_payload_data(m_data), .CfuMemory_mem_cmd_payload_mask(m_mask),
    .CfuMemory_mem_rsp_valid(m_answers), .CfuMemory_mem_rsp_payload_data(m_answer),
    .CfuMemory_collides(m_collides), .CfuMemory_outside(m_outside),
`endif
    .clk(clk), .reset(reset)
  );
`ifdef MEMORY_PORT_BITS
  assign d_accesses = cpu.tcm.data_writeBack_isValid && cpu.tcm.data_writeBack_isFiring;
  assign d_address = cpu.tcm.data_writeBack_address;
  assign cfu_command = cmd_valid && cmd_ready;
`endif
  assign retires = cpu.lastStageIsFiring;
  assign pc = cpu.lastStagePc;
  assign instruction = cpu.lastStageInstruction;
  assign write = cpu.lastStageRegFileWrite_valid;
  assign rd = cpu.lastStageRegFileWrite_payload_address;
  assign value = cpu.lastStageRegFileWrite_payload_data;

  // rd = rs1 + 3 rs2 + funct3 + 65536 * commands before, after funct7 cycles. It refuses commands while it works, and with
  // latency 0 has no register at all: the two forms that show the CPU's double issue. One too many changes all later results.
  reg busy;
  reg [6:0] left;
  reg [31:0] count, result;
  wire at_once = function_id[9:3] == 0;
  wire [31:0] answer = in0 + 3 * in1 + {29'd0, function_id[2:0]} + (count << 16);
  assign cmd_ready = !busy && (!at_once || rsp_ready);
  assign rsp_valid = busy ? left == 0 : cmd_valid && at_once;
  assign out = busy ? result : answer;
  assign commands = count;
  always @(posedge clk) begin
    if (cmd_valid && cmd_ready) begin
      count <= count + 1;
      if (!at_once) begin
        busy <= 1;
        left <= function_id[9:3] - 7'd1;
        result <= answer;
      end
    end
    if (busy) begin
      if (left != 0) left <= left - 1;
      else if (rsp_ready) busy <= 0;
    end
    if (reset) begin
      busy <= 0;
      count <= 0;
    end
  end
endmodule
