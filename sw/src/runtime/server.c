/* main of a model's firmware: executes the host's requests, one after the other. */
#include "cfukit.h"
#include "cfukit_kernels.h"
#include "cfukit_model.h"
#include "runtime.h"

#ifndef CFUKIT_MAX_PAYLOAD
#define CFUKIT_MAX_PAYLOAD 256
#endif

static uint8_t request[2 + 4 + CFUKIT_MAX_PAYLOAD + 4]; /* type and seq, WRITE's offset, bytes, CRC */

/* The inference that is under way or was the last. */
static struct {
  uint64_t cycles;
  uint32_t instructions;
  uint32_t op;       /* the next; beyond n_ops when it is done */
} inference = {0, 0, ~UINT32_C(0)};

/* Type and seq of the last request that was executed. A repeated request is answered without being executed again. */
static uint32_t last_request = ~UINT32_C(0);

static void answer(uint32_t type) {
  cfukit_frame_begin(type, request[1]);
}

static void refuse(uint32_t code) {
  last_request = ~UINT32_C(0);
  answer(CFUKIT_ERROR);
  cfukit_frame_put(code, 1);
  cfukit_frame_end();
}

static uint32_t word(const uint8_t *bytes) {
  return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Runs operators [inference.op, end). */
static void run_until(const struct cfukit_model *model, uint32_t end) {
  const uint32_t instructions = cfukit_instret();
  const uint64_t begin = cfukit_cycles();
  uint32_t before = cfukit_cycles_low();
  for (uint32_t i = inference.op; i != end; i++) {
    cfukit_call(model->ops + i, model->ops + model->n_ops, 0);
    const uint32_t after = cfukit_cycles_low();
    model->op_cycles[i] = after - before;
    before = after;
  }
  inference.cycles += cfukit_cycles() - begin;
  inference.instructions += cfukit_instret() - instructions;
  inference.op = end;
  cfukit_stack_check();
}

/* Finds the operator by its parameters. Keeping track of the operator that runs would cost cycles. */
void cfukit_refuse(const void *params, uint32_t value) {
  const struct cfukit_model *const model = cfukit_served();
  uint32_t op = 0;
  while (op < model->n_ops && model->ops[op].params != params)
    op++;
  cfukit_fault(CFUKIT_VALUE_REFUSED, op, value, 0);
}

static void hello(const struct cfukit_model *model) {
  answer(CFUKIT_HELLO_IS);
  cfukit_frame_put(CFUKIT_PROTOCOL | (uint32_t)model->n_ops << 16, 4);
  cfukit_frame_put(model->arena_bytes, 4);
  cfukit_frame_put(CFUKIT_MAX_PAYLOAD, 4);
  cfukit_frame_put(cfukit_stack_high_water(), 4);
  cfukit_frame_put_bytes(model->digest, sizeof model->digest);
  cfukit_frame_end();
}

static void progress(const struct cfukit_model *model) {
  const uint32_t n_ops = model->n_ops;
  if (inference.op <= n_ops) {
    answer(CFUKIT_PAUSED);
    cfukit_frame_put(inference.op, 2);
  } else {
    answer(CFUKIT_DONE);
    cfukit_frame_put64(inference.cycles);
    cfukit_frame_put(inference.instructions, 4);
    cfukit_frame_put(n_ops, 4);
    for (uint32_t i = 0; i < n_ops; i++)
      cfukit_frame_put(model->op_cycles[i], 4);
  }
  cfukit_frame_end();
}

static void run(const struct cfukit_model *model, uint32_t flags) {
  if ((flags & CFUKIT_RUN_RESET) != 0)
    cfukit_reset(model);
  inference.cycles = 0;
  inference.instructions = 0;
  inference.op = 0;
  cfukit_prepared = 0;
  if ((flags & CFUKIT_RUN_PAUSE) == 0) {
    run_until(model, model->n_ops);
    inference.op++;
  }
}

static void step(const struct cfukit_model *model) {
  if (inference.op < model->n_ops)
    run_until(model, inference.op + 1);
  else
    inference.op++;
}

static void write_room(uint32_t offset, const uint8_t *bytes, uint32_t count) {
  uint32_t room_bytes;
  uint8_t *const room = cfukit_room(&room_bytes);
  if (room == 0 || offset > room_bytes || count > room_bytes - offset) {
    refuse(CFUKIT_ERROR_NO_ROOM);
    return;
  }
  memcpy(room + offset, bytes, count);
  inference.op = ~UINT32_C(0);
  answer(CFUKIT_OK);
  cfukit_frame_end();
}

static void serve(const struct cfukit_model *model, uint32_t payload_bytes) {
  const uint32_t type = request[0];
  const uint8_t *const payload = request + 2;
  const uint32_t repeated = last_request == (type | (uint32_t)request[1] << 8);
  last_request = type | (uint32_t)request[1] << 8;
  switch (type) {
  case CFUKIT_HELLO:
    hello(model);
    return;
  case CFUKIT_WRITE:
  case CFUKIT_READ: {
    if (type == CFUKIT_WRITE ? payload_bytes < 4 : payload_bytes != 8) {
      refuse(CFUKIT_ERROR_BAD_LENGTH);
      return;
    }
    const uint32_t offset = word(payload), count = type == CFUKIT_WRITE ? payload_bytes - 4 : word(payload + 4);
    if (count > CFUKIT_MAX_PAYLOAD) {
      refuse(CFUKIT_ERROR_BAD_LENGTH);
    } else if (type == CFUKIT_WRITE && offset >= CFUKIT_IN_ROOM) {
      write_room(offset - CFUKIT_IN_ROOM, payload + 4, count);
    } else if (offset > model->arena_bytes || count > model->arena_bytes - offset) {
      refuse(CFUKIT_ERROR_OUT_OF_ARENA);
    } else if (type == CFUKIT_WRITE) {
      cfukit_arena_write(model, offset, payload + 4, count);
      answer(CFUKIT_OK);
      cfukit_frame_end();
    } else {
      answer(CFUKIT_DATA);
      cfukit_frame_put(offset, 4);
      cfukit_arena_send(model, offset, count);
      cfukit_frame_end();
    }
    return;
  }
  case CFUKIT_RUN:
  case CFUKIT_STEP:
    if (payload_bytes != (type == CFUKIT_RUN ? 1u : 0u)) {
      refuse(CFUKIT_ERROR_BAD_LENGTH);
      return;
    }
    if (!repeated) {
      if (type == CFUKIT_STEP && inference.op > model->n_ops) {
        refuse(CFUKIT_ERROR_NOT_PAUSED);
        return;
      }
      if (type == CFUKIT_RUN)
        run(model, payload[0]);
      else
        step(model);
    }
    progress(model);
    return;
  case CFUKIT_LOAD: {
    const uint32_t error = repeated ? 0 : cfukit_load(payload, payload_bytes);
    if (error != 0) {
      refuse(error);
    } else {
      answer(CFUKIT_OK);
      cfukit_frame_end();
    }
    return;
  }
  case CFUKIT_EXIT:
    if (payload_bytes == 4)
      cfukit_exit_answering(request[1], (int)word(payload));
    refuse(CFUKIT_ERROR_BAD_LENGTH);
    return;
  default:
    refuse(CFUKIT_ERROR_UNKNOWN_TYPE);
  }
}

int main(void) {
  const struct cfukit_model *const model = cfukit_served();
  cfukit_stack_paint();
  cfukit_reset(model);
  for (;;) {
    const int32_t length = cfukit_frame_get(request, sizeof request);
    if (length == CFUKIT_END_OF_INPUT)
      return 0;
    if (length == CFUKIT_DAMAGED) {
      const uint32_t before = last_request;
      request[1] = 0;
      refuse(CFUKIT_ERROR_DAMAGED);
      last_request = before; /* the damaged frame may be a repetition of the last request */
    } else {
      serve(model, (uint32_t)length - 2);
    }
  }
}
