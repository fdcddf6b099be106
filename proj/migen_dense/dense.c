/* FULLY_CONNECTED on a CFU that keeps a running sum of dot products: four inputs per instruction, no addition in C.
 *
 * channels[].bias has the input's zero point folded in.
 */
#include "cfu_ops.h"
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void dense_fully_connected(const void *params);

typedef uint32_t __attribute__((may_alias)) word;

/* The dot product of `words` words. */
static uint32_t dot(const word *x, const word *w, int32_t words) {
  uint32_t total = cfu_dot_start(x[0], w[0]);
  int32_t i = 1;
  for (; i + 4 <= words; i += 4) { /* loads first: a CFU instruction waits for each load before it */
    const uint32_t x0 = x[i], x1 = x[i + 1], x2 = x[i + 2], x3 = x[i + 3];
    const uint32_t w0 = w[i], w1 = w[i + 1], w2 = w[i + 2], w3 = w[i + 3];
    cfu_dot_add(x0, w0);
    cfu_dot_add(x1, w1);
    cfu_dot_add(x2, w2);
    total = cfu_dot_add(x3, w3);
  }
  for (; i < words; i++) total = cfu_dot_add(x[i], w[i]);
  return total;
}

void dense_fully_connected(const void *params) {
  const struct cfukit_fully_connected *p = params;
  const int32_t words = p->input_channels / 4;
  int8_t *out = p->output;
  for (int32_t batch = 0; batch < p->batches; batch++) {
    const word *const x = (const word *)(const void *)p->input + batch * words;
    const word *w = p->weights;
    for (int32_t c = 0; c < p->output_channels; c++, w += words) {
      const struct cfukit_channel *const channel = p->channels + c;
      const int32_t sum = (int32_t)dot(x, w, words) + channel->bias;
      const int32_t scaled = cfukit_multiply_small(sum, channel->multiplier, -channel->shift);
      *out++ = (int8_t)cfukit_clamp(scaled + p->output_zero_point, p->activation_min, p->activation_max);
    }
  }
}
