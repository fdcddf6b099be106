"""One custom instruction: gateware and plain-integer model side by side, with its fields and its time.

The shortest useful one:

    class Dot4(Instruction):
        \"\"\"rd = sum of rs1[i] * rs2[i] over four int8 lanes.\"\"\"

        rs1 = rs2 = "four int8, lane 0 in bits 7:0"
        rd = "int32"
        time = Fixed(latency_cycles=1)

        def gateware(self, m, cmd):
            a, b = cmd.rs1, cmd.rs2
            return sum(a.word_select(i, 8).as_signed() * b.word_select(i, 8).as_signed() for i in range(4))

        def call(self, funct7, rs1, rs2):
            return sum(x * y for x, y in zip(int8_lanes(rs1), int8_lanes(rs2)))

* `Instruction` is a pipeline of fixed latency that takes a command per cycle.
* `SequentialInstruction` works for as many cycles as it needs, from start to done.
* `HandshakeInstruction` has the bare ports.

Instructions that share registers hold the same `State`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value, ValueLike

from cfukit.declaration import Fixed, Mode, Variable
from cfukit.gateware import Port, State, Work
from cfukit_base.errors import UsageError

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Instruction:
    """A pipelined instruction of fixed latency and full throughput: a command per cycle.

    Class attributes describe it. The first paragraph of its docstring goes into cfu.json and cfu_ops.h.

    * rs1, rs2: what the operand holds. None: it is not used, and the C function has no such argument.
    * rd: what comes back.
    * modes: the named values of funct7. None: funct7 is not looked at, or any value means something.
    * params: numbers that C sees as `CFU_INSTRUCTION_PARAM`.
    * version: raise it when the meaning changes.
    * stateful: set where the answer depends on earlier commands. Follows from a `state` or from `reset`.
    * own_registers: `gateware` has all L registers of its latency L, so logic may follow the last one, such as the read port
      of a memory. All of them move with `cmd.advance`.
    * operands: `operands(random)` gives (funct7, rs1, rs2) and narrows what random tests choose.
    """

    name: str = ""
    version: int = 1
    rs1: str | None = "operand"
    rs2: str | None = "operand"
    rd: str = "result"
    modes: Sequence[Mode] | None = None
    params: dict[str, int] = {}  # noqa: RUF012
    time: Fixed | Variable = Fixed()
    stateful: bool = False
    own_registers: bool = False
    operands: Callable[..., tuple[int, int, int]] | None = None

    def __init__(self, *, name: str = "", state: State | None = None, time: Fixed | Variable | None = None):
        self.name = name or type(self).name or _snake(type(self).__name__)
        self.state = state
        self.time = time or type(self).time
        self.stateful = self.stateful or state is not None or type(self).reset is not Instruction.reset
        self.now_cycles = 0

    # gateware

    def gateware(self, m: Module, cmd: Any) -> ValueLike:
        """The value of rd, made from `cmd` (a Command).

        With latency L >= 1 it comes after L - 1 registers (`cmd.pipe`), or after L with `own_registers`.
        """
        raise NotImplementedError

    # model

    def reset(self) -> None:
        """The model's registers after reset (a shared State has its own)."""

    def call(self, funct7: int, rs1: int, rs2: int) -> int:
        """The model: rd of one command. Operands are 0 to 2^32 - 1; the result is taken modulo 2^32."""
        raise NotImplementedError

    def cycles(self, funct7: int, rs1: int, rs2: int) -> int:
        """The latency of a Variable instruction. It is asked before `call`; `self.now_cycles` is the cycle of the handshake."""
        return self.time.max_cycles

    # what follows from the above

    @property
    def doc(self) -> str:
        """The first paragraph of the docstring."""
        text = (type(self).__doc__ or "").strip().split("\n\n")[0]
        return " ".join(text.split())

    @property
    def interval_cycles(self) -> int:
        """Cycles from one accepted command to the next at best."""
        assert isinstance(self.time, Fixed)
        return self.time.interval_cycles or 1

    def shares_state(self, other: Instruction) -> bool:
        """Whether the answers of one may depend on the commands of the other."""
        if self is other or self.state is not None or other.state is not None:
            return self.stateful and (self is other or self.state is other.state)
        own = any(type(item).reset is not Instruction.reset for item in (self, other))
        return self.stateful and other.stateful and not own

    def shown(self, funct7: int, rs1: int, rs2: int) -> str:
        """The operands of a command, as messages show them: those that the instruction has."""
        words = [f"funct7 {funct7}"] if self.modes is None or self.modes else []
        words += [f"rs1 0x{rs1:08x}"] if self.rs1 is not None else []
        words += [f"rs2 0x{rs2:08x}"] if self.rs2 is not None else []
        return f"({', '.join(words)})" if words else ""

    @property
    def has_model(self) -> bool:
        return type(self).call is not Instruction.call

    def check_gateware(self) -> None:
        """Raise UsageError unless the class can have the declared time."""
        where, time = f"instruction {self.name}", self.time
        if type(self).gateware in (Instruction.gateware, HandshakeInstruction.gateware):
            raise UsageError(
                where,
                "it has no gateware",
                allowed="Cfu needs `def gateware(self, m, cmd)`",
                hint="a CFU in Verilog or Migen is a VerilogCfu or MigenCfu",
            )
        if type(self).pipelined and (isinstance(time, Variable) or time.interval_cycles > 1):
            raise UsageError(
                where,
                f"time is {time}",
                allowed="an Instruction is a pipeline: fixed latency, interval 1",
                hint="derive from SequentialInstruction or HandshakeInstruction",
            )
        if self.own_registers and (not type(self).pipelined or time.max_cycles == 0):
            raise UsageError(
                where,
                f"own_registers is {self.own_registers}, time is {time}",
                allowed="own registers are for an Instruction with a latency of at least 1",
            )

    def check(self) -> None:
        """Raise UsageError for a declaration that contradicts itself."""
        where = f"instruction {self.name}"
        if not _NAME.fullmatch(self.name):
            raise UsageError(where, f"name is {self.name!r}", allowed="a lower-case C identifier is needed")
        time = self.time
        if not 0 <= time.min_cycles <= time.max_cycles:
            raise UsageError(where, f"time is {time}", allowed="0 <= min <= max is needed")
        seen: dict[int, str] = {}
        for mode in self.modes or ():
            if not 0 <= mode.value < 128 or mode.value in seen or mode.name in seen.values():
                raise UsageError(where, f"mode {mode}", allowed="values 0..127 and names, each once")
            if not re.fullmatch(r"[a-z0-9_]+", mode.name):
                raise UsageError(
                    where, f"mode name is {mode.name!r}", allowed="lower case, digits and _ are allowed"
                )
            seen[mode.value] = mode.name

    pipelined = True


class HandshakeInstruction(Instruction):
    """An instruction with the bare ports: `gateware(m, port)` drives `cmd_ready`, `rsp_valid` and `rd` of a `Port`.

    It gives one response per command, in order, and holds `rsp_valid` and `rd` until `rsp_ready`. With `min_cycles` >= 1
    `rsp_valid` must not depend on `cmd_valid` combinationally, not even through the order of If and Elif.
    """

    pipelined = False

    def gateware(self, m: Module, port: Port) -> None:
        raise NotImplementedError

    @property
    def interval_cycles(self) -> int:
        assert isinstance(self.time, Fixed)
        return self.time.interval_cycles or max(1, self.time.latency_cycles + 1)


class SequentialInstruction(HandshakeInstruction):
    """An instruction that works for some cycles: `gateware(m, work)` sees `start` and drives `done` and `rd` of a `Work`.

    The latency counts the cycles from `start` to `done` (0: the same cycle). The next start comes at the earliest in the cycle
    after the response was taken. A result that is not taken at once is kept.
    """

    def gateware(self, m: Module, work: Work) -> None:  # type: ignore[override]
        raise NotImplementedError

    def handshake(self, m: Module, port: Port) -> Value:
        """Connect start and done to the bare ports. Returns the register that says that a response waits."""
        work = Work(self.name, port)
        busy = Signal(name=f"{self.name}_busy")
        kept_valid = Signal(name=f"{self.name}_kept_valid")
        kept = Signal(32, name=f"{self.name}_kept", reset_less=True)
        m.d.comb += [
            port.cmd_ready.eq(~busy),
            work.start.eq(port.cmd_valid & ~busy),
            port.rsp_valid.eq(work.done | kept_valid),
            port.rd.eq(Mux(kept_valid, kept, work.rd)),
        ]
        with m.If(work.start):
            m.d.sync += busy.eq(1)
        with m.If(work.done):
            m.d.sync += [kept.eq(work.rd), kept_valid.eq(1)]
        with m.If(port.rsp_valid & port.rsp_ready):
            m.d.sync += [busy.eq(0), kept_valid.eq(0)]
        self.gateware(m, work)
        return kept_valid


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
