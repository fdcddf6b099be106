"""What the device sends: one class per answer, and `parse` from a frame to its class."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from cfukit_base.errors import ResultError
from cfukit_base.protocol.codes import FAULT_KINDS, PROTOCOL, STACK_OVERFLOW, VALUE_REFUSED, Type
from cfukit_base.protocol.slip import Frame


class WireError(ResultError):
    """A device sent a whole frame that does not follow the protocol."""

    kind = "wire"


@dataclass(frozen=True)
class HelloIs:
    """Which program runs on the device."""

    seq: int
    protocol: int
    n_ops: int
    arena_bytes: int
    max_payload: int
    stack_high_water_bytes: int
    digest: bytes


@dataclass(frozen=True)
class Ok:
    """A WRITE was done."""

    seq: int


@dataclass(frozen=True)
class Data:
    """Bytes of the arena."""

    seq: int
    offset: int
    data: bytes


@dataclass(frozen=True)
class Done:
    """An inference has ended: total cycles and retired instructions, and the cycles of each operator."""

    seq: int
    cycles: int
    instructions: int
    op_cycles: tuple[int, ...]


@dataclass(frozen=True)
class Paused:
    """An inference waits before operator `op`. op = n_ops: after the last one."""

    seq: int
    op: int


@dataclass(frozen=True)
class Error:
    """A request that was not executed."""

    seq: int
    code: int


@dataclass(frozen=True)
class Region:
    """One CFUKIT_REGION in the code: how often it was entered, and the cycles spent in it."""

    name: str
    count: int
    cycles: int


@dataclass(frozen=True)
class Exited:
    """The program has ended by itself."""

    seq: int
    code: int


@dataclass(frozen=True)
class Fault:
    """The program has trapped. registers: x1..x31."""

    mcause: int
    mepc: int
    mtval: int
    registers: tuple[int, ...]

    @property
    def kind(self) -> str:
        """The cause in a word."""
        if self.mcause & 0x80000000:
            return f"interrupt_{self.mcause & 0x7FFFFFFF}"
        return FAULT_KINDS.get(self.mcause, f"cause_{self.mcause}")

    def __str__(self) -> str:
        if self.mcause == STACK_OVERFLOW:
            return f"stack_overflow: the stack of {self.mtval} bytes was too small"
        if self.mcause == VALUE_REFUSED:
            return f"value_refused: a kernel does not allow the value {self.mtval} that its input gives"
        return f"{self.kind} at pc 0x{self.mepc:08x}, address or value 0x{self.mtval:08x}"


@dataclass(frozen=True)
class BootIs:
    """A boot loader runs on the device.

    * back: where a program returns to it
    * reserved_base, reserved_bytes: its own memory
    * number, ended, code, cycles: of the last START, and how that program ended
    * digest, board: what the system was built from
    """

    seq: int
    protocol: int
    max_payload: int
    back: int
    reserved_base: int
    reserved_bytes: int
    number: int
    ended: bool
    code: int
    cycles: int
    digest: bytes
    board: str


@dataclass(frozen=True)
class SumIs:
    """The CRC of a piece of memory."""

    seq: int
    address: int
    count: int
    crc: int


Answer = BootIs | SumIs | HelloIs | Ok | Data | Done | Paused | Error | Region | Exited | Fault


def parse(frame: Frame) -> Answer:
    """The answer that a frame stands for; a WireError if there is none."""
    payload = frame.payload
    try:
        match frame.type:
            case Type.HELLO_IS:
                return HelloIs(frame.seq, *struct.unpack("<HHIII16s", payload))
            case Type.BOOT_IS:
                protocol, size, back, base, count, number, ended, code, cycles, digest = struct.unpack_from(
                    "<HHIIIIIiQ16s", payload
                )
                board = payload[52:].decode(errors="replace")
                return BootIs(
                    frame.seq,
                    protocol,
                    size,
                    back,
                    base,
                    count,
                    number,
                    bool(ended),
                    code,
                    cycles,
                    digest,
                    board,
                )
            case Type.SUM_IS:
                return SumIs(frame.seq, *struct.unpack("<III", payload))
            case Type.OK if not payload:
                return Ok(frame.seq)
            case Type.DATA:
                return Data(frame.seq, struct.unpack_from("<I", payload)[0], payload[4:])
            case Type.DONE:
                cycles, instructions, count = struct.unpack_from("<QII", payload)
                return Done(frame.seq, cycles, instructions, struct.unpack(f"<{count}I", payload[16:]))
            case Type.PAUSED:
                return Paused(frame.seq, *struct.unpack("<H", payload))
            case Type.ERROR:
                return Error(frame.seq, *struct.unpack("<B", payload))
            case Type.REGION:
                count, cycles = struct.unpack_from("<IQ", payload)
                return Region(payload[12:].decode(errors="replace"), count, cycles)
            case Type.EXITED:
                return Exited(frame.seq, *struct.unpack("<i", payload))
            case Type.FAULT:
                mcause, mepc, mtval, *registers = struct.unpack("<34I", payload)
                return Fault(mcause, mepc, mtval, tuple(registers))
    except struct.error:
        pass
    name = Type(frame.type).name if frame.type in set(Type) else f"0x{frame.type:02x}"
    raise WireError(
        "device",
        f"frame {name} with a payload of {len(frame.payload)} bytes",
        allowed=f"protocol {PROTOCOL} has no such answer",
        hint="is the firmware from this version of cfukit?",
    )


def gather(answers: Iterable[Answer]) -> tuple[int, bytes]:
    """Join the DATA answers to consecutive READs into (offset, bytes). WireError if there is a gap."""
    start, total = -1, bytearray()
    for answer in answers:
        if not isinstance(answer, Data) or (start >= 0 and answer.offset != start + len(total)):
            raise WireError("device", f"{answer}", allowed="DATA that continues the one before")
        start = answer.offset if start < 0 else start
        total += answer.data
    return start, bytes(total)
