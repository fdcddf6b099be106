/* UNIDIRECTIONAL_SEQUENCE_LSTM int16: one gate after the other, in plain loops, with sums of 64 bits. */
#define LSTM_TYPE int16_t
#define LSTM_MIN INT16_MIN
#define LSTM_MAX INT16_MAX
#include "lstm.h"

void cfukit_reference_unidirectional_sequence_lstm_int16(const void *params);

static int64_t dot(const int16_t *x, const int8_t *w, int32_t count) {
  int64_t sum = 0;
  for (int32_t k = 0; k < count; k++) sum += x[k] * w[k];
  return sum;
}

static void gates_of(const struct cfukit_lstm *p, int32_t cell, const int16_t *input, const int16_t *hidden, int32_t seen[4]) {
  for (int32_t i = 0; i < 4; i++) {
    const struct cfukit_lstm_gate *const g = &p->gates[i];
    const int32_t *const words = g->bias + 2 * cell;
    const int64_t bias = (int64_t)((uint64_t)(uint32_t)words[1] << 32 | (uint32_t)words[0]);
    const int64_t a = dot(input, g->weights + cell * p->inputs, p->inputs) + bias;
    const int64_t b = dot(hidden, g->recurrent + cell * p->cells, p->cells);
    seen[i] = lstm_clamp(lstm_clamp(cfukit_multiply_wide(a, g->multiplier1, g->shift1)) +
                         lstm_clamp(cfukit_multiply_wide(b, g->multiplier2, g->shift2)));
  }
}

void cfukit_reference_unidirectional_sequence_lstm_int16(const void *params) { lstm(params, gates_of, cfukit_multiply); }
