"""The record protocol between a host and a program on the system: specification and host side.

It runs over the UART, in a simulation and on a board alike; the device's side is sw/src/runtime/wire.c.

Stream. Both directions are SLIP (RFC 1055): END (0xC0) ends a segment; inside one, 0xC0 is sent as DB DC and
0xDB as DB DD. The first byte of a segment, as sent, says what it is: 0x80..0xBF a frame, anything else text.
Text is what the program prints (or reads); where text itself begins with 0x80..0xBF, DB DE goes before it and
stands for nothing. Empty segments mean nothing. A frame is: type u8, seq u8, payload, CRC-32 (zlib's) of all
before it; numbers are little endian. A frame whose CRC is wrong is dropped and counted as damaged. A frame is
sent as END, frame, END.

Requests. The device is passive; the host sends one request and repeats it, same seq, until the answer
with that seq arrives. Every request may be repeated: a RUN or STEP with the type and seq of the request just
before it only sends its answer again (any other request in between, and it is a new one; so seq may wrap).

  HELLO 0x80 -> HELLO_IS 0x90 {u16 protocol, u16 n_ops, u32 arena_bytes, u32 max_payload,
                               u32 stack_high_water_bytes, 16 bytes firmware digest}
  WRITE 0x81 {u32 arena offset, at most max_payload bytes} -> OK 0x91
             with bit 31 of the offset: into the room for a model (loaded packaging); the model there ends
  LOAD  0x86 {header of the model that was written there, see sw/include/cfukit_loader.h} -> OK
  RUN   0x82 {u8 flags: 1 = reset variables first, 2 = pause before the first and after each operator}
             -> DONE 0x92 {u64 cycles, u32 instructions, u32 n_ops, n_ops x u32 cycles}
             or PAUSED 0x94 {u16 op: the next to run; n_ops after the last}
  READ  0x83 {u32 arena offset, u32 count, at most max_payload} -> DATA 0x93 {u32 offset, bytes}
  EXIT  0x84 {i32 code} -> EXITED 0xA1 {i32 code}, and the program ends
  STEP  0x85 -> PAUSED or DONE: runs one operator; DONE answers the STEP after the PAUSED of n_ops
  anything wrong -> ERROR 0x9F {u8 code}; seq 0 where the request's is not known

A boot loader (sw/src/boot) takes these instead, by which a host fills memories and starts a program:
  HELLO 0x80 -> BOOT_IS 0x95 {u16 protocol, u16 max_payload, u32 address to return to, u32 address and u32 bytes of the loader's own
                              memory, u32 number of the last START, u32 whether it ended, i32 exit code, u64 its cycles,
                              16 bytes digest of what the system was built from, name of the board}
  POKE  0x88 {u32 address, at most max_payload bytes} -> OK;  PEEK 0x8B {u32 address, u32 count} -> DATA {u32 address, bytes}
  SUM   0x89 {u32 address, u32 count} -> SUM_IS 0x96 {u32 address, u32 count, u32 CRC-32 of these bytes}
  START 0x8A {u32 address, u32 number} -> OK, then the program runs; a START with the number of the last one only sends OK

On its own a program sends, with seq 0: REGION 0xA0 {u32 count, u64 cycles, name} for each CFUKIT_REGION and
EXITED at its end; FAULT 0xA2 {u32 mcause, u32 mepc, u32 mtval, 31 x u32 x1..x31} instead of EXITED when it
trapped. Two values of mcause are no traps:
  STACK_OVERFLOW  mtval is the stack's size
  VALUE_REFUSED   a kernel's input holds a value that its operator does not allow: mtval is the value, in a server mepc is the
                  operator's number
In a program that is not a server, stdin is text, and an END in it is end of file for getchar().
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

from cfukit_base.errors import ResultError
from cfukit_base.protocol.slip import Damaged as Damaged
from cfukit_base.protocol.slip import Decoder as Decoder
from cfukit_base.protocol.slip import Frame as Frame
from cfukit_base.protocol.slip import encode as encode
from cfukit_base.protocol.slip import encode_stdin as encode_stdin
from cfukit_base.protocol.slip import encode_text as encode_text
from cfukit_base.protocol.slip import escape as escape
from cfukit_base.protocol.slip import split as split

PROTOCOL = 1
DEFAULT_MAX_PAYLOAD = 256


class Type(IntEnum):
    """The first byte of a frame."""

    HELLO = 0x80
    WRITE = 0x81
    RUN = 0x82
    READ = 0x83
    EXIT = 0x84
    STEP = 0x85
    LOAD = 0x86
    POKE = 0x88
    SUM = 0x89
    START = 0x8A
    PEEK = 0x8B
    HELLO_IS = 0x90
    OK = 0x91
    DONE = 0x92
    DATA = 0x93
    PAUSED = 0x94
    BOOT_IS = 0x95
    SUM_IS = 0x96
    ERROR = 0x9F
    REGION = 0xA0
    EXITED = 0xA1
    FAULT = 0xA2


class RunFlag(IntFlag):
    """Flags of RUN."""

    RESET = 1
    PAUSE = 2


class ErrorCode(IntEnum):
    """The byte in ERROR."""

    DAMAGED = 1
    UNKNOWN_TYPE = 2
    BAD_LENGTH = 3
    OUT_OF_ARENA = 4
    NOT_PAUSED = 5
    NO_ROOM = 6
    OTHER_KERNELS = 7
    BAD_MODEL = 8


IN_ROOM = 0x80000000  # in the offset of a WRITE
STACK_OVERFLOW = 0x40000001
VALUE_REFUSED = 0x40000002
FAULT_KINDS = {
    0: "instruction_misaligned",
    1: "instruction_access",
    2: "illegal_instruction",
    3: "breakpoint",
    4: "load_misaligned",
    5: "load_access",
    6: "store_misaligned",
    7: "store_access",
    8: "ecall",
    11: "ecall",
    STACK_OVERFLOW: "stack_overflow",
    VALUE_REFUSED: "value_refused",
}


class WireError(ResultError):
    """A stream that keeps to the frame format but not to the protocol."""

    kind = "wire"


# Requests


def hello(seq: int) -> bytes:
    """HELLO: who are you? Begins a session."""
    return encode(Type.HELLO, seq)


def write(seq: int, offset: int, data: bytes) -> bytes:
    """WRITE: `data` (at most max_payload bytes) to the arena at `offset`."""
    return encode(Type.WRITE, seq, struct.pack("<I", offset) + data)


def read(seq: int, offset: int, count: int) -> bytes:
    """READ: `count` bytes (at most max_payload) of the arena at `offset`."""
    return encode(Type.READ, seq, struct.pack("<II", offset, count))


def run(seq: int, flags: RunFlag = RunFlag(0)) -> bytes:
    """RUN: one inference, or with PAUSE its beginning."""
    return encode(Type.RUN, seq, bytes((flags,)))


def step(seq: int) -> bytes:
    """STEP: the next operator of a paused inference."""
    return encode(Type.STEP, seq)


def load(seq: int, header: bytes) -> bytes:
    """LOAD: run the model that was written to the room."""
    return encode(Type.LOAD, seq, header)


def exit_(seq: int, code: int = 0) -> bytes:
    """EXIT: answer and end the program."""
    return encode(Type.EXIT, seq, struct.pack("<i", code))


def poke(seq: int, address: int, data: bytes) -> bytes:
    """POKE: `data` (at most max_payload bytes) to memory; boot loader."""
    return encode(Type.POKE, seq, struct.pack("<I", address) + data)


def peek(seq: int, address: int, count: int) -> bytes:
    """PEEK: `count` bytes (at most max_payload) of memory; boot loader."""
    return encode(Type.PEEK, seq, struct.pack("<II", address, count))


def sum_(seq: int, address: int, count: int) -> bytes:
    """SUM: the CRC of `count` bytes of memory; boot loader."""
    return encode(Type.SUM, seq, struct.pack("<II", address, count))


def start(seq: int, address: int, number: int) -> bytes:
    """START: the program at `address`, once per `number` (not 0); boot loader."""
    return encode(Type.START, seq, struct.pack("<II", address, number))


@dataclass
class Script:
    """A sequence of requests for an engine that takes them all at once: `bytes(script)`.

    seq counts 1, 2, ... 255, 0, 1. Answers come in the same order, one per request.
    """

    max_payload: int = DEFAULT_MAX_PAYLOAD
    requests: list[bytes] = field(default_factory=list)

    def __bytes__(self) -> bytes:
        return b"".join(self.requests)

    @property
    def _seq(self) -> int:
        return (len(self.requests) + 1) & 0xFF

    def hello(self) -> None:
        self.requests.append(hello(self._seq))

    def write(self, offset: int, data: bytes) -> None:
        """As many WRITEs as `data` needs."""
        for start in range(0, len(data), self.max_payload):
            part = data[start : start + self.max_payload]
            self.requests.append(write(self._seq, offset + start, part))

    def load(self, header: bytes, blob: bytes) -> int:
        """A model for the loaded packaging: WRITEs and LOAD; how many requests."""
        before = len(self.requests)
        self.write(IN_ROOM, blob)
        self.requests.append(load(self._seq, header))
        return len(self.requests) - before

    def read(self, offset: int, count: int) -> None:
        """As many READs as `count` bytes need; `gather` puts their answers together."""
        for start in range(0, count, self.max_payload):
            part = min(self.max_payload, count - start)
            self.requests.append(read(self._seq, offset + start, part))

    def run(self, *, reset: bool = False, pause: bool = False) -> None:
        flags = (RunFlag.RESET if reset else RunFlag(0)) | (RunFlag.PAUSE if pause else RunFlag(0))
        self.requests.append(run(self._seq, flags))

    def step(self) -> None:
        self.requests.append(step(self._seq))

    def exit(self, code: int = 0) -> None:
        self.requests.append(exit_(self._seq, code))


# Answers


@dataclass(frozen=True)
class HelloIs:
    """What runs on the device."""

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
    """An inference ended: cycles and retired instructions in all, cycles per operator."""

    seq: int
    cycles: int
    instructions: int
    op_cycles: tuple[int, ...]


@dataclass(frozen=True)
class Paused:
    """An inference waits before operator `op` (n_ops: after the last)."""

    seq: int
    op: int


@dataclass(frozen=True)
class Error:
    """A request that was not executed."""

    seq: int
    code: int


@dataclass(frozen=True)
class Region:
    """One CFUKIT_REGION site: how often it was entered, cycles spent inside."""

    name: str
    count: int
    cycles: int


@dataclass(frozen=True)
class Exited:
    """The program ended by itself."""

    seq: int
    code: int


@dataclass(frozen=True)
class Fault:
    """The program trapped. registers: x1..x31."""

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
    """A boot loader: its own memory, the program that it started last and how that ended, what the system was built from."""

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
    """The meaning of a frame that a device sends; a WireError if it has none."""
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


def merge_regions(regions: Iterable[Region]) -> list[Region]:
    """One Region per name, in order of first appearance: a name may stand at several sites."""
    merged: dict[str, Region] = {}
    for region in regions:
        before = merged.get(region.name, Region(region.name, 0, 0))
        merged[region.name] = Region(region.name, before.count + region.count, before.cycles + region.cycles)
    return list(merged.values())


def gather(answers: Iterable[Answer]) -> tuple[int, bytes]:
    """The (offset, bytes) of consecutive DATA answers that continue one another."""
    start, total = -1, bytearray()
    for answer in answers:
        if not isinstance(answer, Data) or (start >= 0 and answer.offset != start + len(total)):
            raise WireError("device", f"{answer}", allowed="DATA that continues the one before")
        start = answer.offset if start < 0 else start
        total += answer.data
    return start, bytes(total)
