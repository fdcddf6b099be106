"""A hand-written model of three operators, and the answers of its server: tests of the protocol without lowering."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from cfukit_base.protocol import wire
from cfukit_base.protocol.wire import ErrorCode, Frame, Type

ARENA_BYTES = 64
N_OPS = 3
DIGEST = bytes(range(16))

# The arena has two parts, of 40 and 24 bytes. op 0: arena[16..31] = arena[0..15] + 1. op 1 increments the variable and adds it to
# [16..31]. op 2: [32..47] = [16..31] * 3.
MODEL_C = """
#include "cfukit.h"
#include "cfukit_model.h"

static uint8_t arena[64] CFUKIT_ARENA __attribute__((aligned(16)));
static uint8_t state[4];
static uint32_t cycles[3];

struct bytes { const uint8_t *input; uint8_t *output; uint32_t count; };

static void increment(const void *params) {
  const struct bytes *p = params;
  for (uint32_t i = 0; i < p->count; i++)
    p->output[i] = (uint8_t)(p->input[i] + 1);
}
static void accumulate(const void *params) {
  const struct bytes *p = params;
  state[0]++;
  for (uint32_t i = 0; i < p->count; i++)
    p->output[i] = (uint8_t)(p->output[i] + state[0]);
}
static void triple(const void *params) {
  const struct bytes *p = params;
  for (uint32_t i = 0; i < p->count; i++)
    p->output[i] = (uint8_t)(p->input[i] * 3);
}
static const struct bytes params[3] = {{arena, arena + 16, 16}, {0, arena + 16, 16}, {arena + 16, arena + 32, 16}};
static const struct cfukit_op ops[3] = {{increment, &params[0]}, {accumulate, &params[1]}, {triple, &params[2]}};
static const struct cfukit_variable variables[1] = {{state, 0, sizeof state, 0x85}};
const struct cfukit_model cfukit_model = {
    ops, arena, arena + 40, variables, cycles, sizeof arena, 40, 3, 1, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};
"""


@dataclass
class Server:
    """The answer of MODEL_C's firmware to each frame. Cycles are not modelled: `comparable` drops them."""

    arena: bytearray = field(default_factory=lambda: bytearray(ARENA_BYTES))
    state: int = 0x85
    op: int = 1 << 31
    last: tuple[int, int] | None = None

    def answer(self, frame: Frame) -> tuple[object, ...]:
        answer = self._answer(frame, repeated=self.last == (frame.type, frame.seq))
        self.last = None if answer[0] == "ERROR" else (frame.type, frame.seq)
        return answer

    def _answer(self, frame: Frame, repeated: bool) -> tuple[object, ...]:
        kind, payload = frame.type, frame.payload
        if kind == Type.HELLO:
            return ("HELLO_IS", frame.seq, ARENA_BYTES, DIGEST)
        if kind == Type.EXIT and len(payload) == 4:
            return ("EXITED", frame.seq, *struct.unpack("<i", payload))
        if kind in (Type.WRITE, Type.READ):
            return self._access(frame)
        if kind in (Type.RUN, Type.STEP):
            return self._run(frame, repeated)
        known = kind == Type.EXIT
        return ("ERROR", frame.seq, ErrorCode.BAD_LENGTH if known else ErrorCode.UNKNOWN_TYPE)

    def _access(self, frame: Frame) -> tuple[object, ...]:
        write, payload = frame.type == Type.WRITE, frame.payload
        if len(payload) < 4 if write else len(payload) != 8:
            return ("ERROR", frame.seq, ErrorCode.BAD_LENGTH)
        offset = int.from_bytes(payload[:4], "little")
        count = len(payload) - 4 if write else int.from_bytes(payload[4:], "little")
        if count > wire.DEFAULT_MAX_PAYLOAD:
            return ("ERROR", frame.seq, ErrorCode.BAD_LENGTH)
        if write and offset >= wire.IN_ROOM:  # the linked packaging has no room for other models
            return ("ERROR", frame.seq, ErrorCode.NO_ROOM)
        if offset + count > ARENA_BYTES:
            return ("ERROR", frame.seq, ErrorCode.OUT_OF_ARENA)
        if write:
            self.arena[offset : offset + count] = payload[4:]
            return ("OK", frame.seq)
        return ("DATA", frame.seq, offset, bytes(self.arena[offset : offset + count]))

    def _run(self, frame: Frame, repeated: bool) -> tuple[object, ...]:
        run = frame.type == Type.RUN
        if len(frame.payload) != (1 if run else 0):
            return ("ERROR", frame.seq, ErrorCode.BAD_LENGTH)
        if not repeated:
            if not run and self.op > N_OPS:
                return ("ERROR", frame.seq, ErrorCode.NOT_PAUSED)
            if run:
                self.state = 0x85 if frame.payload[0] & 1 else self.state
                self.op = 0
                while not frame.payload[0] & 2 and self.op <= N_OPS:
                    self._step()
            else:
                self._step()
        return ("PAUSED", frame.seq, self.op) if self.op <= N_OPS else ("DONE", frame.seq, N_OPS)

    def _step(self) -> None:
        a = self.arena
        if self.op == 0:
            a[16:32] = bytes((x + 1) & 255 for x in a[0:16])
        elif self.op == 1:
            self.state = (self.state + 1) & 255
            a[16:32] = bytes((x + self.state) & 255 for x in a[16:32])
        elif self.op == 2:
            a[32:48] = bytes(x * 3 & 255 for x in a[16:32])
        self.op += 1


def comparable(answer: wire.Answer) -> tuple[object, ...]:
    """An answer without the parts that depend on time."""
    match answer:
        case wire.HelloIs():
            return ("HELLO_IS", answer.seq, answer.arena_bytes, answer.digest)
        case wire.Done():
            return ("DONE", answer.seq, len(answer.op_cycles))
        case wire.Error():
            return ("ERROR", answer.seq, answer.code)
        case wire.Paused():
            return ("PAUSED", answer.seq, answer.op)
        case wire.Data():
            return ("DATA", answer.seq, answer.offset, answer.data)
        case wire.Exited():
            return ("EXITED", answer.seq, answer.code)
        case wire.Ok():
            return ("OK", answer.seq)
    return (type(answer).__name__,)
