/* UNIDIRECTIONAL_SEQUENCE_LSTM float32: one gate after the other, in plain loops. */
#include "cfukit_kernels.h"
#include "exponential.h"

void cfukit_reference_unidirectional_sequence_lstm_float(const void *params);

/* Infinities become the largest numbers. */
static float limited(float x) {
  const float largest = 3.4028234663852886e38f;
  if (x < -largest) x = -largest;
  return x > largest ? largest : x;
}

static float gate(const struct cfukit_lstm_float *p, const struct cfukit_lstm_float_gate *g, int32_t cell, const float *input,
                  const float *hidden) {
  const float *const w = g->weights + cell * p->inputs, *const r = g->recurrent + cell * p->cells;
  float a = 0, b = 0;
  for (int32_t k = 0; k < p->inputs; k++) a += input[k] * w[k];
  for (int32_t k = 0; k < p->cells; k++) b += hidden[k] * r[k];
  return limited(a + g->bias[cell]) + limited(b);
}

static void step(const struct cfukit_lstm_float *p, const float *input, float *hidden, float *cell) {
  const float clip = float_of(p->cell_clip_bits);
  for (int32_t c = 0; c < p->cells; c++) { /* all gates use the old hidden state, so the new one waits in scratch */
    const float i = float_logistic(gate(p, &p->gates[0], c, input, hidden));
    const float f = float_logistic(gate(p, &p->gates[1], c, input, hidden));
    const float x = gate(p, &p->gates[2], c, input, hidden);
    const float o = float_logistic(gate(p, &p->gates[3], c, input, hidden));
    const float candidate = p->candidate_tanh ? float_tanh(x) : x;
    float state = limited(f * cell[c]) + limited(i * candidate);
    if (clip > 0) state = float_clamp(state, bits_of(-clip), bits_of(clip));
    cell[c] = state;
    p->scratch[c] = limited(float_tanh(state) * o);
  }
  for (int32_t c = 0; c < p->cells; c++) hidden[c] = p->scratch[c];
}

void cfukit_reference_unidirectional_sequence_lstm_float(const void *params) {
  const struct cfukit_lstm_float *p = params;
  for (int32_t s = 0; s < p->steps; s++) {
    for (int32_t b = 0; b < p->batches; b++) {
      const int32_t place = s * p->step_stride + b * p->item_stride;
      float *const hidden = p->hidden + b * p->cells;
      step(p, p->input + place * p->inputs, hidden, p->cell + b * p->cells);
      for (int32_t c = 0; c < p->cells; c++) p->output[place * p->cells + c] = hidden[c];
    }
  }
}
