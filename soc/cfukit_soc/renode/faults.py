"""Why a program in Renode did not end by itself, told as the engine rtl tells it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from cfukit_base.artefacts import Fault
from cfukit_base.artefacts.outcome import CfuCommand
from cfukit_base.symbols import locate, symbol
from cfukit_base.typed_json import decoded
from cfukit_soc.faults import TRAP_CAUSES
from cfukit_soc.renode.output import FLOOD_BYTES, Log
from cfukit_soc.renode.state import State


@dataclass(frozen=True)
class Complaint:
    """A line that the CFU's library writes when an instruction fails. kind: "time_out", "protocol" or "stopped"."""

    kind: str
    funct3: int
    funct7: int
    a: int
    b: int
    accepted: bool


def cfu_fault(line: str) -> Fault:
    """The complaint of the CFU's library, which then holds the processor inside the instruction: no place is known."""
    said = decoded(line, Complaint)
    if said.kind == "stopped":
        return Fault(
            kind="cfu_stopped", pc=None, registers={}, message="the CFU's Verilog ended the simulation"
        )
    which = f"funct3={said.funct3} funct7={said.funct7}"
    operands = f"with operands {said.a:#010x}, {said.b:#010x}"
    if said.kind == "time_out":
        what = "never answered" if said.accepted else "never accepted"
        kind, message = "cfu_hang", f"the CFU {what} the instruction {which} {operands}"
    else:
        kind = "cfu_protocol"
        message = f"the CFU gave an answer that no instruction had asked for, at {which} {operands}"
    command = CfuCommand(funct3=said.funct3, funct7=said.funct7, a=said.a, b=said.b, accepted=said.accepted)
    return Fault(kind=kind, pc=None, registers={}, message=message, cfu=command)


def stopped_fault(elf: Path, memories: tuple[range, ...], state: State, log: Log) -> Fault:
    """Why the processor came to a stop (log.abort), or makes Renode complain without end (log.flooded)."""
    overflow = _stack_overflow(elf, memories, state)
    if overflow is not None:
        return overflow
    stands_at = log.abort if log.abort is not None else state.pc
    if state.mcause and stands_at == state.mtvec:
        cause = TRAP_CAUSES.get(state.mcause, f"cause {state.mcause}")
        message = f"trap without a handler: {cause} {_at(elf, state.mepc)}, value {state.mtval:#010x}"
        return _fault("trap", elf, state.mepc, state, message, value=state.mtval)
    if log.abort is not None:
        message = f"fetch from {log.abort:#010x}, where no code can be{_called_from(elf, state)}"
        return _fault("fetch_fault", elf, log.abort, state, message, address=log.abort)
    if log.nowhere is not None:
        pc, access, address = log.nowhere
        message = f"{access.lower()} {_at(elf, pc)} at address {address:#010x}, where nothing answers"
        return _fault("bus_error", elf, pc, state, message, address=address)
    place = f" {_at(elf, state.pc)}" if state.pc is not None else ""
    message = f"Renode's log has grown past {FLOOD_BYTES:,} bytes{place}; its last line: {log.last[-1]}"
    return _fault("log_flood", elf, state.pc, state, message)


def time_out_fault(elf: Path, memories: tuple[range, ...], state: State, after: str) -> Fault:
    """A program that has not ended. after: how long it ran, in words."""
    overflow = _stack_overflow(elf, memories, state)
    if overflow is not None:
        return overflow
    place = f" {_at(elf, state.pc)}" if state.pc is not None else ""
    return _fault("time_out", elf, state.pc, state, f"still running after {after}{place}")


def _stack_overflow(elf: Path, memories: tuple[range, ...], state: State) -> Fault | None:
    """The fault of a stack that has outgrown its memory or has overwritten its guard.

    A program may have further stacks, so a stack pointer elsewhere in a memory is no overflow.
    """
    try:
        bottom, top = symbol(elf, "__cfukit_stack_bottom"), symbol(elf, "__cfukit_stack_top")
    except KeyError:
        return None
    sp = state.registers.get("x2", 0)
    if sp == 0:  # unknown, or before crt0 has set it
        return None
    in_memory = any(sp in memory or sp == memory.stop for memory in memories)
    if in_memory and (state.guard_is_whole or sp >= top):  # crt0 sets sp to `top` before it writes the guard
        return None
    place = f", {_at(elf, state.pc)}" if state.pc is not None else ""
    message = (
        f"stack overflow: the stack of {top - bottom:,} bytes was too small, "
        f"the stack pointer is {sp:#010x}{place}"
    )
    return _fault("stack_overflow", elf, state.pc, state, message, address=sp)


def _fault(
    kind: str,
    elf: Path,
    pc: int | None,
    state: State,
    message: str,
    *,
    address: int | None = None,
    value: int | None = None,
) -> Fault:
    place = asdict(locate(elf, pc)) if pc is not None else {}
    return Fault(
        kind=kind, pc=pc, **place, registers=state.registers, message=message, address=address, value=value
    )


def _at(elf: Path, pc: int) -> str:
    found = locate(elf, pc)
    text = f"at {pc:#010x}"
    text += f" in {found.function}" if found.function else ""
    return text + (f" ({found.file}:{found.line})" if found.file else "")


def _called_from(elf: Path, state: State) -> str:
    """The call before a jump to nowhere, if the return address still tells it."""
    call = state.registers.get("x1", 0) - 4
    return f"; the last call was {_at(elf, call)}" if call > 0 and locate(elf, call).function else ""
