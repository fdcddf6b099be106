# amaranth: UnusedElaboratable=no
"""The inside of a Cfu: units that answer commands, and the dispatcher that keeps their responses in order.

A unit is one handshake. It serves either a group of pipelined instructions of the same latency, which share one result register,
or one HandshakeInstruction. A Cfu with one unit only, which is the usual case, has no dispatcher.

The dispatcher sends a command to unit U in one of these cases:

* no response is outstanding,
* all outstanding responses are U's,
* the only outstanding response is being taken in this cycle.

So instructions of one unit follow each other at full rate. A change of unit costs no cycle, with two exceptions: another unit is
still computing, or a SequentialInstruction answers in this cycle. Whatever follows is then accepted in the next cycle.

The first line tells Amaranth that a Module made here may go unused: elaboration ends early when an instruction is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from cfukit.gateware import Command, Port
from cfukit.instruction import HandshakeInstruction, Instruction, SequentialInstruction

MAX_OUTSTANDING = 255


class Modules:
    """One Module per instruction, or per shared State."""

    def __init__(self) -> None:
        self._modules: dict[int, Module] = {}
        self.names: dict[str, Module] = {}

    def of(self, instruction: Instruction) -> Module:
        owner = instruction.state or instruction
        if id(owner) not in self._modules:
            module = Module()
            self._modules[id(owner)] = module
            name = instruction.name if instruction.state is None else f"state_{len(self.names)}"
            self.names[name] = module
            if instruction.state is not None:
                instruction.state.gateware(module)
        return self._modules[id(owner)]


class Unit:
    """A handshake. pending: a response that waits, as registers alone tell it; None if they cannot."""

    def __init__(self, name: str, capacity: int):
        self.port = Port(name)
        self.funct3 = Signal(3, name=f"{name}_funct3")
        self.capacity = capacity
        self.pending: Value | None = None


def pipeline_unit(
    m: Module, modules: Modules, latency_cycles: int, instructions: Mapping[int, Instruction]
) -> Unit:
    """The unit of all pipelined instructions of one latency. Any other funct3 that comes here answers 0.

    * Latency 0: the result passes through. It waits in a register when it is not taken at once.
    * Latency L: each of L stages has a valid bit, and the last register holds the result. Everything moves, unless a result
      waits to be taken. Instructions with registers of their own give their result after that register.
    """
    unit = Unit(f"pipe{latency_cycles}", latency_cycles + 1)
    port = unit.port
    advance = Signal(name=f"pipe{latency_cycles}_advance")
    held = Signal(name=f"pipe{latency_cycles}_held")
    held_rd = Signal(32, name=f"pipe{latency_cycles}_held_rd", reset_less=True)
    result = Signal(32, name=f"pipe{latency_cycles}_result")
    m.d.comb += [advance.eq(~held | port.rsp_ready), port.cmd_ready.eq(advance)]
    unit.pending = held

    valids: list[Value] = [port.cmd_valid]
    decode: list[Value] = [unit.funct3]
    for stage in range(1, latency_cycles + 1):
        valid = held if stage == latency_cycles else Signal(name=f"pipe{latency_cycles}_valid{stage}")
        kind = Signal(3, name=f"pipe{latency_cycles}_funct3_{stage}", reset_less=True)
        with m.If(advance):
            m.d.sync += [valid.eq(valids[-1]), kind.eq(decode[-1])]
        valids.append(valid)
        decode.append(kind)

    before: Value = Const(0, 32)  # the input of the last register
    behind: Value = held_rd  # and what follows it
    for index, instruction in sorted(instructions.items()):
        module = modules.of(instruction)
        fires = []
        for stage, (valid, kind) in enumerate(zip(valids, decode, strict=True)):
            fire = Signal(name=f"{instruction.name}_fire{stage or ''}")
            module.d.comb += fire.eq(valid & (kind == index) & advance)
            fires.append(fire)
        command = Command(module, port.rs1, port.rs2, port.funct7, fires, advance)
        rd = Signal(32, name=f"{instruction.name}_rd")
        module.d.comb += rd.eq(Value.cast(instruction.gateware(module, command)))
        # An OR of gated results is smaller than a chain of multiplexers.
        if instruction.own_registers:
            behind = behind | Mux(decode[latency_cycles] == index, rd, 0)
        else:
            before = before | Mux(decode[max(0, latency_cycles - 1)] == index, rd, 0)
    m.d.comb += result.eq(before)

    if latency_cycles == 0:
        m.d.comb += [
            port.rsp_valid.eq(held | port.cmd_valid),
            port.rd.eq(Mux(held, held_rd, result)),
        ]
        with m.If(advance):
            m.d.sync += [held.eq(port.cmd_valid & (held | ~port.rsp_ready)), held_rd.eq(result)]
    else:
        m.d.comb += [port.rsp_valid.eq(held), port.rd.eq(behind)]
        with m.If(advance):
            m.d.sync += held_rd.eq(result)
    return unit


def handshake_unit(m: Module, modules: Modules, instruction: HandshakeInstruction) -> Unit:
    """One HandshakeInstruction."""
    one = isinstance(instruction, SequentialInstruction)  # takes no command while it works
    unit = Unit(instruction.name, 1 if one else min(MAX_OUTSTANDING, instruction.time.max_cycles + 1))
    module = modules.of(instruction)
    if isinstance(instruction, SequentialInstruction):
        # `done` may depend on `start`, if only through If(start)/Elif(busy). Two such units would form a loop.
        unit.pending = instruction.handshake(module, unit.port)
        return unit
    instruction.gateware(module, unit.port)
    if instruction.time.min_cycles > 0:
        unit.pending = unit.port.rsp_valid
    return unit


def connect(m: Module, units: Sequence[Unit], targets: Sequence[int], outer: Port, funct3: Signal) -> None:
    """Connect `units` to the handshake `outer`. A command goes to `units[targets[funct3]]`."""
    for unit in units:
        m.d.comb += [
            unit.port.rs1.eq(outer.rs1),
            unit.port.rs2.eq(outer.rs2),
            unit.port.funct7.eq(outer.funct7),
            unit.funct3.eq(funct3),
        ]
    if len(units) == 1:
        port = units[0].port
        m.d.comb += [
            port.cmd_valid.eq(outer.cmd_valid),
            outer.cmd_ready.eq(port.cmd_ready),
            outer.rsp_valid.eq(port.rsp_valid),
            outer.rd.eq(port.rd),
            port.rsp_ready.eq(outer.rsp_ready),
        ]
        return

    capacity = max(unit.capacity for unit in units)
    outstanding = Signal(range(capacity + 1))
    current = Signal(len(units))  # one bit per unit: whose responses are outstanding
    none, last = Signal(), Signal()
    wanted = [
        Cat(funct3 == value for value in range(8) if targets[value] == index).any()
        for index in range(len(units))
    ]
    m.d.comb += [none.eq(outstanding == 0), last.eq(outstanding == 1)]
    finishing = [
        current[index] & unit.pending if unit.pending is not None else Const(0, 1)
        for index, unit in enumerate(units)
    ]
    taken = []
    for index, unit in enumerate(units):
        port = unit.port
        others = Cat(finishing[:index] + finishing[index + 1 :]).any()
        allowed = Signal(name=f"{port.rd.name}_allowed")
        answers = Signal(name=f"{port.rd.name}_answers")
        m.d.comb += [
            allowed.eq(
                none | (current[index] & (outstanding != capacity)) | (last & others & outer.rsp_ready)
            ),
            port.cmd_valid.eq(outer.cmd_valid & wanted[index] & allowed),
            answers.eq(Mux(none, wanted[index], current[index])),
            port.rsp_ready.eq(outer.rsp_ready & answers),
        ]
        taken.append(wanted[index] & allowed & port.cmd_ready)
    answering = [Mux(none, wanted[index], current[index]) for index in range(len(units))]
    m.d.comb += [
        outer.cmd_ready.eq(Cat(taken).any()),
        outer.rsp_valid.eq(
            Cat(unit.port.rsp_valid & answers for unit, answers in zip(units, answering, strict=True)).any()
        ),
    ]
    rd: Value = Const(0, 32)
    for unit, answers in zip(units, answering, strict=True):
        rd = rd | Mux(answers, unit.port.rd, 0)
    m.d.comb += outer.rd.eq(rd)

    fire, response = Signal(), Signal()
    m.d.comb += [
        fire.eq(outer.cmd_valid & outer.cmd_ready),
        response.eq(outer.rsp_valid & outer.rsp_ready),
    ]
    m.d.sync += outstanding.eq(outstanding + fire - response)
    with m.If(fire):
        m.d.sync += current.eq(Cat(wanted))
