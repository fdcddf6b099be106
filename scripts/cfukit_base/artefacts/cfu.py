"""cfu.json: what a custom function unit offers. `hw/cfukit` writes it; kernels and header follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cfukit_base.artefacts.artefact import Artefact, Json
from cfukit_base.cfu_ports import DmaShape


@dataclass(frozen=True, kw_only=True)
class Time:
    """How long an instruction takes.

    * kind "fixed": `latency_cycles` from command to response, and a command every `interval_cycles`.
    * kind "variable": at most `max_cycles`.
    """

    kind: Literal["fixed", "variable"]
    latency_cycles: int | None
    interval_cycles: int | None
    max_cycles: int | None


@dataclass(frozen=True, kw_only=True)
class Mode:
    """A value of funct7 that has a name."""

    value: int
    name: str
    doc: str


@dataclass(frozen=True, kw_only=True)
class CfuInstruction:
    """One instruction.

    * rs1, rs2, rd: what each holds, in words; "" where it is not used.
    * funct7: the named modes, or None if the instruction has only one.
    * stateful: the answer depends on earlier commands.
    """

    funct3: int
    name: str
    version: int
    doc: str
    params: dict[str, int]
    rs1: str
    rs2: str
    rd: str
    funct7: tuple[Mode, ...] | None
    time: Time
    stateful: bool


@dataclass(frozen=True, kw_only=True)
class CfuMemoryPort:
    """The CFU's port into the data TCM; width in bits."""

    width: int


@dataclass(frozen=True, kw_only=True)
class CfuDescription(Artefact):
    """The document cfukit.cfu/1.

    * autonomous: the CFU also works between instructions.
    * memory_port: None without one.
    * dma: its port into main memory; None without one.
    * front_end: "gate" puts cfukit's gate between CPU and instructions, so that no command is executed twice.
    """

    schema: Literal["cfukit.cfu/1"] = "cfukit.cfu/1"
    name: str
    about: str
    module: Literal["Cfu"]
    params: Json
    autonomous: bool
    memory_port: CfuMemoryPort | None
    dma: DmaShape | None
    front_end: Literal["gate", "none"]
    instructions: tuple[CfuInstruction, ...]

    @property
    def memory_port_bits(self) -> int:
        """Width of the memory port in bits; 0 without one."""
        return self.memory_port.width if self.memory_port else 0

    @property
    def instruction_names(self) -> dict[int, str]:
        """Name of each instruction by its funct3."""
        return {item.funct3: item.name for item in self.instructions}
