// The pipeline that a Tcm sees, with everything else free: which accesses come, what stalls and what is flushed, what the caches
// behind it say. Checked on a word of the memories that the solver chooses: a load gives the bytes last stored or loaded there, a
// fetch the bytes that were there all the while, a store acts once when it leaves the last stage, and nothing else writes.
module core (input clk);
  localparam [31:0] place = `PLACE;  // of the word that is watched; of the words of a memory one is as good as another
  (* anyseq *) wire e_valid, e_write, m_halt, w_halt, e_halt, m_flush, w_flush, p_valid, f_halt, f_flush, d_halt;
  (* anyseq *) wire [31:0] e_address, w_store_given, pc;
  (* anyseq *) wire [1:0] e_size;
  (* anyseq *) wire c_execute_halt, c_fetch_halt, c_halt, c_unaligned, c_error, c_miss, c_fetch_error;
  (* anyseq *) wire [31:0] c_data, c_fetch, c_decode;

  reg reset = 1;
  always @(posedge clk) reset <= 0;

  // Data side.
  reg m_valid, m_write, w_valid, w_write;
  reg [31:0] m_address, w_address;
  reg [1:0] m_size, w_size;
  wire t_execute_halt, t_halt, t_cache_valid, t_unaligned, t_error;
  wire [31:0] t_data;
  wire w_stuck = w_halt || (w_valid && t_halt);
  wire m_stuck = m_halt || w_stuck;
  wire e_stuck = e_halt || t_execute_halt || m_stuck;
  wire leaves = w_valid && !w_stuck && !w_flush;
  initial {m_valid, w_valid} = 0;
  always @(posedge clk) begin
    if (!m_stuck) {m_write, m_address, m_size} <= {e_write, e_address, e_size};
    if (!m_stuck || m_flush) m_valid <= 0;
    if (!m_stuck && !e_stuck && !m_flush) m_valid <= e_valid;
    if (!w_stuck) {w_write, w_address, w_size} <= {m_write, m_address, m_size};
    if (!w_stuck || w_flush) w_valid <= 0;
    if (!w_stuck && !m_stuck && !m_flush) w_valid <= m_valid;
    if (reset || w_flush) {m_valid, w_valid} <= 0;  // what is behind a flushed instruction goes too
  end
  // As the core does: aligned, and a store's bytes repeated over the word.
  wire aligned = e_size == 0 || (e_size == 1 && !e_address[0]) || (e_size == 2 && e_address[1:0] == 0);
  wire [31:0] w_store = w_size == 0 ? {4{w_store_given[7:0]}} : w_size == 1 ? {2{w_store_given[15:0]}} : w_store_given;

  // Fetch side.
  reg f_valid, d_valid;
  reg [31:0] f_pc, d_pc;
  wire t_prefetch_halt, t_miss, t_fetch_error;
  wire [31:0] t_fetch, t_decode;
  wire d_stuck = d_halt;
  wire f_stuck = f_halt || d_stuck;
  initial {f_valid, d_valid} = 0;
  always @(posedge clk) begin
    if (!f_stuck) f_pc <= pc;
    if (!f_stuck || f_flush) f_valid <= 0;
    if (!f_stuck && !t_prefetch_halt && !f_flush) f_valid <= p_valid;
    if (!d_stuck) d_pc <= f_pc;
    if (!d_stuck) d_valid <= f_valid && !f_stuck && !f_flush;
    if (reset) {f_valid, d_valid} <= 0;
  end

  Tcm tcm (
    .clk(clk), .rst(reset),
    .data_execute_isValid(e_valid), .data_execute_address(e_address), .data_execute_args_wr(e_write),
    .data_execute_args_size(e_size), .data_memory_isStuck(m_stuck), .data_memory_address(m_address),
    .data_writeBack_isStuck(w_stuck), .data_writeBack_isFiring(leaves), .data_writeBack_storeData(w_store),
    .data_writeBack_address(w_address), .data_writeBack_isValid(w_valid), .data_writeBack_isValid__cache(t_cache_valid),
    .data_execute_haltIt(t_execute_halt), .data_execute_haltIt__cache(c_execute_halt),
    .data_writeBack_haltIt(t_halt), .data_writeBack_haltIt__cache(c_halt),
    .data_writeBack_data(t_data), .data_writeBack_data__cache(c_data),
    .data_writeBack_unalignedAccess(t_unaligned), .data_writeBack_unalignedAccess__cache(c_unaligned),
    .data_writeBack_accessError(t_error), .data_writeBack_accessError__cache(c_error),
    .fetch_prefetch_pc(pc), .fetch_fetch_isStuck(f_stuck), .fetch_fetch_pc(f_pc), .fetch_decode_isStuck(d_stuck),
    .fetch_prefetch_haltIt(t_prefetch_halt), .fetch_prefetch_haltIt__cache(c_fetch_halt),
    .fetch_fetch_data(t_fetch), .fetch_fetch_data__cache(c_fetch),
    .fetch_decode_data(t_decode), .fetch_decode_data__cache(c_decode),
    .fetch_decode_cacheMiss(t_miss), .fetch_decode_cacheMiss__cache(c_miss),
    .fetch_decode_error(t_fetch_error), .fetch_decode_error__cache(c_fetch_error)
  );

  function inside(input [31:0] address);  // the words that the shortened memories have
    inside = (`ITCM && address[31:3] == 29'h4000000) || (`DTCM && address[31:3] == 29'h6000000);
  endfunction
  function elsewhere(input [31:0] address);
    elsewhere = address[31:3] == 29'h1E000000;  // 0xF0000000
  endfunction
  always @* begin
    assume (!e_valid || (e_size != 3 && aligned && (inside(e_address) || elsewhere(e_address))));
    assume (!(m_valid && m_halt));  // what waits in memory by itself is a division or a CFU's answer, not an access
    assume (pc[1:0] == 0 && (inside(pc) || elsewhere(pc)));
  end

  // What is known of the watched word: of one bit in each byte (all bits of a byte are wired alike, and 4 are proved far sooner).
  function [3:0] bits(input [31:0] word);
    bits = {word[27], word[18], word[9], word[0]};
  endfunction
  wire at_place = w_address[31:2] == place[31:2];
  wire [3:0] lanes = (w_size == 0 ? 4'd1 : w_size == 1 ? 4'd3 : 4'd15) << w_address[1:0];
  reg [3:0] known = 0, value;
  wire [3:0] learnt = !leaves || !at_place ? 4'd0 : w_write ? lanes : 4'd15;
  wire [3:0] seen = w_write ? bits(w_store) : bits(t_data);
  always @(posedge clk) if (!reset) begin
    known <= known | learnt;
    value <= (value & ~learnt) | (seen & learnt);
  end
  // A fetch of it: whether a store came between its first cycle and now; what decode must show.
  wire stores = leaves && w_write && at_place;
  reg touched;
  reg [3:0] fetched;
  always @(posedge clk) begin
    if (!f_stuck) touched <= stores;
    else touched <= touched || stores;
    if (!d_stuck) fetched <= bits(t_fetch);
  end

  wire of_code = `ITCM && place[31:28] == 2;
  always @* if (!reset) begin
    if (w_valid && !w_write && at_place) assert (((bits(t_data) ^ value) & known) == 0);
    if (of_code && f_valid && f_pc == place && !touched) assert (((bits(t_fetch) ^ value) & known) == 0);
    if (of_code && d_valid && d_pc == place) assert (bits(t_decode) == fetched && !t_miss && !t_fetch_error);
    if (w_valid && inside(w_address)) assert (!t_cache_valid && !t_halt && !t_error);
    if (w_valid && !inside(w_address)) assert (t_cache_valid && t_halt == c_halt && bits(t_data) == bits(c_data));
  end
endmodule
