"""What an engine is: it runs programs and models on a system, and says what it can tell about them.

A verb gets an engine from `engine_named`, calls `prepared` before it compiles anything, and then the engine's `serve` (a model) or
`exec` (a program). No verb asks which engine it has: what differs between engines stands in `Abilities`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from pathlib import Path
from typing import Protocol

from cfukit_base.artefacts import Outcome
from cfukit_base.errors import UsageError
from cfukit_tools.firmware.inputs import InputSet
from cfukit_tools.firmware.program import Program
from cfukit_tools.firmware.samples import Served
from cfukit_tools.project.project import Project
from cfukit_tools.project.system import System


class Machine(Enum):
    """What an engine executes: code of the system's CPU, code of this computer, or no code at all."""

    SYSTEM = "system"
    HOST = "host"
    NONE = "none"


class Systems(Enum):
    """For which systems an engine gives the RTL's cycles: any at once, any after a build, or only the one that is there."""

    ANY = "any"
    BUILT = "built"
    GIVEN = "given"


@dataclass(frozen=True)
class Abilities:
    """What an engine can tell, and what it can do.

    * machine: what programs are compiled for.
    * cycles, causes: whether results have them.
    * systems: whether it can try out other systems.
    * memory_port, dma: whether a CFU with such a port works; otherwise `prepared` refuses it.
    * cfu: what computes CFU instructions, as run.json's `cfu_engine`.
    * options: the fields of `ExecOptions` that `exec` obeys; it refuses others.
    * refusal: why it refuses those.
    """

    machine: Machine
    cycles: bool = False
    causes: bool = False
    systems: Systems = Systems.GIVEN
    memory_port: bool = True
    dma: bool = False
    cfu: str = "verilog"
    options: frozenset[str] = frozenset()
    refusal: str = ""


@dataclass(frozen=True)
class Job:
    """Some samples of one program.

    * layers: also give the outputs of every operator.
    * causes: also give the causes of the first sample's cycles, if the engine can.
    """

    program: Program
    inputs: InputSet
    samples: range
    layers: bool = False
    causes: bool = False

    @property
    def effort(self) -> float:
        """Relative length, for progress: reference kernels take about eight times as long."""
        kernels = 8 if self.program.variant == "reference" else 1
        return len(self.samples) * max(self.program.plan.macs, 1) * kernels


@dataclass(frozen=True)
class ExecOptions:
    """How a bare program runs.

    * max_cycles: give up after so many; 0 = never.
    * hang_cycles: a fault after so many cycles in which no instruction retires; 0 = the engine's own limit.
    * waves: a VCD of the cycles `window`; None = the last ones.
    * trace: a file with every retired instruction.
    * trace_window: only the instructions of these cycles, each with its cycle and the causes of the cycles since the one before.
    * causes: tell where the cycles went.
    * lint: tell what the program should not do.
    * gdb: the port of this computer where gdb connects, before the program begins; 0 = none.
    * on_output: called with what the program prints, as it comes; with engines that cannot tell earlier, at its end.
    """

    max_cycles: int = 0
    hang_cycles: int = 0
    waves: Path | None = None
    window: tuple[int, int] | None = None
    trace: Path | None = None
    trace_window: tuple[int, int] | None = None
    causes: bool = False
    lint: bool = False
    gdb: int = 0
    on_output: Callable[[bytes], object] = field(default=lambda data: None, compare=False)

    @property
    def given(self) -> list[str]:
        """The names of the options that were asked for."""
        asked = (each.name for each in fields(self) if each.compare and getattr(self, each.name))
        return [name for name in asked if name not in ("window", "trace_window")]


Done = Callable[[Job], object]


class Engine(Protocol):
    """Runs programs on one system. Each command makes a new one; threads do not share it."""

    name: str
    abilities: Abilities

    def system(self, project: Project) -> System:
        """The project's system, as programs for this engine must see it."""
        ...

    def prepare(self, system: System) -> None:
        """Look for tools and devices, before anything is compiled. MissingToolError or UsageError if this cannot work."""
        ...

    def serve(self, system: System, jobs: Sequence[Job], processes: int, done: Done) -> list[Served]:
        """Run inferences, at most `processes` programs at a time (0: one per core); one result per job, in order.

        done: called after each job, from any thread. ResultError if a program faults or does not answer.
        """
        ...

    def exec(self, system: System, program: Path, stdin: bytes, options: ExecOptions) -> Outcome:
        """Run a program that was compiled for the engine's machine. stdin: all that getchar can read."""
        ...


def prepared(engine: Engine, project: Project) -> System:
    """The project's system, after `engine` has got ready to run programs on it. UsageError if it cannot."""
    system, hint = engine.system(project), f"without --engine {engine.name}"
    if not engine.abilities.memory_port and system.memory_port_bits:
        allowed = f"engine {engine.name} gives a CFU no memory"
        raise UsageError(str(project.cfu_file), "the CFU has a memory port", allowed=allowed, hint=hint)
    if not engine.abilities.dma and system.dma is not None:
        allowed = f"engine {engine.name} gives a CFU no main memory"
        raise UsageError(str(project.cfu_file), "the CFU has a DMA port", allowed=allowed, hint=hint)
    engine.prepare(system)
    return system
