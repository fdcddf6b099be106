"""A running sum of dot products, in Migen. The attributes are named as the ports of module Cfu."""

from migen import If, Module, Mux, Signal


class Dense(Module):
    """total = (funct7[0] ? 0 : total) + sum over four lanes of rs1[i] * rs2[i]; rd = total, in the next cycle."""

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
        start = self.cmd_payload_function_id[3]
        total = Signal((32, True), name="total")
        dot = Signal((18, True), name="dot")
        products = []
        for lane in range(lanes):
            a = Signal((8, True), name=f"a{lane}")
            b = Signal((8, True), name=f"b{lane}")
            self.comb += [
                a.eq(self.cmd_payload_inputs_0[8 * lane : 8 * lane + 8]),
                b.eq(self.cmd_payload_inputs_1[8 * lane : 8 * lane + 8]),
            ]
            products.append(a * b)
        new = Signal((32, True), name="new")
        self.comb += [
            dot.eq(sum(products[1:], products[0])),
            new.eq(dot + Mux(start, 0, total)),
            self.cmd_ready.eq(~self.rsp_valid | self.rsp_ready),
        ]
        self.sync += If(
            self.cmd_ready,
            self.rsp_valid.eq(self.cmd_valid),
            self.rsp_payload_outputs_0.eq(Mux(funct3 == 0, new, 0)),
            If(self.cmd_valid & (funct3 == 0), total.eq(new)),
        )
