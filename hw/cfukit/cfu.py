# amaranth: UnusedElaboratable=no
"""A custom function unit in Amaranth: up to eight instructions by funct3, as gateware, as a model, and as files.

    def make_cfu(lanes=4):
        return Cfu({0: Dot(lanes), 1: Clamp()}, name="dot", about="dot product and clamp", params={"lanes": lanes})

The first line tells Amaranth that a Module made here may go unused: elaboration ends early when an instruction is wrong.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from amaranth.hdl import ClockDomain, CombinationalCycle, Module, Signal, UnusedElaboratable

from cfukit import units
from cfukit.base import UNNAMED, BaseCfu
from cfukit.dma import DmaPort
from cfukit.gateware import Port
from cfukit.instruction import HandshakeInstruction, Instruction
from cfukit.memory import MemoryPort
from cfukit.users_code import BROKEN, failed
from cfukit_base.cfu_ports import PORTS
from cfukit_base.errors import BuildError, CfukitError
from cfukit_base.verilog import verilog_of


class Cfu(BaseCfu):
    """A CFU in Amaranth.

    Responses come in the order of commands, whatever the latencies. Pipelined instructions of one latency take a command per
    cycle; while `rsp_ready` is 0 they take as many as the pipeline holds. An unassigned funct3 answers 0 with latency 0 if some
    instruction may, else with latency 1.

    The front end "gate" holds `cmd_ready` at 1 in every cycle in which no command is offered. The CPU `full+cfu` issues a second,
    spurious command if an instruction whose command was accepted leaves execute while `cmd_ready` is 0. It offers no command in
    that cycle, so the gate prevents this. It costs one LUT, no register and no cycle. "none" is for a CPU without that bug.
    """

    zero_when_unassigned = True

    def __init__(
        self,
        instructions: Mapping[int, Instruction],
        *,
        name: str = UNNAMED,
        about: str = "",
        params: Mapping[str, object] | None = None,
        autonomous: bool = False,
        front_end: str = "gate",
        memory: MemoryPort | None = None,
        dma: DmaPort | None = None,
    ):
        super().__init__(
            instructions,
            name=name,
            about=about,
            params=params,
            autonomous=autonomous,
            front_end=front_end,
            memory=memory,
            dma=dma,
        )
        self.ports: dict[str, Signal] = {port.name: Signal(port.bits, name=port.name) for port in PORTS}
        self.ports |= self.memory.signals if self.memory else {}
        self.ports |= self.dma.signals if self.dma else {}
        for instruction in self.instructions.values():
            instruction.check_gateware()

    @property
    def unassigned_latency_cycles(self) -> int:
        return self._idle_latency

    def _check(self) -> None:
        super()._check()
        # No way from cmd_valid to rsp_valid in one cycle, unless an instruction has one. A pipeline of latency 1 gives the answer too.
        at_once = any(i.time.min_cycles == 0 for i in self.instructions.values())
        self._idle_latency = 0 if at_once or not self.instructions else 1

    def module(self) -> Module:
        """The elaborated gateware, with the ports `self.ports`. Raises a BuildError that names the line of the instruction."""
        m = Module()
        domain = ClockDomain("sync")
        domain.clk, domain.rst = self.ports["clk"], self.ports["reset"]
        m.domains += domain
        with self._elaborating():
            self._gateware(m)
        return m

    @contextmanager
    def _elaborating(self) -> Iterator[None]:
        """Turn whatever goes wrong in an instruction's gateware into a BuildError with its line."""
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
            # Amaranth would warn of everything that was made so far, and bury the message.
            warnings.filterwarnings("ignore", category=UnusedElaboratable)
            raise failed(error, f"Cfu {self.name!r}", "it does not elaborate") from error

    def _gateware(self, m: Module) -> None:
        ports = self.ports
        inner = Port("inner")
        modules = units.Modules()
        built: list[units.Unit] = []
        targets: dict[int, int] = {}
        idle = 0  # the unit that answers unassigned values of funct3

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
        if self.dma:
            self.dma.connect(m)
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

    def verilog(self) -> str:
        module = self.module()
        with self._elaborating():
            text = verilog_of(module, "Cfu", list(self.ports.values()))
        return f"// Module Cfu: {self.name}. Generated by cfukit from the project's gateware.\n" + _tidy(text)


def _tidy(text: str) -> str:
    """`text` without generator comments and source positions, so that its bytes depend on the gateware alone."""
    text = re.sub(r"/\*.*?\*/\n?", "", text, flags=re.DOTALL)
    return re.sub(r"^\s*\(\* (src|generator|top) *=.*?\*\)\n", "", text, flags=re.MULTILINE)
