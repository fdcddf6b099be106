/* A solution of docs/lab.md: two positions share their weights, and the CFU keeps the sums. */
#include "cfu_ops.h"
#include "cfukit_fixed_point.h"
#include "cfukit_im2col.h"
#include "cfukit_kernels.h"

void template_conv(const void *params);
void lab_dense(const void *params);

typedef uint32_t __attribute__((may_alias)) word;

static inline int8_t output(const struct cfukit_channel *channel, uint32_t sum, int32_t zero_point, int32_t low, int32_t high) {
  const int32_t scaled = cfukit_multiply_small((int32_t)sum + channel->bias, channel->multiplier, -channel->shift);
  return (int8_t)cfukit_clamp(scaled + zero_point, low, high);
}

static void gather(const struct cfukit_conv *p, int32_t position, word *to) {
  const int32_t y = position / p->output_width, x = position % p->output_width;
  cfukit_im2col(p, p->input, y * p->stride_height - p->padding_top, x * p->stride_width - p->padding_left, (int8_t *)to);
}

/* Four channels at two positions. */
static const word *block(const word *a, const word *b, const word *w, int32_t words, uint32_t sums[8]) {
  uint32_t x = *a++, y = *b++, w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3];
  sums[0] = cfu_mac4_first0(x, w0);
  sums[1] = cfu_mac4_first1(x, w1);
  sums[2] = cfu_mac4_first2(x, w2);
  sums[3] = cfu_mac4_first3(x, w3);
  sums[4] = cfu_mac4_first4(y, w0);
  sums[5] = cfu_mac4_first5(y, w1);
  sums[6] = cfu_mac4_first6(y, w2);
  sums[7] = cfu_mac4_first7(y, w3);
  w += 4;
  if (words == 1) return w;
  uint32_t s0, s1, s2, s3, t0, t1, t2, t3;
  for (int32_t left = words - 1; left > 0; left--, w += 4) {
    x = *a++, y = *b++, w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3];
    s0 = cfu_mac4_add0(x, w0);
    s1 = cfu_mac4_add1(x, w1);
    s2 = cfu_mac4_add2(x, w2);
    s3 = cfu_mac4_add3(x, w3);
    t0 = cfu_mac4_add4(y, w0);
    t1 = cfu_mac4_add5(y, w1);
    t2 = cfu_mac4_add6(y, w2);
    t3 = cfu_mac4_add7(y, w3);
  }
  sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
  sums[4] = t0, sums[5] = t1, sums[6] = t2, sums[7] = t3;
  return w;
}

void template_conv(const void *params) {
  const struct cfukit_conv *p = params;
  const int32_t words = (p->filter_height * p->filter_width * p->filter_channels + 3) / 4;
  const int32_t positions = p->output_height * p->output_width;
  word *const taps = p->scratch;
  for (int32_t first = 0; first < positions; first += 2) {
    const int32_t second = cfukit_min(first + 1, positions - 1);
    int8_t *const a = p->output + first * p->output_channels, *const b = p->output + second * p->output_channels;
    gather(p, first, taps);
    gather(p, second, taps + words);
    const word *w = p->weights;
    for (int32_t c = 0; c < p->output_channels; c += 4) {
      uint32_t sums[8];
      w = block(taps, taps + words, w, words, sums);
      for (int32_t i = 0; i < 4 && c + i < p->output_channels; i++) {
        const struct cfukit_channel *channel = &p->channels[c + i];
        a[c + i] = output(channel, sums[i], p->output_zero_point, p->activation_min, p->activation_max);
        b[c + i] = output(channel, sums[4 + i], p->output_zero_point, p->activation_min, p->activation_max);
      }
    }
  }
}

void lab_dense(const void *params) {
  const struct cfukit_fully_connected *p = params;
  const int32_t words = p->input_channels / 4;
  for (int32_t batch = 0; batch < p->batches; batch++) {
    const word *const x = (const word *)(const void *)(p->input + batch * p->input_channels);
    int8_t *const out = p->output + batch * p->output_channels;
    const word *w = p->weights;
    for (int32_t c = 0; c < p->output_channels; c += 4) {
      uint32_t sums[8];
      w = block(x, x, w, words, sums);
      for (int32_t i = 0; i < 4 && c + i < p->output_channels; i++) {
        out[c + i] = output(&p->channels[c + i], sums[i], p->output_zero_point, p->activation_min, p->activation_max);
      }
    }
  }
}
