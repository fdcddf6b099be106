"""What the gateware of an instruction sees and drives: the command of a pipeline, a job with start and done, or bare ports."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Signal, Value, ValueLike


class State:
    """Registers that several instructions of a Cfu share: signals and plain integers side by side.

    A subclass makes its signals and calls `reset()` in `__init__`. Instructions with the same `state` are elaborated
    into one Module, so each of them may drive the signals (under `cmd.fire`; the last statement wins).
    """

    def reset(self) -> None:
        """Give the model its values after reset."""

    def gateware(self, m: Module) -> None:
        """Logic that works on its own between instructions. The Cfu is then `autonomous=True`."""


class Command:
    """What `Instruction.gateware` sees of a command.

    * rs1, rs2 (32 bits), funct7 (7 bits): valid while `fire` is 1.
    * fire: this instruction's command is accepted in this cycle. State changes belong under `with m.If(cmd.fire)`.
    * advance: the pipeline moves in this cycle. It enables the read port of a memory that is one of its registers.
    """

    def __init__(
        self, m: Module, rs1: Signal, rs2: Signal, funct7: Signal, fires: Sequence[Value], advance: Value
    ):
        self.rs1, self.rs2, self.funct7 = rs1, rs2, funct7
        self._m = m
        self._fires = fires
        self.advance = advance

    @property
    def fire(self) -> Value:
        return self._fires[0]

    def fire_after(self, stages: int) -> Value:
        """As `fire`, for the command that has moved `stages` registers (`pipe`) down the pipeline."""
        return self._fires[stages]

    def pipe(self, value: ValueLike) -> Signal:
        """`value` one pipeline register later.

        Of the L registers of an instruction of latency L the last one belongs to the Cfu, unless the instruction has
        `own_registers`.
        """
        value = Value.cast(value)
        register = Signal(value.shape(), reset_less=True)
        with self._m.If(self.advance):
            self._m.d.sync += register.eq(value)
        return register


class Port:
    """The bare handshake of one instruction. A command or response passes in a cycle in which valid and ready are 1."""

    def __init__(self, name: str):
        self.cmd_valid = Signal(name=f"{name}_cmd_valid")
        self.cmd_ready = Signal(name=f"{name}_cmd_ready")
        self.rs1 = Signal(32, name=f"{name}_rs1")
        self.rs2 = Signal(32, name=f"{name}_rs2")
        self.funct7 = Signal(7, name=f"{name}_funct7")
        self.rsp_valid = Signal(name=f"{name}_rsp_valid")
        self.rsp_ready = Signal(name=f"{name}_rsp_ready")
        self.rd = Signal(32, name=f"{name}_rd")


class Work:
    """What `SequentialInstruction.gateware` sees and drives.

    * start: 1 for one cycle. The operands rs1, rs2 and funct7 are valid in that cycle only.
    * done, rd: the gateware drives `done` to 1 for one cycle, together with the result.
    """

    def __init__(self, name: str, port: Port):
        self.rs1, self.rs2, self.funct7 = port.rs1, port.rs2, port.funct7
        self.start = Signal(name=f"{name}_start")
        self.done = Signal(name=f"{name}_done")
        self.rd = Signal(32, name=f"{name}_result")
