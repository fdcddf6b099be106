"""The record protocol between a host and a program on the system: the specification, and all names of the host's side.

It runs over the UART, in a simulation and on a board alike. sw/src/runtime/wire.c is the device's side.

Stream. Both directions are SLIP (RFC 1055):

* END (0xC0) ends a segment. Within a segment 0xC0 is sent as DB DC and 0xDB as DB DD. Empty segments mean nothing.
* The first byte of a segment, as sent, says what it is: 0x80..0xBF a frame, anything else text.
* Text is what the program prints (or reads). If the text itself begins with 0x80..0xBF, DB DE is sent before it, which
  stands for nothing.
* A frame is: type u8, seq u8, payload, CRC-32 (zlib's) of all before it. Numbers are little endian. It is sent as END, frame,
  END. A frame with a wrong CRC is dropped and counted as damaged.

Requests. The device is passive. The host sends a request and repeats it, with the same seq, until the answer with that seq
arrives. Every request may be repeated: a RUN or STEP with the type and seq of the request just before it is answered again
without being executed again. After any other request in between it counts as a new one, so seq may wrap.

  HELLO 0x80 -> HELLO_IS 0x90 {u16 protocol, u16 n_ops, u32 arena_bytes, u32 max_payload,
                               u32 stack_high_water_bytes, 16 bytes firmware digest}
  WRITE 0x81 {u32 arena offset, at most max_payload bytes} -> OK 0x91
             with bit 31 of the offset: into the room for a model (loaded packaging); the model ends with this WRITE
  LOAD  0x86 {header of the model that was written there, see sw/include/cfukit_loader.h} -> OK
  RUN   0x82 {u8 flags: 1 = reset variables first, 2 = pause before the first and after each operator}
             -> DONE 0x92 {u64 cycles, u32 instructions, u32 n_ops, n_ops x u32 cycles}
             or PAUSED 0x94 {u16 op: the next to run; n_ops after the last}
  READ  0x83 {u32 arena offset, u32 count, at most max_payload} -> DATA 0x93 {u32 offset, bytes}
  EXIT  0x84 {i32 code} -> EXITED 0xA1 {i32 code}, and the program ends
  STEP  0x85 -> PAUSED or DONE: runs one operator; DONE answers the STEP after the PAUSED of n_ops
  anything wrong -> ERROR 0x9F {u8 code}; seq 0 if the request's is not known

A boot loader (sw/src/boot) takes other requests, with which a host fills memories and starts a program:

  HELLO 0x80 -> BOOT_IS 0x95 {u16 protocol, u16 max_payload, u32 address to return to, u32 address and u32 bytes of the loader's own
                              memory, u32 number of the last START, u32 whether it ended, i32 exit code, u64 its cycles,
                              16 bytes digest of what the system was built from, name of the board}
  POKE  0x88 {u32 address, at most max_payload bytes} -> OK
  PEEK  0x8B {u32 address, u32 count} -> DATA {u32 address, bytes}
  SUM   0x89 {u32 address, u32 count} -> SUM_IS 0x96 {u32 address, u32 count, u32 CRC-32 of these bytes}
  START 0x8A {u32 address, u32 number} -> OK, then the program runs. START is idempotent: one with the number of the last
             START is only answered

By itself a program sends, with seq 0:

* REGION 0xA0 {u32 count, u64 cycles, name} for each CFUKIT_REGION, and EXITED at its end
* FAULT 0xA2 {u32 mcause, u32 mepc, u32 mtval, 31 x u32 x1..x31} instead of EXITED when it trapped

Two values of mcause are no traps:

* STACK_OVERFLOW: mtval is the stack's size
* VALUE_REFUSED: a kernel's input holds a value that its operator does not allow. mtval is the value; in a server, mepc is
  the operator's number

A program that is not a server reads text as its standard input. An END in it is end of file for getchar().
"""

from __future__ import annotations

from cfukit_base.protocol.answers import (
    Answer,
    BootIs,
    Data,
    Done,
    Error,
    Exited,
    Fault,
    HelloIs,
    Ok,
    Paused,
    Region,
    SumIs,
    WireError,
    gather,
    parse,
)
from cfukit_base.protocol.codes import (
    DEFAULT_MAX_PAYLOAD,
    FAULT_KINDS,
    IN_ROOM,
    PROTOCOL,
    STACK_OVERFLOW,
    VALUE_REFUSED,
    ErrorCode,
    RunFlag,
    Type,
)
from cfukit_base.protocol.requests import (
    Script,
    exit_,
    hello,
    load,
    peek,
    poke,
    read,
    run,
    start,
    step,
    sum_,
    write,
)
from cfukit_base.protocol.slip import (
    Damaged,
    Decoder,
    Frame,
    encode,
    encode_stdin,
    encode_text,
    escape,
    split,
)

__all__ = [
    "DEFAULT_MAX_PAYLOAD",
    "FAULT_KINDS",
    "IN_ROOM",
    "PROTOCOL",
    "STACK_OVERFLOW",
    "VALUE_REFUSED",
    "Answer",
    "BootIs",
    "Damaged",
    "Data",
    "Decoder",
    "Done",
    "Error",
    "ErrorCode",
    "Exited",
    "Fault",
    "Frame",
    "HelloIs",
    "Ok",
    "Paused",
    "Region",
    "RunFlag",
    "Script",
    "SumIs",
    "Type",
    "WireError",
    "encode",
    "encode_stdin",
    "encode_text",
    "escape",
    "exit_",
    "gather",
    "hello",
    "load",
    "parse",
    "peek",
    "poke",
    "read",
    "run",
    "split",
    "start",
    "step",
    "sum_",
    "write",
]
