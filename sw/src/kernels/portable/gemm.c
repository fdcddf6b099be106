/* See gemm.h. */
#include "gemm.h"

#include "cfukit_fixed_point.h"

/* The sums are complete here: without this, compilers move the loads and products of many steps together and spill. */
#define KEEP_ORDER4(a, b, c, d) __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d))
#define KEEP_ORDER8(a, b, c, d, e, f, g, h) \
  __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f), "+r"(g), "+r"(h))

struct range {
  int32_t zero_point, low, high;
};

static inline int8_t requantize(struct range range, int32_t multiplier, int32_t right, int32_t sum) {
  return cfukit_to_int8(cfukit_multiply_small(sum, multiplier, right), range.zero_point, range.low, range.high);
}

/* Two rows, four channels. */
__attribute__((noinline)) static void block_2x4(const struct gemm *g, const int8_t *a, const int8_t *b, const int8_t *w,
                             const struct cfukit_channel *channels, int8_t *out_a, int8_t *out_b) {
  int32_t a0 = channels[0].bias, a1 = channels[1].bias, a2 = channels[2].bias, a3 = channels[3].bias;
  int32_t b0 = a0, b1 = a1, b2 = a2, b3 = a3;
#define STEP(i)                                                                       \
  do {                                                                                \
    const int32_t x = a[i], y = b[i];                                                 \
    const int32_t w0 = w[4 * i], w1 = w[4 * i + 1], w2 = w[4 * i + 2], w3 = w[4 * i + 3]; \
    a0 += x * w0, a1 += x * w1, a2 += x * w2, a3 += x * w3;                           \
    b0 += y * w0, b1 += y * w1, b2 += y * w2, b3 += y * w3;                           \
    KEEP_ORDER8(a0, a1, a2, a3, b0, b1, b2, b3);                                      \
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
  const struct range range = {g->output_zero_point, g->activation_min, g->activation_max};
#define FINISH(c, sum_a, sum_b)                                                          \
  do {                                                                                   \
    const int32_t multiplier = channels[c].multiplier, right = -channels[c].shift;       \
    const int8_t value_a = requantize(range, multiplier, right, sum_a);                  \
    const int8_t value_b = requantize(range, multiplier, right, sum_b);                  \
    out_a[c] = value_a;                                                                  \
    out_b[c] = value_b;                                                                  \
  } while (0)
  FINISH(0, a0, b0);
  FINISH(1, a1, b1);
  FINISH(2, a2, b2);
  FINISH(3, a3, b3);
#undef FINISH
}

/* One row, four channels. */
__attribute__((noinline)) static void block_1x4(const struct gemm *g, const int8_t *a, const int8_t *w, const struct cfukit_channel *channels,
                             int8_t *out) {
  int32_t a0 = channels[0].bias, a1 = channels[1].bias, a2 = channels[2].bias, a3 = channels[3].bias;
#define STEP(i)                                                                            \
  do {                                                                                     \
    const int32_t x = a[i];                                                                \
    const int32_t w0 = w[4 * i], w1 = w[4 * i + 1], w2 = w[4 * i + 2], w3 = w[4 * i + 3]; \
    a0 += x * w0, a1 += x * w1, a2 += x * w2, a3 += x * w3;                                \
    KEEP_ORDER4(a0, a1, a2, a3);                                                            \
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
  const struct range range = {g->output_zero_point, g->activation_min, g->activation_max};
  out[0] = requantize(range, channels[0].multiplier, -channels[0].shift, a0);
  out[1] = requantize(range, channels[1].multiplier, -channels[1].shift, a1);
  out[2] = requantize(range, channels[2].multiplier, -channels[2].shift, a2);
  out[3] = requantize(range, channels[3].multiplier, -channels[3].shift, a3);
}

/* One row, one channel of a block that has fewer than four. */
static inline int8_t single(const struct gemm *g, const int8_t *a, const int8_t *w, const struct cfukit_channel *channel) {
  int32_t sum = channel->bias;
  for (int32_t k = 0; k < g->depth; k++) sum += a[k] * w[4 * k];
  const struct range range = {g->output_zero_point, g->activation_min, g->activation_max};
  return requantize(range, channel->multiplier, -channel->shift, sum);
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
