/* CONV_2D and FULLY_CONNECTED of any legal shape on the mac4 CFU.
 *
 * Both multiply rows of int8 by weights. Two rows and four output channels give eight sums, one in each accumulator of the CFU, so
 * six loaded words feed eight mac4 (32 multiply-accumulates). All loads of a step come before its first CFU instruction, because
 * a CFU instruction waits for every load before it to leave the pipeline.
 *
 * pack_blocks in cfu.py orders the weights as [block of 4 output channels][word of 4 taps][4 channels] and pads them with zeros, so
 * whatever follows the last tap of a row does not count. channels[].bias has the input's zero point folded in, so taps outside the
 * image read the zero point.
 */
#include "cfu_ops.h"
#include "cfukit_fixed_point.h"
#include "cfukit_im2col.h"
#include "cfukit_kernels.h"

void mac4_conv(const void *params);
void mac4_fully_connected(const void *params);

typedef uint32_t __attribute__((may_alias)) word;

struct product {
  const int8_t *rows; /* 4-byte aligned, as is row_stride */
  const word *weights;
  const struct cfukit_channel *channels;
  int8_t *output;
  int32_t n_rows, row_stride, words, first_channel, end_channel, output_stride;
  int32_t output_zero_point, low, high;
};

/* Keeps the compiler from moving these loads down. */
#define LOADED_6(a, b, c, d, e, f) __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f))

#define MAC4_STEP(x, y, w0, w1, w2, w3) \
  do {                                  \
    s0 = cfu_mac4_add0(x, w0);          \
    s1 = cfu_mac4_add1(x, w1);          \
    s2 = cfu_mac4_add2(x, w2);          \
    s3 = cfu_mac4_add3(x, w3);          \
    t0 = cfu_mac4_add4(y, w0);          \
    t1 = cfu_mac4_add5(y, w1);          \
    t2 = cfu_mac4_add6(y, w2);          \
    t3 = cfu_mac4_add7(y, w3);          \
  } while (0)

/* All rows, two at a time, times the four channels from `c` on. Channels outside first_channel to end_channel are left out. */
__attribute__((noinline)) static void rows_by_block(const struct product *p, int32_t c) {
  const struct cfukit_channel *channel = p->channels + c;
  const int whole = c >= p->first_channel && c + 4 <= p->end_channel;
  const int32_t low = p->low, high = p->high, stride = p->row_stride / 4;
  uint32_t bias[4] = {0, 0, 0, 0};
  struct cfukit_rescale rescale[4];
  for (int32_t i = 0; i < 4; i++) {
    if (!whole && (c + i < p->first_channel || c + i >= p->end_channel)) continue;
    bias[i] = (uint32_t)channel[i].bias;
    rescale[i] = cfukit_rescale(channel[i].multiplier, -channel[i].shift, p->output_zero_point, low);
  }
  const word *row = (const word *)(const void *)p->rows;
  int8_t *out_a = p->output + c;
  for (int32_t r = p->n_rows; r > 0; r -= 2) {
    const int alone = r == 1; /* then b repeats a */
    const word *a = row, *b = alone ? row : row + stride, *w = p->weights + c * p->words;
    int8_t *const out_b = alone ? out_a : out_a + p->output_stride;
    uint32_t s0 = bias[0], s1 = bias[1], s2 = bias[2], s3 = bias[3], t0 = s0, t1 = s1, t2 = s2, t3 = s3;
    cfu_acc_set0(s0);
    cfu_acc_set1(s1);
    cfu_acc_set2(s2);
    cfu_acc_set3(s3);
    cfu_acc_set4(s0);
    cfu_acc_set5(s1);
    cfu_acc_set6(s2);
    cfu_acc_set7(s3);
    const word *const end = a + p->words;
    if (p->words & 1) {
      uint32_t x = *a++, y = *b++, w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3];
      w += 4;
      LOADED_6(x, y, w0, w1, w2, w3);
      MAC4_STEP(x, y, w0, w1, w2, w3);
    }
    while (a != end) {
      uint32_t x = a[0], y = b[0], w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3];
      uint32_t z = a[1], u = b[1], w4 = w[4], w5 = w[5], w6 = w[6], w7 = w[7];
      a += 2, b += 2, w += 8;
      LOADED_6(x, y, w0, w1, w2, w3);
      LOADED_6(z, u, w4, w5, w6, w7);
      MAC4_STEP(x, y, w0, w1, w2, w3);
      MAC4_STEP(z, u, w4, w5, w6, w7);
    }
    if (whole) {
      cfukit_output_pair(&rescale[0], (int32_t)s0, (int32_t)t0, low, high, &out_a[0], &out_b[0]);
      cfukit_output_pair(&rescale[1], (int32_t)s1, (int32_t)t1, low, high, &out_a[1], &out_b[1]);
      cfukit_output_pair(&rescale[2], (int32_t)s2, (int32_t)t2, low, high, &out_a[2], &out_b[2]);
      cfukit_output_pair(&rescale[3], (int32_t)s3, (int32_t)t3, low, high, &out_a[3], &out_b[3]);
    } else {
      const uint32_t s[4] = {s0, s1, s2, s3}, t[4] = {t0, t1, t2, t3};
      for (int32_t i = 0; i < 4; i++) {
        if (c + i < p->first_channel || c + i >= p->end_channel) continue;
        cfukit_output_pair(&rescale[i], (int32_t)s[i], (int32_t)t[i], low, high, &out_a[i], &out_b[i]);
      }
    }
    row += 2 * stride, out_a += 2 * p->output_stride;
  }
}

static void multiply(const struct product *p) {
  for (int32_t c = p->first_channel & ~3; c < p->end_channel; c += 4) rows_by_block(p, c);
}

/* scratch: rows of taps for as many output positions as fit. None if the input has that form already (1x1, stride 1). */
void mac4_conv(const void *params) {
  const struct cfukit_conv *p = params;
  const int32_t groups = p->input_channels / p->filter_channels, group_channels = p->output_channels / groups;
  const int32_t depth = p->filter_height * p->filter_width * p->filter_channels;
  const int32_t positions = p->output_height * p->output_width;
  struct product m = {
      .weights = p->weights,
      .channels = p->channels,
      .row_stride = (depth + 3) & ~3,
      .words = (depth + 3) / 4,
      .output_stride = p->output_channels,
      .output_zero_point = p->output_zero_point,
      .low = p->activation_min,
      .high = p->activation_max,
  };
  const int32_t tile = p->scratch_bytes ? p->scratch_bytes / m.row_stride : cfukit_max(2, 2048 / m.row_stride) & ~1;
  for (int32_t batch = 0; batch < p->batches; batch++) {
    const int8_t *input = p->input + batch * p->input_height * p->input_width * p->input_channels;
    int8_t *output = p->output + batch * positions * p->output_channels;
    for (int32_t group = 0; group < groups; group++) {
      m.first_channel = group * group_channels;
      m.end_channel = m.first_channel + group_channels;
      int32_t y = 0, x = 0;
      for (int32_t first = 0; first < positions; first += tile) {
        m.n_rows = cfukit_min(tile, positions - first);
        m.output = output + first * p->output_channels;
        m.rows = input + first * p->input_channels;
        if (p->scratch_bytes) {
          int8_t *to = p->scratch;
          m.rows = to;
          for (int32_t r = 0; r < m.n_rows; r++, to += m.row_stride) {
            cfukit_im2col(p, input + group * p->filter_channels, y * p->stride_height - p->padding_top,
                          x * p->stride_width - p->padding_left, to);
            if (++x == p->output_width) x = 0, y++;
          }
        }
        multiply(&m);
      }
    }
  }
}

/* scratch: aligned copies of the batch items, where their length is not a multiple of 4. */
void mac4_fully_connected(const void *params) {
  const struct cfukit_fully_connected *p = params;
  struct product m = {
      .rows = p->input,
      .weights = p->weights,
      .channels = p->channels,
      .output = p->output,
      .n_rows = p->batches,
      .row_stride = (p->input_channels + 3) & ~3,
      .words = (p->input_channels + 3) / 4,
      .end_channel = p->output_channels,
      .output_stride = p->output_channels,
      .output_zero_point = p->output_zero_point,
      .low = p->activation_min,
      .high = p->activation_max,
  };
  if (p->scratch_bytes) {
    int8_t *to = p->scratch;
    m.rows = to;
    for (int32_t b = 0; b < p->batches; b++, to += m.row_stride) {
      cfukit_copy(to, p->input + b * p->input_channels, p->input_channels);
    }
  }
  multiply(&m);
}
