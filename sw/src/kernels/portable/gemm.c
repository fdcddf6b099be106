/* See gemm.h. */
#include "gemm.h"

#include "cfukit_fixed_point.h"

/* Makes the sums complete here. Without it, compilers move the loads and products of many steps together and spill. */
#define KEEP_ORDER4(a, b, c, d) __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d))
#define KEEP_ORDER8(a, b, c, d, e, f, g, h) \
  __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f), "+r"(g), "+r"(h))

static struct cfukit_rescale rescale_of(const struct gemm *g, const struct cfukit_channel *channel) {
  return cfukit_rescale(channel->multiplier, -channel->shift, g->output_zero_point, g->activation_min);
}

/* All rows, two at a time, times the four channels at `w`. */
__attribute__((noinline)) static void rows_by_2x4(const struct gemm *g, const int8_t *weights,
                                                  const struct cfukit_channel *channels, int8_t *out) {
  struct cfukit_rescale rescale[4];
  for (int32_t c = 0; c < 4; c++) rescale[c] = rescale_of(g, &channels[c]);
  const int32_t low = g->activation_min, high = g->activation_max;
  const int8_t *row = g->rows;
  for (int32_t r = g->n_rows; r >= 2; r -= 2) {
    const int8_t *a = row, *b = row + g->row_stride, *w = weights;
    int32_t a0 = channels[0].bias, a1 = channels[1].bias, a2 = channels[2].bias, a3 = channels[3].bias;
    int32_t b0 = a0, b1 = a1, b2 = a2, b3 = a3;
#define STEP(i)                                                                           \
  do {                                                                                    \
    const int32_t x = a[i], y = b[i];                                                     \
    const int32_t w0 = w[4 * i], w1 = w[4 * i + 1], w2 = w[4 * i + 2], w3 = w[4 * i + 3]; \
    a0 += x * w0, a1 += x * w1, a2 += x * w2, a3 += x * w3;                               \
    b0 += y * w0, b1 += y * w1, b2 += y * w2, b3 += y * w3;                               \
    KEEP_ORDER8(a0, a1, a2, a3, b0, b1, b2, b3);                                          \
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
    int8_t *const out_b = out + g->output_stride;
    cfukit_output_pair(&rescale[0], a0, b0, low, high, &out[0], &out_b[0]);
    cfukit_output_pair(&rescale[1], a1, b1, low, high, &out[1], &out_b[1]);
    cfukit_output_pair(&rescale[2], a2, b2, low, high, &out[2], &out_b[2]);
    cfukit_output_pair(&rescale[3], a3, b3, low, high, &out[3], &out_b[3]);
    row += 2 * g->row_stride, out += 2 * g->output_stride;
  }
}

/* One row, four channels. */
__attribute__((noinline)) static void row_by_1x4(const struct gemm *g, const int8_t *a, const int8_t *w,
                                                 const struct cfukit_channel *channels, int8_t *out) {
  int32_t a0 = channels[0].bias, a1 = channels[1].bias, a2 = channels[2].bias, a3 = channels[3].bias;
#define STEP(i)                                                                           \
  do {                                                                                    \
    const int32_t x = a[i];                                                               \
    const int32_t w0 = w[4 * i], w1 = w[4 * i + 1], w2 = w[4 * i + 2], w3 = w[4 * i + 3]; \
    a0 += x * w0, a1 += x * w1, a2 += x * w2, a3 += x * w3;                               \
    KEEP_ORDER4(a0, a1, a2, a3);                                                          \
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
  const int32_t sums[4] = {a0, a1, a2, a3};
  for (int32_t c = 0; c < 4; c++) {
    const struct cfukit_rescale rescale = rescale_of(g, &channels[c]);
    out[c] = cfukit_output(&rescale, sums[c], g->activation_min, g->activation_max);
  }
}

/* One row, one channel of a block that has fewer than four. */
static inline int8_t single(const struct gemm *g, const int8_t *a, const int8_t *w, const struct cfukit_channel *channel) {
  int32_t sum = channel->bias;
  for (int32_t k = 0; k < g->depth; k++) sum += a[k] * w[4 * k];
  const struct cfukit_rescale rescale = rescale_of(g, channel);
  return cfukit_output(&rescale, sum, g->activation_min, g->activation_max);
}

void cfukit_portable_gemm(const struct gemm *g) {
  const int32_t blocks = g->n_channels >> 2, last = g->n_rows - 1;
  const int8_t *weights = g->weights;
  const struct cfukit_channel *channels = g->channels;
  int8_t *out = g->output;
  for (int32_t block = 0; block < blocks; block++) {
    rows_by_2x4(g, weights, channels, out);
    if (!(last & 1)) row_by_1x4(g, g->rows + last * g->row_stride, weights, channels, out + last * g->output_stride);
    weights += 4 * g->depth, channels += 4, out += 4;
  }
  for (int32_t rest = 0; rest < (g->n_channels & 3); rest++) {
    for (int32_t r = 0; r < g->n_rows; r++) {
      out[r * g->output_stride + rest] = single(g, g->rows + r * g->row_stride, weights + rest, &channels[rest]);
    }
  }
}
