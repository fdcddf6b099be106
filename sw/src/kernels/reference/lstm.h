/* UNIDIRECTIONAL_SEQUENCE_LSTM with an int16 cell state: everything but the gates' inner products. LSTM_TYPE: of the activations. */
#ifndef CFUKIT_REFERENCE_LSTM_H
#define CFUKIT_REFERENCE_LSTM_H

#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"
#include "sigmoid.h"

#ifndef LSTM_TYPE
#define LSTM_TYPE int8_t
#define LSTM_MIN INT8_MIN
#define LSTM_MAX INT8_MAX
#endif

static inline int32_t lstm_clamp(int32_t x) { return cfukit_clamp(x, INT16_MIN, INT16_MAX); }

/* The arguments of the functions of a cell's gates input, forget, cell and output, in Q3.12. */
typedef void gates_function(const struct cfukit_lstm *p, int32_t cell, const LSTM_TYPE *input, const LSTM_TYPE *hidden,
                            int32_t seen[4]);
typedef int32_t multiply_function(int32_t x, int32_t multiplier, int32_t shift);

static inline __attribute__((always_inline)) void lstm_step(const struct cfukit_lstm *p, gates_function *gates_of,
                                                            multiply_function *multiply, const LSTM_TYPE *input,
                                                            LSTM_TYPE *hidden, int16_t *cell) {
  int16_t *const gated = p->scratch; /* all gates use the old hidden state, so the new one waits until the last cell is done */
  for (int32_t c = 0; c < p->cells; c++) {
    int32_t seen[4];
    gates_of(p, c, input, hidden, seen);
    const int32_t i = logistic16(p->table, table_argument(seen[0], 0, 0));
    const int32_t f = logistic16(p->table, table_argument(seen[1], 0, 0));
    const int32_t candidate = p->candidate_tanh ? tanh16(p->table, table_argument(seen[2], 0, 0)) : seen[2];
    const int32_t o = logistic16(p->table, table_argument(seen[3], 0, 0));
    const int32_t kept = lstm_clamp(multiply(f * cell[c], p->forget_multiplier, p->forget_shift));
    const int32_t added = lstm_clamp(multiply(i * candidate, p->update_multiplier, p->update_shift));
    const int32_t state = cfukit_clamp(lstm_clamp(kept + added), -p->cell_limit, p->cell_limit);
    cell[c] = (int16_t)state;
    const int32_t t = tanh16(p->table, table_argument(state, p->tanh_multiplier, p->tanh_shift));
    const uint32_t scaled = (uint32_t)multiply(t * o, p->output_multiplier, p->output_shift);
    gated[c] = (int16_t)cfukit_clamp((int32_t)(scaled + (uint32_t)p->hidden_zero_point), LSTM_MIN, LSTM_MAX);
  }
  for (int32_t c = 0; c < p->cells; c++) hidden[c] = (LSTM_TYPE)gated[c];
}

static inline __attribute__((always_inline)) void lstm(const struct cfukit_lstm *p, gates_function *gates_of,
                                                       multiply_function *multiply) {
  const LSTM_TYPE *const input = (const LSTM_TYPE *)(const void *)p->input;
  LSTM_TYPE *const output = (LSTM_TYPE *)(void *)p->output;
  for (int32_t s = 0; s < p->steps; s++) {
    for (int32_t b = 0; b < p->batches; b++) {
      const int32_t place = s * p->step_stride + b * p->item_stride;
      LSTM_TYPE *const hidden = (LSTM_TYPE *)(void *)p->hidden + b * p->cells;
      lstm_step(p, gates_of, multiply, input + place * p->inputs, hidden, p->cell + b * p->cells);
      for (int32_t c = 0; c < p->cells; c++) output[place * p->cells + c] = hidden[c];
    }
  }
}

#endif
