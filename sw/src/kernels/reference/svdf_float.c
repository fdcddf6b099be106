/* SVDF float32. Each filter has a sum of its own, and they are added to the bias in turn. */
#include "cfukit_kernels.h"
#include "exponential.h"

void cfukit_reference_svdf_float(const void *params);

static float activation(const struct cfukit_svdf_float *p, float x) {
  if (p->activation == 2) return float_tanh(x);
  if (p->activation == 3) return bits_of(x) < 0 ? 1.0f : 0.0f;
  if (p->activation == 1) return x > 0 ? x : 0; /* for not a number too */
  if (p->activation == 0) return x;
  const float low = float_of(p->low_bits), high = float_of(p->high_bits);
  if (!(x < high)) return high; /* or not a number */
  return x > low ? x : low;
}

void cfukit_reference_svdf_float(const void *params) {
  const struct cfukit_svdf_float *p = params;
  const int32_t filters = p->units * p->rank, memory = p->memory, all = p->batches * filters * memory;
  for (int32_t i = 1; i < all; i++) p->state[i - 1] = p->state[i]; /* the whole buffer moves by one element */
  for (int32_t b = 0; b < p->batches; b++) {
    const float *const input = p->input + b * p->inputs;
    for (int32_t f = 0; f < filters; f++) {
      const float *const w = p->feature_weights + f * p->inputs;
      float dot = 0;
      for (int32_t k = 0; k < p->inputs; k++) dot += w[k] * input[k];
      p->state[(b * filters + f + 1) * memory - 1] = dot;
    }
    for (int32_t u = 0; u < p->units; u++) {
      float total = p->bias[u];
      for (int32_t f = u * p->rank; f < (u + 1) * p->rank; f++) {
        const float *const history = p->state + (b * filters + f) * memory, *const w = p->time_weights + f * memory;
        float sum = 0;
        for (int32_t t = 0; t < memory; t++) sum += w[t] * history[t];
        total += sum;
      }
      p->output[b * p->units + u] = activation(p, total);
    }
  }
}
