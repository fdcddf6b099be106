// The data TCM with the CFU's memory port under any pipeline and any CFU: one word of it is watched.
// `Tcm` is the gateware. DataTcm stands for the memory: it keeps the watched row only, and gives anything for the others, for bytes that
// are written while they are loaded, and on a port that has just written.
`ifndef BITS
`define BITS 32
`endif
`ifndef LANE
`define LANE 0
`endif
`define LANES (`BITS / 32)

module port(input clk);
  (* anyconst *) reg [11:0] some;
  wire [11:0] watched = some / `LANES * `LANES + `LANE;  // a word of 16 KiB
  (* keep *) wire [16:0] row = watched / `LANES;
  (* anyconst *) reg cfu_owns;
  wire [31:0] address = {18'h0c000, watched, 2'b00};

  reg first = 1;
  always @(posedge clk) first <= 0;
  (* anyseq *) reg again;  // reset in flight: what is in memory stays, what was asked for is not answered
  wire reset = first | again;

  // The pipeline: an access in execute, memory and writeBack; each stage stalls when a later one does, or for reasons of its own.
  (* anyseq *) reg e_valid, e_write, e_halt, m_halt, w_halt, kill;
  (* anyseq *) reg [31:0] e_address, e_data;
  (* anyseq *) reg [1:0] e_size;
  reg m_valid = 0, m_write, w_valid = 0, w_write;
  reg [31:0] m_address, m_data, w_address, w_data;
  reg [1:0] m_size, w_size;
  wire tcm_halt;
  wire w_stuck = w_halt;
  wire m_stuck = w_stuck | m_halt;
  wire e_stuck = m_stuck | e_halt | tcm_halt;
  wire fires = w_valid & ~w_stuck;
  always @(posedge clk) begin
    if (~w_stuck) begin
      {w_valid, w_write, w_address, w_size, w_data} <= {m_valid & ~m_stuck & ~kill, m_write, m_address, m_size, m_data};
    end
    if (~m_stuck) begin
      {m_valid, m_write, m_address, m_size, m_data} <= {e_valid & ~e_stuck & ~kill, e_write, e_address, e_size, e_data};
    end
    if (kill & m_stuck) m_valid <= 0;
    if (reset) {m_valid, w_valid} <= 0;
  end

  (* anyseq *) reg c_valid, c_we;
  (* anyseq *) reg [19:0] c_address;
  (* anyseq *) reg [`BITS-1:0] c_data;
  (* anyseq *) reg [`BITS/8-1:0] c_mask;
  wire c_ready, answers, collides, outside;
  wire [`BITS-1:0] answer;
  wire [31:0] loaded;
  (* anyseq *) reg [31:0] prefetch_pc, fetch_pc;
  (* anyseq *) reg fetch_stuck, decode_stuck;

  Tcm tcm(
    .clk(clk), .rst(reset),
    .data_execute_isValid(e_valid), .data_execute_address(e_address), .data_execute_args_wr(e_write),
    .data_execute_args_size(e_size), .data_memory_isStuck(m_stuck), .data_memory_address(m_address),
    .data_writeBack_isStuck(w_stuck), .data_writeBack_isFiring(fires), .data_writeBack_storeData(w_data),
    .data_writeBack_address(w_address), .data_writeBack_isValid(w_valid),
    .data_execute_haltIt__cache(1'b0), .data_writeBack_haltIt__cache(1'b0), .data_writeBack_data__cache(32'h0),
    .data_writeBack_unalignedAccess__cache(1'b0), .data_writeBack_accessError__cache(1'b0),
    .data_execute_haltIt(tcm_halt), .data_writeBack_data(loaded),
    .fetch_prefetch_pc(prefetch_pc), .fetch_fetch_isStuck(fetch_stuck), .fetch_fetch_pc(fetch_pc),
    .fetch_decode_isStuck(decode_stuck), .fetch_prefetch_haltIt__cache(1'b0), .fetch_fetch_data__cache(32'h0),
    .fetch_decode_data__cache(32'h0), .fetch_decode_cacheMiss__cache(1'b0), .fetch_decode_error__cache(1'b0),
    .cfu_mem_cmd_valid(c_valid), .cfu_mem_cmd_ready(c_ready), .cfu_mem_cmd_payload_we(c_we),
    .cfu_mem_cmd_payload_addr(c_address), .cfu_mem_cmd_payload_data(c_data), .cfu_mem_cmd_payload_mask(c_mask),
    .cfu_mem_rsp_valid(answers), .cfu_mem_rsp_payload_data(answer), .cfu_collides(collides), .cfu_outside(outside)
  );

  // What the watched word holds, by the accesses that were made.
  function [31:0] merged(input [31:0] old, input [31:0] data, input [3:0] mask);
    integer n;
    for (n = 0; n < 4; n = n + 1) merged[8*n +: 8] = mask[n] ? data[8*n +: 8] : old[8*n +: 8];
  endfunction
  function [3:0] bytes(input [1:0] size, input [1:0] low);
    bytes = (size[1] ? 4'd15 : size[0] ? 4'd3 : 4'd1) << low;
  endfunction
  wire same_row = c_address / (`BITS/8) == watched / `LANES;
  wire takes = c_valid & c_ready;
  wire [3:0] c_bytes = takes & c_we & same_row ? c_mask >> 4 * `LANE : 4'd0;
  wire [31:0] c_word = c_data >> 32 * `LANE;
  wire stores = fires & w_write & w_address[31:2] == address[31:2];
  reg [31:0] now;
  reg [3:0] known = 0;  // the bytes that were stored
  wire [3:0] w_bytes = stores ? bytes(w_size, w_address[1:0]) : 4'd0;
  always @(posedge clk) begin
    now <= merged(merged(now, w_data, w_bytes), c_word, c_bytes);
    known <= known | w_bytes | c_bytes;
  end
  function agree(input [31:0] got, input [31:0] expected, input [3:0] mask);
    agree = merged(got, expected, mask) == got;
  endfunction

  // When the load that is in memory, or in writeBack, passed execute: the word, and whether the CFU wrote it in that cycle.
  reg [31:0] m_value, w_value;
  reg [3:0] m_known, w_known;
  reg m_collided, w_collided;
  always @(posedge clk) begin
    if (~m_stuck) {m_value, m_known, m_collided} <= {now, known, c_bytes != 0};
    if (~w_stuck) {w_value, w_known, w_collided} <= {m_value, m_known, m_collided};
  end
  // The CFU's read of one cycle before.
  reg asked = 0, asked_same;
  reg [31:0] asked_value;
  reg [3:0] asked_known;
  always @(posedge clk) begin
    {asked, asked_same, asked_value, asked_known} <= {takes & ~c_we & ~reset, same_row, now, known};
  end

  wire load = fires & ~w_write & w_address[31:2] == address[31:2];
  wire [31:0] asked_lane = answer >> 32 * `LANE;
  wire data_store = w_valid & w_write & w_address[31:14] == address[31:14];
  always @* begin
    assume (e_size != 3);
    assume (e_size == 0 || !e_address[0]);
    assume (e_size != 2 || e_address[1:0] == 0);
    assume (c_address < 20'h4000 && c_address % (`BITS/8) == 0);
    if (cfu_owns) assume (!(w_valid && w_write && w_address[31:2] == address[31:2]));
    else assume (c_bytes == 0);
    if (first) assume (!c_valid && !e_valid);
  end

  always @* if (!reset) begin
    // A load gives the last value stored; of a word of the CFU's what it held when the load passed, unless that was undefined, which
    // is reported exactly then.
    if (load && !cfu_owns) assert (agree(loaded, now, known));
    if (load && cfu_owns && !w_collided) assert (agree(loaded, w_value, w_known));
    if (load) assert (collides || !(cfu_owns && w_collided));
    if (load && `LANES == 1) assert (collides == (cfu_owns && w_collided));
    // One response per read, in the next cycle, with what the word held when the read was taken.
    assert (answers == asked);
    if (asked && asked_same) assert (agree(asked_lane, asked_value, asked_known));
    assert (!outside);
    // The CFU has every cycle that the CPU leaves, and delays it in none.
`ifdef SPRAM
    assert (c_ready == !(data_store || (e_valid && !e_write && !m_stuck && !tcm_halt)));
    if (tcm_halt) assert (e_valid && !e_write && w_valid && w_write);
`else
    assert (c_ready == !data_store);
    assert (!tcm_halt);
`endif
  end

`ifdef COVER
  always @* cover (!reset && load && !cfu_owns && takes && c_we && m_valid && known == 15);
`endif
endmodule

module DataTcm(
  input clk, input enable, input [16:0] address, input [`BITS/8-1:0] mask, input [`BITS-1:0] write_data,
  output reg [`BITS-1:0] read_data
`ifndef SPRAM
  , input load_enable, input [16:0] load_address, output reg [`BITS-1:0] load_data
`endif
);
  (* keep *) wire [16:0] row;  // connected to port.row by the script
  reg [`BITS-1:0] kept;
  (* anyseq *) reg [`BITS-1:0] any_read, any_load;
  integer n;
  always @(posedge clk) begin
    if (enable) begin
      for (n = 0; n < `BITS / 8; n = n + 1) if (mask[n] && address == row) kept[8*n +: 8] <= write_data[8*n +: 8];
      read_data <= mask == 0 && address == row ? kept : any_read;
    end
`ifndef SPRAM
    if (load_enable) begin
      load_data <= load_address == row ? kept : any_load;
      for (n = 0; n < `BITS / 8; n = n + 1)
        if (enable && mask[n] && address == row && load_address == row) load_data[8*n +: 8] <= any_load[8*n +: 8];
    end
`endif
  end
endmodule

module InstructionTcm(
  input clk, input enable, input [16:0] address, input [3:0] mask, input [31:0] write_data, output [31:0] read_data
);
  (* anyseq *) reg [31:0] any;
  assign read_data = any;
endmodule
