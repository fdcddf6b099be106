"""The engine's instructions: set the descriptor, start a job, feed words, wait."""

from __future__ import annotations

import random

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from cfukit.base import UNNAMED
from cfukit.cfu import Cfu
from cfukit.declaration import Mode, Variable
from cfukit.dma import DMA_TEST_BASE, DMA_TEST_BYTES, DmaPort
from cfukit.engine.gateware import RESIDUAL_JOBS, Engine
from cfukit.engine.model import Job
from cfukit.engine.size import EngineSize
from cfukit.gateware import Port, Work
from cfukit.instruction import HandshakeInstruction, SequentialInstruction
from cfukit.integers import to_signed
from cfukit.memory import MemoryPort

MAX_JOB_CYCLES = 1 << 20


class _WhenFree(HandshakeInstruction):
    """Accepted when nothing is in its way, answered with 0 in the next cycle."""

    state: Engine
    rd = "0"
    time = Variable(min_cycles=1, max_cycles=1)

    def gateware(self, m: Module, port: Port) -> None:
        answers, fire = Signal(name=f"{self.name}_answers"), Signal(name=f"{self.name}_fires")
        m.d.comb += [
            port.cmd_ready.eq(self.free(port) & (~answers | port.rsp_ready)),
            port.rsp_valid.eq(answers),
            fire.eq(port.cmd_valid & port.cmd_ready),
        ]
        with m.If(fire):
            m.d.sync += answers.eq(1)
            self.act(m, port)
        with m.Elif(port.rsp_ready):
            m.d.sync += answers.eq(0)
        self.pass_operands(m, port)

    def free(self, port: Port) -> Value:
        """Whether the command may do what it does: no job runs."""
        return ~self.state.computing & ~self.state.loading

    def act(self, m: Module, port: Port) -> None:
        """What the command does, under its handshake."""
        raise NotImplementedError

    def pass_operands(self, m: Module, port: Port) -> None:
        """What the engine looks at under the handshake alone: always there, so that it is not behind the handshake's logic."""


# Registers of the descriptor by funct7: the fields of rs1 and rs2, as (name of the field, first bit, bits, signed).
Field = tuple[str, int, int, bool]
REGISTERS: dict[str, tuple[str, tuple[Field, ...], tuple[Field, ...]]] = {
    "input": (
        "rs1 = CFU_ADDR of the input's pixel (0, 0), rs2 = bytes from one pixel to the next",
        (("input", 0, 20, False),),
        (("pixel_bytes", 0, 17, False),),
    ),
    "size": (
        "rs1 = height | width << 16 of the input, rs2 = bytes from one row to the next",
        (("height", 0, 12, False), ("width", 16, 12, False)),
        (("row_bytes", 0, 17, False),),
    ),
    "filter": (
        "rs1 = height | width << 16 of the filter, rs2 = channels of a tap",
        (("filter_height", 0, 12, False), ("filter_width", 16, 12, False)),
        (("channels", 0, 13, False),),
    ),
    "stride": (
        "rs1 = stride, rs2 = dilation, both as height | width << 16",
        (("stride_height", 0, 12, False), ("stride_width", 16, 12, False)),
        (("dilation_height", 0, 12, False), ("dilation_width", 16, 12, False)),
    ),
    "origin": (
        "rs1 = (-padding top & 0xFFFF) | -padding left << 16, rs2 = rows of the store that a window takes",
        (("top", 0, 12, True), ("left", 16, 12, True)),
        (("rows", 0, 16, False),),
    ),
    "output": (
        "rs1 = CFU_ADDR of the first output, rs2 = bytes from one pixel to the next",
        (("output", 0, 20, False),),
        (("output_pixel_bytes", 0, 17, False),),
    ),
    "output_size": (
        "rs1 = height | width << 16 of the output, rs2 = channels that are computed",
        (("output_height", 0, 12, False), ("output_width", 16, 12, False)),
        (("output_channels", 0, 13, False),),
    ),
    "range": (
        "rs1 = input zero point | output zero point << 8 | lowest output << 16 | highest output << 24, each an int8",
        (
            ("input_zero_point", 0, 8, True),
            ("output_zero_point", 8, 8, True),
            ("low", 16, 8, True),
            ("high", 24, 8, True),
        ),
        (),
    ),
    "main": (
        "rs1 = begin of the main memory that may be loaded from, rs2 = its bytes; both multiples of CFU_PARAM_LANES",
        (("main_begin", 0, 32, False),),
        (("main_bytes", 0, 32, False),),
    ),
    "addend": (
        "rs1 = CFU_ADDR of the first output's addend, rs2 = bytes from one pixel to the next; multiples of CFU_PARAM_REQUANTIZERS",
        (("addend", 0, 20, False),),
        (("addend_pixel_bytes", 0, 17, False),),
    ),
    "sum": (
        "of what conv_add and depthwise_add write: rs1 = zero point | lowest << 8 | highest << 16, each an int8; rs2 = the row of the "
        "channel store with their first channel",
        (("sum_zero_point", 0, 8, True), ("sum_low", 8, 8, True), ("sum_high", 16, 8, True)),
        (("first_row", 0, 2, False),),
    ),
}
RESIDUAL = ("addend", "sum")  # registers of an engine with `residual`


class Set(_WhenFree):
    """Set one register of the descriptor. It keeps its value from job to job. Loads go on meanwhile."""

    rs1 = rs2 = "see the register"

    def __init__(self, *, name: str, state: Engine):
        super().__init__(name=name, state=state)
        lacking = {*(() if state.dma else ("main",)), *(() if state.size.residual else RESIDUAL)}
        self.registers = {key: value for key, value in REGISTERS.items() if key not in lacking}
        self.modes = [Mode(n, key, text) for n, (key, (text, _, _)) in enumerate(self.registers.items())]

    def free(self, port: Port) -> Value:
        return ~self.state.computing & ~self.state.settling

    def act(self, m: Module, port: Port) -> None:
        with m.Switch(port.funct7[:4]):
            for number, (_, first, second) in enumerate(self.registers.values()):
                with m.Case(number):
                    for word, fields in ((port.rs1, first), (port.rs2, second)):
                        for name, begin, bits, signed in fields:
                            value = word[begin : begin + bits]
                            m.d.sync += self._register(name).eq(value.as_signed() if signed else value)

    def _register(self, name: str) -> Signal:
        engine = self.state
        renamed = {"input": "address", "output": "output_address"}.get(name, name)
        if hasattr(engine, renamed):
            register: Signal = getattr(engine, renamed)
            return register
        return engine.windows[renamed]

    def call(self, funct7: int, rs1: int, rs2: int) -> int:
        _, first, second = list(self.registers.values())[funct7 & 15]
        for word, fields in ((rs1, first), (rs2, second)):
            for name, begin, bits, signed in fields:
                value = word >> begin & (1 << bits) - 1
                setattr(self.state.model.descriptor, name, to_signed(value, bits) if signed else value)
        return 0

    def operands(self, rng: random.Random) -> tuple[int, int, int]:
        """For tests: whatever was set before, jobs stay in 16 KiB, inputs in the first half and outputs in the second one.

        Windows are 1 x 1, so that they take one row.
        """
        lanes = self.state.size.lanes
        funct7 = rng.randrange(len(self.registers))
        sizes = rng.randint(1, 4) | rng.randint(1, 4) << 16
        words = {
            "input": (rng.randrange(4096), rng.randrange(40)),
            "size": (sizes, rng.randrange(200)),
            "filter": (1 | 1 << 16, rng.randint(0, lanes)),
            "stride": (rng.randint(1, 3) | rng.randint(1, 3) << 16, 0),
            "origin": (rng.choice((0, 0xFFFF)) | rng.choice((0, 0xFFFE)) << 16, 1),
            "output": (rng.randrange(8192, 12288), rng.randrange(20, 100)),
            "output_size": (sizes, rng.randint(1, 20)),
            "range": (rng.getrandbits(32), 0),
            "main": (DMA_TEST_BASE, rng.choice((DMA_TEST_BYTES, 8192))),
            "addend": (rng.randrange(4096), rng.randrange(100)),
            "sum": (rng.getrandbits(24), rng.randrange(4)),
        }
        return funct7, *words[list(self.registers)[funct7]]


LOADS = (Job.WEIGHTS, Job.DEPTHWISE_WEIGHTS, Job.CHANNELS, Job.COPY)
COMPUTING = (Job.CONV, Job.DEPTHWISE, Job.ADD, Job.SUM, Job.MAX, *RESIDUAL_JOBS)
BEHIND = (Job.WEIGHTS, Job.DEPTHWISE_WEIGHTS, Job.CHANNELS)  # what may be loaded for the next job
BY_DMA = 16  # in funct7 of Start, beside a job that loads
NEXT = 32  # likewise: by DMA, for the next job


class Start(_WhenFree):
    """Begin a job; waits until the one before is done. One that computes follows a load of weights from main memory at once.

    COPY is a load whose rows go to the output, rounded down to a row. It may overlap what is read if it lies before that.

    next_* loads from main memory for the next job, beside the one that computes, which must have no more weights and channels than were
    loaded for it. One load of each kind may begin beside a job. `engine_wait` does not wait for them, but the next job that computes does.
    """

    version = 3
    rs1 = "loads: CFU_ADDR of the first row (aligned to it), or of the first channel (aligned to 4); main_*, next_*: CFU_DMA_ADDR"
    rs2 = "loads: number of rows, or of channels"

    def __init__(self, *, name: str, state: Engine):
        super().__init__(name=name, state=state)
        self.modes = [
            Mode(job, job.name.lower()) for job in Job if state.size.residual or not job.is_residual
        ]
        if state.dma:
            self.modes += [Mode(BY_DMA | job, f"main_{job.name.lower()}") for job in LOADS]
            self.modes += [Mode(NEXT | job, f"next_{job.name.lower()}") for job in BEHIND]

    def free(self, port: Port) -> Value:
        engine, job = self.state, port.funct7[:5]
        computes = (job == Job.CONV) | (job == Job.DEPTHWISE)
        if engine.size.residual:
            computes |= (job == Job.CONV_ADD) | (job == Job.DEPTHWISE_ADD)
        first = ~engine.computing & (~engine.loading | (engine.streaming & computes))
        return Mux(self._is_for_next(port), engine.may_load_behind, first) if engine.dma else first

    def _is_for_next(self, port: Port) -> Value:
        return port.funct7[5] & (port.funct7[:4] != Job.COPY)

    def act(self, m: Module, port: Port) -> None:
        m.d.comb += self.state.start.eq(1)

    def pass_operands(self, m: Module, port: Port) -> None:
        engine = self.state
        m.d.comb += [
            engine.job.eq(port.funct7[:4]),
            engine.by_dma.eq(port.funct7[4:6].any()),
            engine.behind.eq(self._is_for_next(port) & bool(engine.dma)),
            engine.from_address.eq(port.rs1),
            engine.count.eq(port.rs2),
        ]

    def call(self, funct7: int, rs1: int, rs2: int) -> int:
        model, job = self.state.model, Job(funct7 & 15)
        if job == Job.TERMS:
            model.make_terms()
        elif job in COMPUTING:
            model.run(job)
        else:
            by_dma, behind = bool(funct7 & (BY_DMA | NEXT)), bool(funct7 & NEXT)
            model.load(job, rs1 if by_dma else rs1 & 0xFFFFF, rs2 & 0xFFFF, by_dma=by_dma, behind=behind)
        return 0

    def operands(self, rng: random.Random) -> tuple[int, int, int]:
        """For tests: loads from the first half of 16 KiB; some of those from main memory are refused.

        None is for the next job: the jobs that compute may use weights that were not loaded for them.
        """
        lanes = self.state.size.lanes
        funct7 = rng.choice([mode.value for mode in self.modes or () if not mode.value & NEXT])
        if funct7 & BY_DMA:
            row = rng.randrange(-2, DMA_TEST_BYTES // lanes)
            return funct7, DMA_TEST_BASE + row * lanes + rng.choice((0, 0, 0, 4)), rng.randrange(20)
        return funct7, rng.randrange(4096 // lanes) * lanes, rng.randrange(20)


class Feed(_WhenFree):
    """Weights and channels word by word, from anywhere. `restart` comes first."""

    version = 2
    rs1 = "the next word; restart: 1 for a convolution's weights, 0 for those of a depthwise one; plus 2: channels alone, 4: weights alone"
    rs2 = "weights: the word behind it, if CFU_ENGINE_FEED_WORDS is 2"
    modes = [Mode(0, "restart"), Mode(1, "weights"), Mode(2, "channels")]  # noqa: RUF012

    def __init__(self, *, name: str, state: Engine):
        super().__init__(name=name, state=state)
        self.params = {"words": state.size.fed_words}

    def act(self, m: Module, port: Port) -> None:
        m.d.comb += self.state.feed.eq(1)

    def pass_operands(self, m: Module, port: Port) -> None:
        engine = self.state
        m.d.comb += [
            engine.feed_restarts.eq(port.funct7[:2] == 0),
            engine.feed_channels.eq(port.funct7[:2] == 2),
            engine.fed.eq(Cat(port.rs1, port.rs2)),
        ]

    def call(self, funct7: int, rs1: int, rs2: int) -> int:
        model = self.state.model
        if funct7 == 1:
            for word in (rs1, rs2)[: self.state.size.fed_words]:
                model.feed_weights(word)
        elif funct7 == 0:
            model.restart(rs1)
        else:
            model.feed_channels(rs1)
        return 0


class Wait(SequentialInstruction):
    """Wait until no job runs, apart from loads for the next one: all results are in memory. rd = how the last one went.

    0: well. Bit 0: refused, a size is 0 or a window exceeds the store. Bit 1: `rows` is not what the windows take. Bit 2: the
    weights exceed the store. Bit 3: main memory was not read, see Status.
    """

    state: Engine
    rs1 = rs2 = None
    rd = "status of the last job"
    time = Variable(min_cycles=1, max_cycles=MAX_JOB_CYCLES, exact=False)

    def gateware(self, m: Module, work: Work) -> None:  # type: ignore[override]
        waiting = Signal()
        m.d.comb += [
            work.done.eq(
                waiting
                & ~self.state.computing
                & ~self.state.settling
                & (self.state.ahead | ~self.state.loading)
            ),
            work.rd.eq(self.state.status),
        ]
        m.d.sync += waiting.eq(work.start | (waiting & ~work.done))

    def call(self, funct7: int, rs1: int, rs2: int) -> int:
        return int(self.state.model.status)

    def cycles(self, funct7: int, rs1: int, rs2: int) -> int:
        """Any value: only the bounds count. This is about what the jobs of the automatic tests take."""
        return 64


def make_engine(size: EngineSize | None = None, name: str = UNNAMED) -> Cfu:
    """A CFU that is a streaming engine. name: as for `Cfu`."""
    size = size or EngineSize()
    memory = MemoryPort(8 * size.lanes)
    dma = DmaPort(size.dma) if size.dma else None
    engine = Engine(memory, size, dma)
    params = {
        "lanes": size.lanes,
        "outputs": size.outputs,
        "requantizers": size.requantizers,
        "weight_rows": size.weight_rows,
        "window_rows": size.window_rows,
        "channels": size.channels,
        "dma": size.dma,
        "pixels": size.pixels,
    }
    if size.residual:
        params["residual"] = size.residual
    return Cfu(
        {
            0: Set(name="engine_set", state=engine),
            1: Start(name="engine_start", state=engine),
            2: Feed(name="engine_feed", state=engine),
            3: Wait(name="engine_wait", state=engine),
        },
        name=name,
        about=f"a streaming engine with {size.lanes} x {size.outputs} multipliers",
        params=params,
        autonomous=True,
        memory=memory,
        dma=dma,
    )
