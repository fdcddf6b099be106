// One clock of the core.
#pragma once
#include "edge.h"
#include "ports.h"
#include "sides.h"
#include "stages.h"
#include "why.h"

inline void Core::step() {
    Signals s;
    seen = Seen{};
    before_w = W, before_m = M, before_e = E;
    s.d_ack = bus.ack() && bus.data_side, s.dma_ack = bus.ack() && bus.dma_side, s.i_ack = bus.ack() && !bus.data_side && !bus.dma_side;
    write_back(s);
    cfu_port(s);
    memory(s);
    execute(s);
    decode(s);
    fetch(s);
    show(s);
    if (tells_causes) seen.cause = cause(s);
    interrupt_lines(s);

    BusRequest instruction, data, dma;
    requests(s, instruction, data, dma);
    act_stores(s);
    if (has_ports) edge_of_ports(s);
    bus.step(instruction, data, dma, cycle, instructions);
    data_buffers(s);
    load_data_line(s);
    flush_data(s);
    load_code_line(s);
    edge_of_csrs(s);
    edge_of_cfu(s);
    edge_of_divider(s);
    read_operands(s);
    edge_of_registers(s);
    edge_of_stages(s);
    edge_of_fetch(s);
    line_before = nullptr;
    cycle++;
    if (bus.writes_through()) look_ahead();
}
