"""The numbers of the record protocol. sw/src/runtime/runtime.h repeats them for the device; a test compares the two."""

from __future__ import annotations

from enum import IntEnum, IntFlag

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
