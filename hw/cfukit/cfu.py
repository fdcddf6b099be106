# amaranth: UnusedElaboratable=no
"""A custom function unit: up to eight instructions by funct3, as gateware, as a model, and as files.

    def make_cfu(lanes=4):
        return Cfu({0: Dot(lanes), 1: Clamp()}, name="dot", about="dot product and clamp", params={"lanes": lanes})

`BaseCfu` is what all kinds have in common (instructions, model, artefacts); `Cfu` is the kind whose gateware is Amaranth.
`verilog.py` has the others.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from amaranth.back import verilog
from amaranth.hdl import ClockDomain, CombinationalCycle, Module, Signal, UnusedElaboratable

from cfukit import artefacts, units
from cfukit.instruction import HandshakeInstruction, Instruction, Port
from cfukit.memory import MemoryPort, memory_ports
from cfukit.users_code import BROKEN, failed, integer
from cfukit_base.cache import write_atomic
from cfukit_base.errors import BuildError, CfukitError, UsageError

WORD = 0xFFFF_FFFF

# The ports of module Cfu: name, bits, direction. LiteX's VexRiscv `full+cfu` and CFU Playground name them so.
PORTS = (
    ("clk", 1, "input"),
    ("reset", 1, "input"),
    ("cmd_valid", 1, "input"),
    ("cmd_ready", 1, "output"),
    ("cmd_payload_function_id", 10, "input"),
    ("cmd_payload_inputs_0", 32, "input"),
    ("cmd_payload_inputs_1", 32, "input"),
    ("rsp_valid", 1, "output"),
    ("rsp_ready", 1, "input"),
    ("rsp_payload_outputs_0", 32, "output"),
)


class BaseCfu:
    """Instructions by funct3, their model, and the three files.

    instructions: {funct3: Instruction}. params: what `make_cfu` was called with (recorded). autonomous: it works on its own between
    instructions and is clocked in every cycle. front_end: "gate" (see `Cfu`) or "none". memory: its port into the data TCM.
    """

    def __init__(
        self,
        instructions: Mapping[int, Instruction],
        *,
        name: str = "cfu",
        about: str = "",
        params: Mapping[str, object] | None = None,
        autonomous: bool = False,
        front_end: str = "gate",
        memory: MemoryPort | None = None,
    ):
        self.name = name
        self.about = about
        self.params = dict(params or {})
        self.autonomous = autonomous
        self.front_end = front_end
        self.memory = memory
        self.instructions = dict(sorted(instructions.items()))
        self._check()
        self.reset()

    def _check(self) -> None:
        where = f"Cfu {self.name!r}"
        names: dict[str, int] = {}
        for funct3, instruction in self.instructions.items():
            if not isinstance(funct3, int) or not 0 <= funct3 <= 7:
                raise UsageError(where, f"funct3 is {funct3!r}", allowed="0 to 7 are allowed")
            if not isinstance(instruction, Instruction):
                raise UsageError(
                    where,
                    f"funct3 {funct3} is a {type(instruction).__name__}",
                    allowed="an Instruction is needed",
                )
            instruction.check()
            if instruction.name in names:
                raise UsageError(
                    where,
                    f"funct3 {names[instruction.name]} and {funct3} are both named {instruction.name!r}",
                    allowed="names must differ",
                    hint="pass name= to one of them",
                )
            names[instruction.name] = funct3
        if self.front_end not in ("gate", "none"):
            raise UsageError(where, f"front_end is {self.front_end!r}", allowed='"gate" or "none"')

    zero_when_unassigned = False

    @property
    def port_list(self) -> tuple[tuple[str, int, str], ...]:
        """Name, bits and direction of every port of module Cfu."""
        return PORTS + (memory_ports(self.memory.width) if self.memory else ())

    # model

    def reset(self) -> None:
        """Put the model into the state after reset."""
        for state in {
            id(i.state): i.state for i in self.instructions.values() if i.state is not None
        }.values():
            state.reset()
        for instruction in self.instructions.values():
            instruction.reset()

    def call(self, funct3: int, funct7: int, rs1: int, rs2: int, now_cycles: int = 0) -> int:
        """The model's answer to one command; an unassigned funct3 answers 0."""
        instruction = self.instructions.get(funct3)
        if instruction is None:
            return 0
        return self._ask(instruction, instruction.call, (funct7, rs1, rs2), now_cycles) & WORD

    def latency_cycles(self, funct3: int, funct7: int, rs1: int, rs2: int, now_cycles: int = 0) -> int:
        """Declared cycles from the command's handshake to its response, in the state before `call`.

        The port carries one response per cycle, in order: the response is seen at
        max(handshake + latency, cycle of the previous response + 1) when rsp_ready is always 1.
        """
        instruction = self.instructions.get(funct3)
        if instruction is None:
            return self.unassigned_latency_cycles
        if instruction.time.min_cycles == instruction.time.max_cycles:
            return instruction.time.max_cycles
        return self._ask(instruction, instruction.cycles, (funct7, rs1, rs2), now_cycles)

    def _ask(
        self,
        instruction: Instruction,
        function: Callable[[int, int, int], int],
        operands: tuple[int, int, int],
        now_cycles: int,
    ) -> int:
        instruction.now_cycles = now_cycles
        funct7, rs1, rs2 = operands
        where = f"Cfu {self.name!r}"
        given = f"(funct7 {funct7}, rs1 0x{rs1:08x}, rs2 0x{rs2:08x})"
        return integer(
            function, operands, where, f"{function.__name__} of instruction {instruction.name} {given}"
        )

    @property
    def unassigned_latency_cycles(self) -> int:
        """Latency of the answer 0 to a funct3 without instruction."""
        return 0

    @property
    def max_cycles(self) -> int:
        """The longest declared latency."""
        return max((i.time.max_cycles for i in self.instructions.values()), default=0)

    # files

    def verilog(self) -> str:
        """The text of cfu.v: module Cfu with exactly the ports of `port_list`."""
        raise NotImplementedError

    def write(self, directory: Path) -> None:
        """Write cfu.v, cfu.json and cfu_ops.h; the same Cfu gives the same bytes."""
        files = {
            "cfu.v": self.verilog(),
            "cfu.json": artefacts.description_text(self),
            "cfu_ops.h": artefacts.header_text(self),
        }
        for name, text in files.items():
            write_atomic(Path(directory) / name, text)


class Cfu(BaseCfu):
    """A CFU in Amaranth.

    Order: responses come in the order of commands, whatever the latencies. Throughput: a command per cycle among pipelined
    instructions of one latency, also under `rsp_ready` = 0 up to the pipeline's depth. An unassigned funct3 answers 0 with
    latency 0 (1 if all instructions have latency 1).

    Front end "gate": `cmd_ready` is 1 in every cycle in which no command is offered. The CPU `full+cfu` arms a second, spurious
    command when an instruction whose command was accepted leaves execute while `cmd_ready` is 0; in that cycle it offers no
    command, so with the gate this cannot happen. It costs one LUT, no register and no cycle. "none": for a CPU without that bug.
    """

    zero_when_unassigned = True

    @property
    def unassigned_latency_cycles(self) -> int:
        return self._idle_latency

    def _check(self) -> None:
        super()._check()
        pipelined = {i.time.max_cycles for i in self.instructions.values() if type(i).pipelined}
        # The answer 0 rides in the fastest pipeline if that is fast enough, so that it costs nothing.
        self._idle_latency = 1 if len(self.instructions) and 0 not in pipelined and 1 in pipelined else 0

    def module(self) -> Module:
        """The gateware, elaborated; its ports are `self.ports`. Raises BuildError that names the line of the instruction."""
        m = Module()
        domain = ClockDomain("sync")
        domain.clk, domain.rst = self._signals["clk"], self._signals["reset"]
        m.domains += domain
        with self._elaborating():
            self._gateware(m)
        return m

    @contextmanager
    def _elaborating(self) -> Iterator[None]:
        """Whatever goes wrong in an instruction's gateware is a BuildError with its line."""
        try:
            yield
        except CfukitError:
            raise
        except CombinationalCycle as error:
            signals = re.findall(r"signal (\w+) bit", str(error))
            raise BuildError(
                f"Cfu {self.name!r}",
                f"a combinational loop through {', '.join(dict.fromkeys(signals))}",
                hint="rsp_valid of a HandshakeInstruction with min_cycles >= 1 must not depend on cmd_valid, "
                "not even through If/Elif",
            ) from error
        except BROKEN as error:
            # What was made so far goes unused, of course: Amaranth's warnings about it would bury the message.
            warnings.filterwarnings("ignore", category=UnusedElaboratable)
            raise failed(error, f"Cfu {self.name!r}", "it does not elaborate") from error

    def _gateware(self, m: Module) -> None:
        ports = self._signals
        inner = Port("inner")
        modules = units.Modules()
        built: list[units.Unit] = []
        targets: dict[int, int] = {}
        idle = 0  # the unit that answers the unassigned values of funct3, if there are any

        pipelines: dict[int, dict[int, Instruction]] = {}
        if len(self.instructions) < 8:
            pipelines[self._idle_latency] = {}
        for funct3, instruction in self.instructions.items():
            if type(instruction).pipelined:
                pipelines.setdefault(instruction.time.max_cycles, {})[funct3] = instruction
        for latency, group in sorted(pipelines.items()):
            built.append(units.pipeline_unit(m, modules, latency, group))
            for funct3 in group:
                targets[funct3] = len(built) - 1
            if latency == self._idle_latency:
                idle = len(built) - 1
        for funct3, instruction in self.instructions.items():
            if isinstance(instruction, HandshakeInstruction):
                built.append(units.handshake_unit(m, modules, instruction))
                targets[funct3] = len(built) - 1
        table = [targets.get(funct3, idle) for funct3 in range(8)]

        function_id = ports["cmd_payload_function_id"]
        units.connect(m, built, table, inner, function_id[:3])
        for name, module in modules.names.items():
            m.submodules[name] = module
        ready = inner.cmd_ready
        m.d.comb += [
            inner.cmd_valid.eq(ports["cmd_valid"]),
            ports["cmd_ready"].eq(ready | ~ports["cmd_valid"] if self.front_end == "gate" else ready),
            inner.rs1.eq(ports["cmd_payload_inputs_0"]),
            inner.rs2.eq(ports["cmd_payload_inputs_1"]),
            inner.funct7.eq(function_id[3:]),
            ports["rsp_valid"].eq(inner.rsp_valid),
            inner.rsp_ready.eq(ports["rsp_ready"]),
            ports["rsp_payload_outputs_0"].eq(inner.rd),
        ]

    @property
    def ports(self) -> dict[str, Signal]:
        """The signals of module Cfu by name."""
        return self._signals

    def __init__(self, instructions: Mapping[int, Instruction], **options: object):
        super().__init__(instructions, **options)  # type: ignore[arg-type]
        self._signals = {name: Signal(bits, name=name) for name, bits, _ in PORTS}
        self._signals |= self.memory.signals if self.memory else {}
        for instruction in self.instructions.values():
            instruction.check_gateware()

    def verilog(self) -> str:
        module = self.module()
        with self._elaborating():
            text = verilog.convert(
                module,
                name="Cfu",
                ports=list(self._signals.values()),
                emit_src=False,
                strip_internal_attrs=True,
            )
        return f"// Module Cfu: {self.name}. Generated by cfukit from the project's gateware.\n" + _tidy(text)


def _tidy(text: str) -> str:
    """Without generator comments and source positions, so that the bytes depend on the gateware alone."""
    text = re.sub(r"/\*.*?\*/\n?", "", text, flags=re.DOTALL)
    return re.sub(r"^\s*\(\* (src|generator|top) *=.*?\*\)\n", "", text, flags=re.MULTILINE)
