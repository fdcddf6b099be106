"""A torus in Verilog: cfu.v is the gateware; this file has the models, fields and times of its instructions."""

from cfukit import Fixed, Instruction, Mode, State, VerilogCfu

ONE = 1 << 14  # numbers have 14 bits after the point
COLUMNS = 80


def halves(word):
    """Two int16."""
    return [(word >> shift & 0xFFFF ^ 0x8000) - 0x8000 for shift in (0, 16)]


class Axes(State):
    """e, y: where the cosine and the sine of an angle on the tube point to, as x, y, z."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.e, self.y = [0, 0, 0], [0, 0, 0]


class SetAxis(Instruction):
    """e[funct7], y[funct7] = rs1; rd = 0."""

    rs1 = "two int16: e in bits 15:0, y in bits 31:16"
    rs2 = None
    rd = "0"
    modes = tuple(Mode(k, name, f"component {name}") for k, name in enumerate("xyz"))
    time = Fixed(latency_cycles=4)

    def call(self, funct7, rs1, rs2):
        self.state.e[funct7], self.state.y[funct7] = halves(rs1)
        return 0


class Point(Instruction):
    """The point of the tube at an angle. n = cosine * e + sine * y points away from the tube; the point is at 2 * e + n.

    The eye is 5.25 before the centre. distance = (z + 5.25) * 64, and 28 / (z + 5.25) scales x and y to the screen. The light comes from
    above and from the eye: light = 8 * (n.y - n.z).
    """

    rs1 = "two int16: cosine in bits 15:0, sine in bits 31:16"
    rs2 = None
    rd = "10:0 row * 80 + column; 19:16 light, 0 to 11; 29:20 distance, modulo 1024"
    modes = (Mode(0, "at"),)
    time = Fixed(latency_cycles=4)

    def call(self, funct7, rs1, rs2):
        cosine, sine = halves(rs1)
        e, y = self.state.e, self.state.y
        n = [(cosine * e[k] + sine * y[k] + ONE // 2) >> 14 for k in range(3)]
        across, up, away = (2 * e[k] + n[k] for k in range(3))
        distance = (21 * ONE // 4 + away) >> 8 & 0x3FF
        scale = (28 << 16) // max(distance, 112)
        column, row = 40 + (across * scale + (1 << 23) >> 24), 12 - (up * scale + (1 << 24) >> 25)
        light = min(max(n[1] - n[2] >> 11, 0), 11)
        return row * COLUMNS + column & 0x7FF | light << 16 | distance << 20


def make_cfu():
    axes = Axes()
    instructions = {0: SetAxis(name="axis", state=axes), 1: Point(name="point", state=axes)}
    return VerilogCfu("cfu.v", instructions, about="points of a torus, in Verilog")
