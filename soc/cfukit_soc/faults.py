"""Why a simulation ended early, for people and for JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cfukit_base.artefacts.causes import Causes
from cfukit_base.artefacts.outcome import CfuCommand, Fault
from cfukit_base.symbols import locate, symbol

TRAP_CAUSES = {
    0: "instruction address misaligned",
    1: "instruction access fault",
    2: "illegal instruction",
    3: "breakpoint",
    4: "load address misaligned",
    5: "load access fault",
    6: "store address misaligned",
    7: "store access fault",
    8: "environment call",
    11: "environment call",
}


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the linter has found at an instruction: `count` times, first at `address`."""

    kind: str
    pc: int
    address: int
    count: int


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What the harness writes at the end of a run: `end` is "exit" or the kind of fault."""

    end: str
    exit_code: int
    cycles: int
    instructions: int
    pc: int
    instruction: int
    registers: tuple[int, ...]
    causes: Causes | None = None
    address: int | None = None
    access: str = ""
    cause: int | None = None
    value: int | None = None
    vector: int | None = None
    funct3: int | None = None
    funct7: int = 0
    a: int = 0
    b: int = 0
    accepted: bool = False
    deepest: int = 0  # bytes of the stack that were used, of a run with a linter
    findings: tuple[Found, ...] | None = None

    @property
    def cfu(self) -> CfuCommand | None:
        """The command that the fault is about."""
        if self.funct3 is None:
            return None
        return CfuCommand(funct3=self.funct3, funct7=self.funct7, a=self.a, b=self.b, accepted=self.accepted)


def fault_from(ended: Ended, elf: Path) -> Fault:
    """The fault that ended a run, with the place in the source and a sentence. Its kind is one of these:

    * "cfu_hang": the CFU did not accept a command, or did not answer it (cfu).
    * "cfu_protocol": the CFU gave an answer that nobody asked for.
    * "hang": no instruction retires any more.
    * "memory_collision": a load read a word that the CFU wrote in the same cycle.
    * "memory_range": the CFU asked for an offset outside its memory (address).
    * "dma_range": the CFU asked by DMA for nothing, or for what is outside main memory or not aligned (address).
    * "stack_overflow": the stack pointer went below the stack (address, stack_bytes).
    * "time_out": the cycles that were allowed are over.
    * "killed": gdb has ended the run.
    * "bus_error": nothing answers a load or a store (address, access).
    * "fetch_fault": the program goes on where the CPU has no code (address).
    * "trap": no handler takes it (cause, value, vector).
    * "cause": cfukit cannot tell what the CPU did in a cycle; a mistake in cfukit.
    """
    bottom, top = stack_of(elf) if ended.end == "stack_overflow" else (0, 0)
    fault = Fault(
        kind=ended.end,
        pc=ended.pc,
        **asdict(locate(elf, ended.pc)),
        registers={f"x{number}": value for number, value in enumerate(ended.registers)},
        message="",
        instruction=ended.instruction,
        cycle=ended.cycles,
        address=ended.address,
        access=ended.access,
        cause=ended.cause,
        value=ended.value,
        vector=ended.vector,
        stack_bytes=top - bottom if ended.end == "stack_overflow" else None,
        cfu=ended.cfu,
    )
    return replace(fault, message=_sentence(fault))


def stack_of(elf: Path) -> tuple[int, int]:
    """First address of the stack and the one after its last, by the linker script's symbols; (0, 0) without them."""
    try:
        return symbol(elf, "__cfukit_stack_bottom"), symbol(elf, "__cfukit_stack_top")
    except KeyError:
        return 0, 0


def _sentence(fault: Fault) -> str:
    place = f"at {fault.pc:#010x}"
    if fault.function:
        place += f" in {fault.function}"
    if fault.file:
        place += f" ({fault.file}:{fault.line})"
    match fault:
        case Fault(kind="cfu_hang", cfu=CfuCommand() as cfu):
            what = "never answered" if cfu.accepted else "never accepted"
            text = f"the CFU {what} the instruction funct3={cfu.funct3} funct7={cfu.funct7}"
            return (
                f"{text} with operands {cfu.a:#010x}, {cfu.b:#010x} {place}, since before cycle {fault.cycle}"
            )
        case Fault(kind="cfu_protocol"):
            return f"the CFU gave an answer in cycle {fault.cycle} that no instruction had asked for, {place}"
        case Fault(kind="hang"):
            return f"no instruction completes any more {place}"
        case Fault(kind="memory_collision"):
            return (
                f"the load {place} read a word in the very cycle in which the CFU wrote it: "
                "it belongs to one of them at a time"
            )
        case Fault(kind="memory_range"):
            return (
                f"the CFU asked for offset {fault.address:#x} of the data TCM, which is outside or not aligned to its port, "
                f"while the CPU was {place}"
            )
        case Fault(kind="dma_range"):
            return (
                f"the CFU asked by DMA for elements from address {fault.address:#x} on: there are none, some lie outside main memory, "
                f"or the address is not aligned to an element; the CPU was {place}"
            )
        case Fault(kind="stack_overflow"):
            below = f"below the stack of {fault.stack_bytes:,} bytes"
            return f"stack overflow: the stack pointer goes to {fault.address:#010x}, {below}, {place}"
        case Fault(kind="cause"):
            return f"cfukit cannot tell what the CPU did in cycle {fault.cycle} {place}: please report it"
        case Fault(kind="time_out"):
            return f"still running after {fault.cycle} cycles {place}"
        case Fault(kind="killed"):
            return f"gdb ended the run after {fault.cycle} cycles {place}"
        case Fault(kind="bus_error"):
            return f"{fault.access} {place} at address {fault.address:#010x}, where nothing answers"
        case Fault(kind="fetch_fault"):
            return f"fetch from {fault.address:#010x}, where the CPU has no memory, by or after the instruction {place}"
        case Fault(kind="trap", cause=int() as number):
            cause = TRAP_CAUSES.get(number, f"cause {number}")
            return f"trap without a handler: {cause} {place}, value {fault.value:#010x}"
    raise AssertionError(f"no sentence for {fault.kind}")
