"""Minimum and maximum of four int8 lanes, in Migen. The attributes are named as the ports of module Cfu."""

from migen import Cat, If, Module, Mux, Signal


class MinMax(Module):
    """One result register: a command per cycle, answered in the next."""

    def __init__(self, lanes=4):
        self.cmd_valid = Signal()
        self.cmd_ready = Signal()
        self.cmd_payload_function_id = Signal(10)
        self.cmd_payload_inputs_0 = Signal(32)
        self.cmd_payload_inputs_1 = Signal(32)
        self.rsp_valid = Signal()
        self.rsp_ready = Signal()
        self.rsp_payload_outputs_0 = Signal(32)

        funct3 = self.cmd_payload_function_id[:3]
        results = []
        for lane in range(lanes):
            a = Signal((8, True), name=f"a{lane}")
            b = Signal((8, True), name=f"b{lane}")
            bits = slice(8 * lane, 8 * lane + 8)
            self.comb += [
                a.eq(self.cmd_payload_inputs_0[bits]),
                b.eq(self.cmd_payload_inputs_1[bits]),
            ]
            # funct3 0 takes the larger, 1 the smaller.
            results.append(Mux((a > b) ^ funct3[0], self.cmd_payload_inputs_0[bits], self.cmd_payload_inputs_1[bits]))

        self.comb += self.cmd_ready.eq(~self.rsp_valid | self.rsp_ready)
        self.sync += If(
            self.cmd_ready,
            self.rsp_valid.eq(self.cmd_valid),
            self.rsp_payload_outputs_0.eq(Cat(*results)),
        )
