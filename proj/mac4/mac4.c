/* CONV_2D and FULLY_CONNECTED of any legal shape on the mac4 CFU.
 *
 * Both are rows of int8 times weights. Two rows meet four output channels: eight sums, one in each accumulator of the CFU, so that
 * six loaded words feed eight mac4 (32 multiply-accumulates). All loads of a step stand before its first CFU instruction, which
 * would otherwise wait for each of them to leave the pipeline.
 *
 * pack_blocks in cfu.py: weights [block of 4 output channels][word of 4 taps][4 channels], filled up with zeros; so whatever stands
 * behind the last tap of a row does not count. channels[].bias has the input's zero point folded in: taps outside the image read it.
 */
#include "cfu_ops.h"
#include "cfukit_fixed_point.h"
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

/* Everything loaded before this stays before it, whatever the compiler would prefer. */
#define LOADED_6(a, b, c, d, e, f) __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f))

#define MAC4_STEP(x, y, w0, w1, w2, w3) \
  do {                                  \
    s[0] = cfu_mac4_add0(x, w0);        \
    s[1] = cfu_mac4_add1(x, w1);        \
    s[2] = cfu_mac4_add2(x, w2);        \
    s[3] = cfu_mac4_add3(x, w3);        \
    s[4] = cfu_mac4_add4(y, w0);        \
    s[5] = cfu_mac4_add5(y, w1);        \
    s[6] = cfu_mac4_add6(y, w2);        \
    s[7] = cfu_mac4_add7(y, w3);        \
  } while (0)

static inline int8_t requantize(const struct product *p, const struct cfukit_channel *channel, uint32_t sum) {
  const int32_t scaled = cfukit_multiply_small((int32_t)sum, channel->multiplier, -channel->shift);
  return cfukit_to_int8(scaled, p->output_zero_point, p->low, p->high);
}

/* Rows a and b times the four channels at `w`, which begin with channel `c`; stores those in first_channel .. end_channel. */
__attribute__((noinline)) static void block(const struct product *p, const word *a, const word *b, const word *w, int32_t c,
                                            int8_t *out_a, int8_t *out_b) {
  const struct cfukit_channel *channel = p->channels + c;
  const int whole = c >= p->first_channel && c + 4 <= p->end_channel;
  uint32_t s[8], bias[4] = {0, 0, 0, 0};
  for (int32_t i = 0; i < 4; i++) {
    if (whole || (c + i >= p->first_channel && c + i < p->end_channel)) bias[i] = (uint32_t)channel[i].bias;
  }
  cfu_acc_swap0(bias[0]);
  cfu_acc_swap1(bias[1]);
  cfu_acc_swap2(bias[2]);
  cfu_acc_swap3(bias[3]);
  cfu_acc_swap4(bias[0]);
  cfu_acc_swap5(bias[1]);
  cfu_acc_swap6(bias[2]);
  cfu_acc_swap7(bias[3]);
  const word *const end = a + p->words;
  if (p->words & 1) {
    uint32_t x = *a++, y = *b++, w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3];
    LOADED_6(x, y, w0, w1, w2, w3);
    w += 4;
    MAC4_STEP(x, y, w0, w1, w2, w3);
  }
  while (a != end) {
    uint32_t x = a[0], y = b[0], w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3];
    uint32_t z = a[1], t = b[1], w4 = w[4], w5 = w[5], w6 = w[6], w7 = w[7];
    a += 2, b += 2, w += 8;
    LOADED_6(x, y, w0, w1, w2, w3);
    LOADED_6(z, t, w4, w5, w6, w7);
    MAC4_STEP(x, y, w0, w1, w2, w3);
    MAC4_STEP(z, t, w4, w5, w6, w7);
  }
  if (whole) {
    for (int32_t i = 0; i < 4; i++) { /* unrolled by the compiler; a row that does not exist has b = a, out_b = out_a */
      out_b[i] = requantize(p, &channel[i], s[4 + i]);
      out_a[i] = requantize(p, &channel[i], s[i]);
    }
  } else {
    for (int32_t i = 0; i < 4; i++) {
      if (c + i < p->first_channel || c + i >= p->end_channel) continue;
      out_b[i] = requantize(p, &channel[i], s[4 + i]);
      out_a[i] = requantize(p, &channel[i], s[i]);
    }
  }
}

static void multiply(const struct product *p) {
  const int32_t stride = p->row_stride / 4;
  for (int32_t c = p->first_channel & ~3; c < p->end_channel; c += 4) {
    const word *w = p->weights + c * p->words;
    const word *row = (const word *)(const void *)p->rows;
    int8_t *out = p->output + c;
    for (int32_t r = p->n_rows; r > 0; r -= 2) {
      const int alone = r == 1;
      block(p, row, alone ? row : row + stride, w, c, out, alone ? out : out + p->output_stride);
      row += 2 * stride, out += 2 * p->output_stride;
    }
  }
}

static int8_t *copy(int8_t *to, const int8_t *from, int32_t count) {
  if ((((uintptr_t)to | (uintptr_t)from | (uintptr_t)count) & 3) == 0) {
    for (; count; count -= 4, to += 4, from += 4) *(word *)(void *)to = *(const word *)(const void *)from;
  }
  for (; count; count--) *to++ = *from++;
  return to;
}

static int8_t *fill(int8_t *to, int32_t value, int32_t count) {
  for (; count; count--) *to++ = (int8_t)value;
  return to;
}

/* The taps of the window at (top, left), row by row; `input` points at the group's first channel. */
static void gather(const struct cfukit_conv *p, const int8_t *input, int32_t top, int32_t left, int8_t *to) {
  const int32_t channels = p->filter_channels, pixel = p->input_channels;
  const int whole = p->dilation_width == 1 && channels == pixel && left >= 0 && left + p->filter_width <= p->input_width;
  for (int32_t filter_y = 0; filter_y < p->filter_height; filter_y++) {
    const int32_t y = top + filter_y * p->dilation_height;
    const int8_t *row = input + y * p->input_width * pixel;
    if (y < 0 || y >= p->input_height) {
      to = fill(to, p->input_zero_point, p->filter_width * channels);
    } else if (whole) {
      to = copy(to, row + left * pixel, p->filter_width * channels);
    } else {
      for (int32_t filter_x = 0; filter_x < p->filter_width; filter_x++) {
        const int32_t x = left + filter_x * p->dilation_width;
        if (x < 0 || x >= p->input_width) to = fill(to, p->input_zero_point, channels);
        else to = copy(to, row + x * pixel, channels);
      }
    }
  }
}

/* scratch: rows of taps for as many output positions as fit; none if the input already has the rows' form (1x1, stride 1). */
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
            gather(p, input + group * p->filter_channels, y * p->stride_height - p->padding_top,
                   x * p->stride_width - p->padding_left, to);
            if (++x == p->output_width) x = 0, y++;
          }
        }
        multiply(&m);
      }
    }
  }
}

/* scratch: the batch items one after the other, where their length is no multiple of 4. */
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
    for (int32_t b = 0; b < p->batches; b++, to += m.row_stride) copy(to, p->input + b * p->input_channels, p->input_channels);
  }
  multiply(&m);
}
