"""A CFU that works on the data TCM on its own. It sums or copies a vector, with strides, at one access per cycle.

    cfu_vector_source(CFU_ADDR(a), stride); cfu_vector_destination(CFU_ADDR(b), stride);
    cfu_vector_start_copy(count);           the CPU goes on
    cfu_vector_wait();                      rd = the sum

An element is one access of the memory port: `width` bits, which is 1, 2 or 4 words. A sum takes count + 2 cycles, a copy 2 * count + 1,
and one more if count is odd. Source and destination of a copy must not overlap. The next job may be set up while one runs.
"""

from cfukit import (
    Array,
    Cfu,
    Fixed,
    HandshakeInstruction,
    Instruction,
    MemoryPort,
    Mode,
    Mux,
    SequentialInstruction,
    Signal,
    State,
    Variable,
)

COUNT_BITS = 14
MAX_COUNT = (1 << COUNT_BITS) - 1
FIFO_ROWS = 4  # as many reads as may be outstanding; a power of two
ADDRESS = (1 << 20) - 1


class Engine(State):
    """One job at a time: sum of `count` elements, or copy."""

    def __init__(self, memory: MemoryPort):
        self.memory = memory
        self.source, self.source_stride = Signal(20), Signal(20)
        self.destination, self.destination_stride = Signal(20), Signal(20)
        self.start, self.copies, self.count = Signal(), Signal(), Signal(COUNT_BITS)
        self.busy, self.total = Signal(), Signal(32)
        self.reset()

    def gateware(self, m):
        memory = self.memory
        copying = Signal()
        read_at, write_at = Signal(20), Signal(20)
        read_stride, write_stride = Signal(20), Signal(20)
        to_read, to_finish = Signal(COUNT_BITS), Signal(COUNT_BITS)
        flying = Signal(COUNT_BITS)  # reads without an answer yet; sums need no room for them
        # Elements that were read and not yet written. A response cannot be refused, so reads wait until there is room.
        rows = Array(Signal(memory.width, name=f"row{n}") for n in range(FIFO_ROWS))
        first, last, level = Signal(range(FIFO_ROWS)), Signal(range(FIFO_ROWS)), Signal(range(FIFO_ROWS + 1))
        push, pop, reads, takes = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            push.eq(copying & memory.rsp_valid),
            pop.eq(takes & memory.we),
            reads.eq((to_read != 0) & (~copying | (flying + level < FIFO_ROWS))),
            takes.eq(memory.cmd_valid & memory.cmd_ready),
            memory.we.eq(level != 0),
            memory.cmd_valid.eq(memory.we | reads),
            memory.addr.eq(Mux(memory.we, write_at, read_at)),
            memory.data.eq(rows[first]),
            memory.mask.eq(-1),
        ]
        m.d.sync += [
            level.eq(level + push - pop),
            flying.eq(flying + (takes & ~memory.we) - memory.rsp_valid),
        ]
        with m.If(push):
            m.d.sync += [rows[last].eq(memory.rsp_data), last.eq(last + 1)]
        with m.If(pop):
            m.d.sync += [write_at.eq(write_at + write_stride), first.eq(first + 1)]
        with m.Elif(takes):
            m.d.sync += [read_at.eq(read_at + read_stride), to_read.eq(to_read - 1)]
        with m.If(pop | (memory.rsp_valid & ~copying)):
            m.d.sync += to_finish.eq(to_finish - 1)
            with m.If(to_finish == 1):
                m.d.sync += self.busy.eq(0)
        with m.If(memory.rsp_valid & ~copying):
            words = [memory.rsp_data.word_select(n, 32) for n in range(memory.width // 32)]
            m.d.sync += self.total.eq(sum(words, self.total))
        with m.If(self.start):
            m.d.sync += [
                copying.eq(self.copies),
                read_at.eq(self.source),
                read_stride.eq(self.source_stride),
                write_at.eq(self.destination),
                write_stride.eq(self.destination_stride),
                to_read.eq(self.count),
                to_finish.eq(self.count),
                self.busy.eq(self.count != 0),
                self.total.eq(0),
            ]

    def reset(self):
        self.from_, self.to, self.value, self.ready_cycle = (0, 0), (0, 0), 0, 0

    def run(self, copies, count, now_cycles):
        """Do the whole job at once. The CPU may not touch what it reads or writes until it is done."""
        size = self.memory.width // 8
        self.value = 0
        for n in range(count):
            element = self.memory.load((self.from_[0] + n * self.from_[1]) & ADDRESS, size)
            if copies:
                self.memory.store((self.to[0] + n * self.to[1]) & ADDRESS, element)
            else:
                words = (int.from_bytes(element[i : i + 4], "little") for i in range(0, size, 4))
                self.value = (self.value + sum(words)) & 0xFFFFFFFF
        time = 2 * count + 1 + count % 2 if copies else count + 2
        self.ready_cycle = now_cycles + (time if count else 1)


class Setup(Instruction):
    """Where elements come from or go to: the byte offset of the first, and the bytes from one to the next. rd = 0."""

    rs1 = "CFU_ADDR of the first element, a multiple of the element's size"
    rs2 = "bytes from one element to the next, a multiple of the element's size"
    rd = "0"
    modes = [Mode(0, "source"), Mode(1, "destination")]
    time = Fixed(latency_cycles=1)

    def gateware(self, m, cmd):
        engine = self.state
        with m.If(cmd.fire & ~cmd.funct7[0]):
            m.d.sync += [engine.source.eq(cmd.rs1), engine.source_stride.eq(cmd.rs2)]
        with m.If(cmd.fire & cmd.funct7[0]):
            m.d.sync += [engine.destination.eq(cmd.rs1), engine.destination_stride.eq(cmd.rs2)]
        return 0

    def call(self, funct7, rs1, rs2):
        place = rs1 & ADDRESS, rs2 & ADDRESS
        if funct7 & 1:
            self.state.to = place
        else:
            self.state.from_ = place
        return 0

    def operands(self, rng):
        """For tests: sources in the lower half of 16 KiB, destinations in the upper one."""
        size, mode = self.state.memory.width // 8, rng.randrange(2)
        return mode, 8192 * mode + size * rng.randrange(4096 // size), size * rng.randrange(5)


class Start(HandshakeInstruction):
    """Begin a job of rs1 elements; waits until the one before is done. rd = 0."""

    rs1 = f"number of elements, 0 to {MAX_COUNT}"
    rs2 = None
    rd = "0"
    modes = [Mode(0, "sum", "the sum of all words, modulo 2^32, is what wait gives"), Mode(1, "copy")]
    time = Variable(min_cycles=1, max_cycles=1)

    def gateware(self, m, port):
        engine, answers = self.state, Signal()
        m.d.comb += [
            port.cmd_ready.eq(~engine.busy & (~answers | port.rsp_ready)),
            port.rsp_valid.eq(answers),
            engine.start.eq(port.cmd_valid & port.cmd_ready),
            engine.copies.eq(port.funct7[0]),
            engine.count.eq(port.rs1),
        ]
        with m.If(engine.start):
            m.d.sync += answers.eq(1)
        with m.Elif(port.rsp_ready):
            m.d.sync += answers.eq(0)

    def call(self, funct7, rs1, rs2):
        self.state.run(funct7 & 1, rs1 & MAX_COUNT, self.now_cycles)
        return 0

    def operands(self, rng):
        return rng.randrange(2), rng.choice((0, 1, 2, 3, rng.randrange(40))), 0


class Wait(SequentialInstruction):
    """Wait until the job is done: all its writes are in memory. rd = the sum, 0 after a copy."""

    rs1 = rs2 = None
    time = Variable(min_cycles=0, max_cycles=2 * MAX_COUNT + 2)

    def gateware(self, m, work):
        waiting = Signal()
        m.d.comb += [work.done.eq((work.start | waiting) & ~self.state.busy), work.rd.eq(self.state.total)]
        m.d.sync += waiting.eq((work.start | waiting) & ~work.done)

    def call(self, funct7, rs1, rs2):
        return self.state.value

    def cycles(self, funct7, rs1, rs2):
        return max(0, self.state.ready_cycle - self.now_cycles)


def make_cfu(width=32):
    memory = MemoryPort(width)
    engine = Engine(memory)
    instructions = {
        0: Setup(name="vector", state=engine),
        1: Start(name="vector_start", state=engine),
        2: Wait(name="vector_wait", state=engine),
    }
    return Cfu(
        instructions,
        about="sums and copies vectors in the data TCM on its own",
        params={"width": width},
        autonomous=True,
        memory=memory,
    )
