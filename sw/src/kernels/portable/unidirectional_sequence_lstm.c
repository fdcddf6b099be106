/* UNIDIRECTIONAL_SEQUENCE_LSTM int8 with an int16 cell state: it computes the four gates of a cell together, so each input is loaded once. */
#include "../reference/lstm.h"
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"
#include "dot.h"

void cfukit_portable_unidirectional_sequence_lstm(const void *params);

/* The arguments of the four gates' functions for a cell: weighted input and hidden state, each rescaled to Q3.12. */
__attribute__((noinline)) static void gates_of(const struct cfukit_lstm *p, int32_t cell, const int8_t *input,
                                               const int8_t *hidden, int32_t seen[4]) {
  const struct cfukit_lstm_gate *const g = p->gates;
  const int32_t at = cell * p->inputs, recurrent_at = cell * p->cells;
  const int8_t *const rows[4] = {g[0].weights + at, g[1].weights + at, g[2].weights + at, g[3].weights + at};
  const int8_t *const recurrent[4] = {g[0].recurrent + recurrent_at, g[1].recurrent + recurrent_at,
                                      g[2].recurrent + recurrent_at, g[3].recurrent + recurrent_at};
  struct sums a = {0, 0, 0, 0}, b = a;
  dot_by_4(input, p->input_zero_point, rows, p->inputs, &a);
  dot_by_4(hidden, p->hidden_zero_point, recurrent, p->cells, &b);
  const int32_t of_input[4] = {a.s0, a.s1, a.s2, a.s3}, of_hidden[4] = {b.s0, b.s1, b.s2, b.s3};
  for (int32_t i = 0; i < 4; i++) {
    const int32_t x = lstm_clamp(cfukit_multiply_any(cfukit_add(of_input[i], g[i].bias[cell]), g[i].multiplier1, g[i].shift1));
    seen[i] = lstm_clamp(x + lstm_clamp(cfukit_multiply_any(of_hidden[i], g[i].multiplier2, g[i].shift2)));
  }
}

void cfukit_portable_unidirectional_sequence_lstm(const void *params) { lstm(params, gates_of, cfukit_multiply_any); }
