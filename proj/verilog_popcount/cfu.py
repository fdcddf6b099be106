"""A CFU in plain Verilog: cfu.v is the gateware; here stand its instructions' models, fields and time.

The file has the usual `cmd_ready = rsp_ready`; the adapter (on by default) makes that safe on this CPU.
"""

from cfukit import Fixed, Instruction, VerilogCfu


class Hamming(Instruction):
    """rd = number of bits in which rs1 and rs2 differ."""

    rs1 = rs2 = "32 bits"
    rd = "0 to 32"
    time = Fixed(latency_cycles=0)

    def call(self, funct7, rs1, rs2):
        return (rs1 ^ rs2).bit_count()


class Popcount(Instruction):
    """rd = number of ones in rs1."""

    rs1 = "32 bits"
    rs2 = None
    rd = "0 to 32"
    time = Fixed(latency_cycles=0)

    def call(self, funct7, rs1, rs2):
        return rs1.bit_count()


def make_cfu():
    return VerilogCfu("cfu.v", {0: Hamming(), 1: Popcount()}, name="popcount", about="bit counts, in Verilog")
