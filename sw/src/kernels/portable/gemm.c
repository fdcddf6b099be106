/* See gemm.h. */
#include "gemm.h"

#include "cfukit_fixed_point.h"

static inline int8_t requantize(const struct gemm *g, const struct cfukit_channel *channel, int32_t sum) {
  const int32_t scaled = cfukit_multiply_small(sum, channel->multiplier, -channel->shift) + g->output_zero_point;
  return (int8_t)cfukit_clamp(scaled, g->activation_min, g->activation_max);
}

/* Two rows, four channels. */
static inline void block_2x4(const struct gemm *g, const int8_t *a, const int8_t *b, const int8_t *w,
                             const struct cfukit_channel *channels, int8_t *out_a, int8_t *out_b) {
  int32_t a0 = channels[0].bias, a1 = channels[1].bias, a2 = channels[2].bias, a3 = channels[3].bias;
  int32_t b0 = a0, b1 = a1, b2 = a2, b3 = a3;
#define STEP(i)                                                                       \
  do {                                                                                \
    const int32_t x = a[i], y = b[i];                                                 \
    const int32_t w0 = w[4 * i], w1 = w[4 * i + 1], w2 = w[4 * i + 2], w3 = w[4 * i + 3]; \
    a0 += x * w0, a1 += x * w1, a2 += x * w2, a3 += x * w3;                           \
    b0 += y * w0, b1 += y * w1, b2 += y * w2, b3 += y * w3;                           \
  } while (0)
  const int8_t *const end = a + g->depth;
  const int8_t *const unrolled_end = a + (g->depth & ~3);
  while (a != unrolled_end) {
    STEP(0);
    STEP(1);
    STEP(2);
    STEP(3);
    a += 4, b += 4, w += 16;
  }
  while (a != end) {
    STEP(0);
    a += 1, b += 1, w += 4;
  }
#undef STEP
  out_a[0] = requantize(g, &channels[0], a0);
  out_b[0] = requantize(g, &channels[0], b0);
  out_a[1] = requantize(g, &channels[1], a1);
  out_b[1] = requantize(g, &channels[1], b1);
  out_a[2] = requantize(g, &channels[2], a2);
  out_b[2] = requantize(g, &channels[2], b2);
  out_a[3] = requantize(g, &channels[3], a3);
  out_b[3] = requantize(g, &channels[3], b3);
}

/* One row, four channels. */
static inline void block_1x4(const struct gemm *g, const int8_t *a, const int8_t *w, const struct cfukit_channel *channels,
                             int8_t *out) {
  int32_t a0 = channels[0].bias, a1 = channels[1].bias, a2 = channels[2].bias, a3 = channels[3].bias;
#define STEP(i)                                                                            \
  do {                                                                                     \
    const int32_t x = a[i];                                                                \
    const int32_t w0 = w[4 * i], w1 = w[4 * i + 1], w2 = w[4 * i + 2], w3 = w[4 * i + 3]; \
    a0 += x * w0, a1 += x * w1, a2 += x * w2, a3 += x * w3;                                \
  } while (0)
  const int8_t *const end = a + g->depth;
  const int8_t *const unrolled_end = a + (g->depth & ~3);
  while (a != unrolled_end) {
    STEP(0);
    STEP(1);
    STEP(2);
    STEP(3);
    a += 4, w += 16;
  }
  while (a != end) {
    STEP(0);
    a += 1, w += 4;
  }
#undef STEP
  out[0] = requantize(g, &channels[0], a0);
  out[1] = requantize(g, &channels[1], a1);
  out[2] = requantize(g, &channels[2], a2);
  out[3] = requantize(g, &channels[3], a3);
}

/* One row, one channel of a block that has fewer than four. */
static inline int8_t single(const struct gemm *g, const int8_t *a, const int8_t *w, const struct cfukit_channel *channel) {
  int32_t sum = channel->bias;
  for (int32_t k = 0; k < g->depth; k++) sum += a[k] * w[4 * k];
  return requantize(g, channel, sum);
}

void cfukit_portable_gemm(const struct gemm *g) {
  const int32_t blocks = g->n_channels >> 2;
  const int8_t *weights = g->weights;
  const struct cfukit_channel *channels = g->channels;
  int8_t *out = g->output;
  for (int32_t block = 0; block < blocks; block++) {
    const int8_t *row = g->rows;
    int8_t *o = out;
    int32_t r = g->n_rows;
    for (; r >= 2; r -= 2) {
      block_2x4(g, row, row + g->row_stride, weights, channels, o, o + g->output_stride);
      row += 2 * g->row_stride, o += 2 * g->output_stride;
    }
    if (r) block_1x4(g, row, weights, channels, o);
    weights += 4 * g->depth, channels += 4, out += 4;
  }
  for (int32_t rest = 0; rest < (g->n_channels & 3); rest++) {
    for (int32_t r = 0; r < g->n_rows; r++) {
      out[r * g->output_stride + rest] = single(g, g->rows + r * g->row_stride, weights + rest, &channels[rest]);
    }
  }
}
