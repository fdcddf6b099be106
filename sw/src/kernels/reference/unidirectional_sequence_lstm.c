/* UNIDIRECTIONAL_SEQUENCE_LSTM int8: one gate after the other, in plain loops. */
#include "lstm.h"

void cfukit_reference_unidirectional_sequence_lstm(const void *params);

static int32_t gate(const struct cfukit_lstm *p, const struct cfukit_lstm_gate *g, int32_t cell, const int8_t *input,
                    const int8_t *hidden) {
  const int8_t *w = g->weights + cell * p->inputs, *r = g->recurrent + cell * p->cells;
  int32_t a = 0, b = 0;
  for (int32_t k = 0; k < p->inputs; k++) a += (input[k] - p->input_zero_point) * w[k];
  for (int32_t k = 0; k < p->cells; k++) b += (hidden[k] - p->hidden_zero_point) * r[k];
  a = lstm_clamp(cfukit_multiply(cfukit_add(a, g->bias[cell]), g->multiplier1, g->shift1));
  b = lstm_clamp(cfukit_multiply(b, g->multiplier2, g->shift2));
  return lstm_clamp(a + b);
}

static void gates_of(const struct cfukit_lstm *p, int32_t cell, const int8_t *input, const int8_t *hidden, int32_t seen[4]) {
  for (int32_t i = 0; i < 4; i++) seen[i] = gate(p, &p->gates[i], cell, input, hidden);
}

void cfukit_reference_unidirectional_sequence_lstm(const void *params) { lstm(params, gates_of, cfukit_multiply); }
