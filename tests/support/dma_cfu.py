"""A CFU that folds main memory into one word by DMA. Tests damage its text, so each line has one purpose."""

from cfukit import (
    Cat,
    Cfu,
    DmaPort,
    Fixed,
    HandshakeInstruction,
    Instruction,
    SequentialInstruction,
    Signal,
    State,
    Variable,
)

BASE, BYTES, MOST = 0x4000_0000, 16 * 1024, 24


class Fold(State):
    """total = (total rotated left by 1) + the words of each element, modulo 2^32."""

    def __init__(self, dma, lazy):
        self.dma, self.lazy = dma, lazy
        self.asks, self.addr, self.count = Signal(), Signal(32), Signal(16)
        self.awaited, self.total = Signal(20), Signal(32)
        self.clear, self.start = Signal(), Signal()
        self.start_addr, self.start_count = Signal(32), Signal(16)
        self.reset()

    def gateware(self, m):
        commands, elements, turn = self.dma.read_commands, self.dma.read_data, Signal(self.lazy or 1)
        takes = Signal()
        m.d.sync += turn.eq(turn + 1)
        m.d.comb += [
            commands.valid.eq(self.asks),
            commands.payload.addr.eq(self.addr),
            commands.payload.count.eq(self.count),
            elements.ready.eq((turn == 0) if self.lazy else 1),
            takes.eq(elements.valid & elements.ready),
        ]
        with m.If(commands.ready):
            m.d.sync += self.asks.eq(0)
        with m.If(self.start):
            m.d.sync += [self.asks.eq(1), self.addr.eq(self.start_addr), self.count.eq(self.start_count)]
        begun = self.start_count & self.start.replicate(16)
        m.d.sync += self.awaited.eq(self.awaited + begun - takes)
        words = sum(elements.payload.word_select(n, 32) for n in range(self.dma.width // 32))
        with m.If(takes):
            m.d.sync += self.total.eq(Cat(self.total[31], self.total[:31]) + words)
        with m.If(self.clear):
            m.d.sync += self.total.eq(0)

    def reset(self):
        self.value = 0

    def run(self, address, count):
        size = self.dma.width // 8
        for at in range(address, address + count * size, size):
            element = self.dma.load(at, size)
            words = (int.from_bytes(element[n : n + 4], "little") for n in range(0, size, 4))
            self.value = ((self.value << 1 | self.value >> 31) + sum(words)) & 0xFFFFFFFF


class Start(HandshakeInstruction):
    """Ask for rs2 elements from address rs1 on. rd = 0."""

    time = Variable(min_cycles=0, max_cycles=200, exact=False)

    def gateware(self, m, port):
        fold = self.state
        m.d.comb += [
            fold.start.eq(port.cmd_valid & port.cmd_ready),
            fold.start_addr.eq(port.rs1),
            fold.start_count.eq(port.rs2),
            port.rsp_valid.eq(port.cmd_valid & ~fold.asks),
            port.cmd_ready.eq(port.rsp_ready & ~fold.asks),
        ]

    def call(self, funct7, rs1, rs2):
        self.state.run(rs1, rs2 & 0xFFFF)
        return 0

    def operands(self, rng):
        size = self.state.dma.width // 8
        count = rng.choice((1, 1, 2, 3, rng.randrange(1, MOST)))
        edge = rng.choice((0, BYTES - count * size))
        return 0, BASE + rng.choice((edge, size * rng.randrange((BYTES - count * size) // size))), count


class Wait(SequentialInstruction):
    """Wait until all elements have come. rd = the total, which becomes 0."""

    rs1 = rs2 = None
    time = Variable(min_cycles=0, max_cycles=400, exact=False)

    def gateware(self, m, work):
        fold, waiting = self.state, Signal()
        done = (work.start | waiting) & ~fold.asks & (fold.awaited == 0)
        m.d.comb += [work.done.eq(done), work.rd.eq(fold.total), fold.clear.eq(work.done)]
        m.d.sync += waiting.eq((work.start | waiting) & ~work.done)

    def call(self, funct7, rs1, rs2):
        value, self.state.value = self.state.value, 0
        return value


class Echo(Instruction):
    """rd = rs1: it works while elements come."""

    rs2 = None
    time = Fixed(1)

    def gateware(self, m, cmd):
        return cmd.rs1

    def call(self, funct7, rs1, rs2):
        return rs1


def make_cfu(width=32, lazy=0):
    dma = DmaPort(width)
    fold = Fold(dma, lazy)
    instructions = {0: Start(name="start", state=fold), 1: Wait(name="wait", state=fold), 2: Echo()}
    params = {"width": width, "lazy": lazy}
    return Cfu(instructions, name="fold", params=params, autonomous=True, dma=dma)
