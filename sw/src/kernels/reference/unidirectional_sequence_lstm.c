/* UNIDIRECTIONAL_SEQUENCE_LSTM int8 with an int16 cell state. */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void cfukit_reference_unidirectional_sequence_lstm(const void *params);

static int32_t clamp16(int32_t x) { return cfukit_clamp(x, INT16_MIN, INT16_MAX); }

/* The argument of both functions in units of the table: value * 3 * 2^shift, or value * multiplier / 2^shift rounded. */
static int32_t table_argument(int32_t value, int32_t multiplier, int32_t shift) {
  if (multiplier == 0) return value * (3 << shift);
  return (value * multiplier + (shift > 0 ? 1 << (shift - 1) : 0)) >> shift;
}

/* The table's value at |d| / 2^bits, interpolated; `end` behind the table. */
static int32_t interpolate(const uint16_t *table, int32_t d, int32_t bits, int32_t end) {
  const int32_t size = d < 0 ? -d : d, index = size >> bits;
  if (index >= 255) return end << (bits + (bits == 9));
  return (table[index] << bits) + (size & ((1 << bits) - 1)) * (table[index + 1] - table[index]);
}

static int32_t logistic16(const uint16_t *table, int32_t d) {
  const int32_t r = interpolate(table, d, 9, 0x7FFF);
  return (d >= 0 ? r + 512 : (1 << 25) - r + 511) >> 10;
}

static int32_t tanh16(const uint16_t *table, int32_t d) {
  const int32_t r = interpolate(table, d, 8, 0xFFFF);
  return (d >= 0 ? r - (1 << 23) + (1 << 7) : -r + (1 << 23) + (1 << 7) - 1) >> 8;
}

/* What a gate sees, before its function: input and hidden state weighted, each rescaled to Q3.12. */
static int32_t gate(const struct cfukit_lstm *p, int32_t number, int32_t cell, const int8_t *input, const int8_t *hidden) {
  const struct cfukit_lstm_gate *g = &p->gates[number];
  const int8_t *w = g->weights + cell * p->inputs, *r = g->recurrent + cell * p->cells;
  int32_t a = g->bias[cell], b = 0;
  for (int32_t k = 0; k < p->inputs; k++) a += (input[k] - p->input_zero_point) * w[k];
  for (int32_t k = 0; k < p->cells; k++) b += (hidden[k] - p->hidden_zero_point) * r[k];
  a = clamp16(cfukit_multiply(a, g->multiplier1, g->shift1));
  b = clamp16(cfukit_multiply(b, g->multiplier2, g->shift2));
  return clamp16(a + b);
}

static void step(const struct cfukit_lstm *p, const int8_t *input, int8_t *hidden, int16_t *cell) {
  int16_t *const gated = p->scratch; /* all gates see the old hidden state: its new one waits until the last cell is done */
  for (int32_t c = 0; c < p->cells; c++) {
    const int32_t i = logistic16(p->table, table_argument(gate(p, 0, c, input, hidden), 0, 0));
    const int32_t f = logistic16(p->table, table_argument(gate(p, 1, c, input, hidden), 0, 0));
    const int32_t d = table_argument(gate(p, 2, c, input, hidden), 0, 0);
    const int32_t candidate = p->candidate_tanh ? tanh16(p->table, d) : logistic16(p->table, d);
    const int32_t o = logistic16(p->table, table_argument(gate(p, 3, c, input, hidden), 0, 0));
    const int32_t kept = clamp16(cfukit_multiply(f * cell[c], p->forget_multiplier, p->forget_shift));
    const int32_t added = clamp16(cfukit_multiply(i * candidate, p->update_multiplier, p->update_shift));
    int32_t state = clamp16(kept + added);
    if (p->cell_limit) state = cfukit_clamp(state, -p->cell_limit, p->cell_limit);
    cell[c] = (int16_t)state;
    const int32_t t = tanh16(p->table, table_argument(state, p->tanh_multiplier, p->tanh_shift));
    const uint32_t scaled = (uint32_t)cfukit_multiply(t * o, p->output_multiplier, p->output_shift);
    gated[c] = (int16_t)cfukit_clamp((int32_t)(scaled + (uint32_t)p->hidden_zero_point), INT8_MIN, INT8_MAX);
  }
  for (int32_t c = 0; c < p->cells; c++) hidden[c] = (int8_t)gated[c];
}

void cfukit_reference_unidirectional_sequence_lstm(const void *params) {
  const struct cfukit_lstm *p = params;
  for (int32_t s = 0; s < p->steps; s++) {
    for (int32_t b = 0; b < p->batches; b++) {
      const int32_t place = s * p->step_stride + b * p->item_stride;
      int8_t *const hidden = p->hidden + b * p->cells;
      step(p, p->input + place * p->inputs, hidden, p->cell + b * p->cells);
      for (int32_t c = 0; c < p->cells; c++) p->output[place * p->cells + c] = hidden[c];
    }
  }
}
