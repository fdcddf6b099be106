"""What every CFU has, whatever its gateware is written in: instructions by funct3, their model, and the three files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, cast

from cfukit.description import describe
from cfukit.dma import DmaPort
from cfukit.header import header_text
from cfukit.instruction import Instruction
from cfukit.memory import MemoryPort
from cfukit.users_code import integer
from cfukit_base.artefacts import CfuDescription
from cfukit_base.artefacts.cfu import CfuMemoryPort
from cfukit_base.cache import write_atomic
from cfukit_base.cfu_ports import CfuPort, DmaShape, ports_of
from cfukit_base.errors import UsageError

WORD = 0xFFFF_FFFF
FrontEnd = Literal["gate", "none"]
UNNAMED = "cfu"


class BaseCfu:
    """A CFU without its gateware.

    * instructions: {funct3: Instruction}.
    * name: in messages and in the generated files. Inside a project, one without a name of its own is called like the project.
    * params: what `make_cfu` was called with; recorded in cfu.json.
    * autonomous: it works on its own between instructions, so it is clocked in every cycle.
    * front_end: "gate" (see `Cfu`) or "none".
    * memory: its port into the data TCM.
    * dma: its port into main memory.
    """

    zero_when_unassigned = False

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
        self.name = name
        self.about = about
        self.params = dict(params or {})
        self.autonomous = autonomous
        self.front_end = front_end
        self.memory = memory
        self.dma = dma
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

    @property
    def memory_width(self) -> int:
        """Width of the memory port in bits; 0 without one."""
        return self.memory.width if self.memory else 0

    @property
    def dma_width(self) -> int:
        """Width of the DMA port in bits; 0 without one."""
        return self.dma.width if self.dma else 0

    @property
    def dma_shape(self) -> DmaShape | None:
        """What the DMA port is like; None without one."""
        return self.dma.shape if self.dma else None

    @property
    def port_list(self) -> tuple[CfuPort, ...]:
        """Every port of module Cfu."""
        return ports_of(self.memory_width, self.dma_shape)

    # model

    @property
    def modelled(self) -> bool:
        """Whether there is an instruction, and each has a model."""
        return bool(self.instructions) and all(item.has_model for item in self.instructions.values())

    def reset(self) -> None:
        """Put the model into the state after reset."""
        for state in {
            id(i.state): i.state for i in self.instructions.values() if i.state is not None
        }.values():
            state.reset()
        for instruction in self.instructions.values():
            instruction.reset()

    def call(self, funct3: int, funct7: int, rs1: int, rs2: int, now_cycles: int = 0) -> int:
        """The model's answer to one command. An unassigned funct3 answers 0."""
        instruction = self.instructions.get(funct3)
        if instruction is None:
            return 0
        return self._ask(instruction, instruction.call, (funct7, rs1, rs2), now_cycles) & WORD

    def latency_cycles(self, funct3: int, funct7: int, rs1: int, rs2: int, now_cycles: int = 0) -> int:
        """Declared cycles from the command's handshake to its response, in the state before `call`.

        The port carries one response per cycle, in order. While rsp_ready is 1, a response comes at
        max(handshake + latency, cycle of the previous response + 1).
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
        where = f"Cfu {self.name!r}"
        what = f"{function.__name__} of instruction {instruction.name} {instruction.shown(*operands)}"
        return integer(function, operands, where, what.rstrip())

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
        """Module Cfu with exactly the ports of `port_list`, and whatever it needs: no other file."""
        raise NotImplementedError

    @property
    def verilog_name(self) -> str:
        """cfu.v, or cfu.sv if the text is SystemVerilog: synthesis tools go by the name."""
        return "cfu.v"

    def description(self) -> CfuDescription:
        """The document of cfu.json."""
        return CfuDescription(
            name=self.name,
            about=self.about,
            module="Cfu",
            params=self.params,
            autonomous=self.autonomous,
            memory_port=CfuMemoryPort(width=self.memory.width) if self.memory else None,
            dma=self.dma_shape,
            front_end=cast(FrontEnd, self.front_end),
            instructions=tuple(describe(funct3, item) for funct3, item in self.instructions.items()),
        )

    def files(self) -> dict[str, str]:
        """The texts of cfu.v (cfu.sv for SystemVerilog), cfu.json and cfu_ops.h by name. The same Cfu gives the same texts."""
        description = self.description()
        verilog = self.verilog()
        return {
            self.verilog_name: verilog,
            "cfu.json": description.text(),
            "cfu_ops.h": header_text(description),
        }

    def write(self, directory: Path) -> None:
        """Write `files` into `directory`."""
        for name, text in self.files().items():
            write_atomic(Path(directory) / name, text)
