/* DEPTHWISE_CONV_2D 3x3 with dilation 1, depth multiplier 1, equal strides 1 or 2 and padding of at most 1 before: the common case.
 *
 * Weights: [channel][9], so that a channel reads one or two lines of the data cache instead of nine.
 *
 * The kernel computes one channel of a band of output rows at a time, with its nine weights in registers. A band's input fits a 4 KiB
 * data cache. Each column of three values is loaded once and serves every output that it contributes to: with stride 1 it ends one sum,
 * continues the next and begins a third. Values outside the image are the zero point. A row outside adds its part to the bias, and its
 * weights become 0.
 */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void cfukit_portable_depthwise_3x3(const void *params);

#define BAND_BYTES 3072

/* `rows` output rows of one channel. `in`: input row 0 of the first window, first pixel, this channel. valid: bit r is set if row r
 * of the window lies inside the image (rows is 1 unless all do). */
static inline __attribute__((always_inline)) void band(const struct cfukit_conv *p, int32_t stride, int32_t rows, int32_t valid,
                                                       const int8_t *in, int32_t c, int8_t *out) {
  const int32_t n = p->output_channels, zero_point = p->input_zero_point, in_row = p->input_width * n;
  const int8_t *w = (const int8_t *)p->weights + 9 * c;
  const struct cfukit_channel *channel = p->channels + c;
  int32_t bias = channel->bias;
  int32_t w00 = w[0], w01 = w[1], w02 = w[2], w10 = w[3], w11 = w[4], w12 = w[5], w20 = w[6], w21 = w[7], w22 = w[8];
  int32_t at0 = 0, at1 = in_row, at2 = 2 * in_row;
  if (!(valid & 2)) {
    bias += zero_point * (w10 + w11 + w12);
    w10 = w11 = w12 = 0;
    at1 = valid & 1 ? at0 : at2;
  }
  if (!(valid & 1)) {
    bias += zero_point * (w00 + w01 + w02);
    w00 = w01 = w02 = 0;
    at0 = at1;
  }
  if (!(valid & 4)) {
    bias += zero_point * (w20 + w21 + w22);
    w20 = w21 = w22 = 0;
    at2 = at1;
  }
  const int32_t low = p->activation_min, high = p->activation_max;
  const struct cfukit_rescale rescale = cfukit_rescale(channel->multiplier, -channel->shift, p->output_zero_point, low);
  /* A column outside is a constant. Outputs whose windows end inside the image; at most one more ends in the padding. */
  const int32_t left_outside = bias + zero_point * (w00 + w10 + w20), right_outside = zero_point * (w02 + w12 + w22);
  const int32_t fit = p->input_width + p->padding_left - 3;
  const int32_t inside = fit < 0 ? 0 : cfukit_min(fit / stride + 1, p->output_width);
#define FETCH()                   \
  do {                            \
    x0 = *r0, x1 = *r1, x2 = *r2; \
    r0 += n, r1 += n, r2 += n;    \
  } while (0)
#define LEFT (x0 * w00 + x1 * w10 + x2 * w20)
#define MIDDLE (x0 * w01 + x1 * w11 + x2 * w21)
#define RIGHT (x0 * w02 + x1 * w12 + x2 * w22)
  for (; rows > 0; rows--, in += stride * in_row) {
    const int8_t *r0 = in + at0, *r1 = in + at1, *r2 = in + at2;
    int32_t x0, x1, x2, begun = left_outside, half = 0;
    if (!p->padding_left) {
      FETCH();
      begun = bias + LEFT;
    }
    if (stride == 1) {
      FETCH();
      half = begun + MIDDLE;
      begun = bias + LEFT;
    }
    for (int32_t x = inside; x > 0; x--) {
      FETCH();
      if (stride == 2) {
        half = begun + MIDDLE;
        FETCH();
      }
      const int32_t sum = half + RIGHT;
      if (stride == 1) half = begun + MIDDLE;
      begun = bias + LEFT;
      *out = cfukit_output(&rescale, sum, low, high);
      out += n;
    }
    if (inside < p->output_width) {
      if (stride == 2) {
        FETCH();
        half = begun + MIDDLE;
      }
      *out = cfukit_output(&rescale, half + right_outside, low, high);
      out += n;
    }
  }
#undef FETCH
#undef LEFT
#undef MIDDLE
#undef RIGHT
}

/* Separate functions, because inside the loops of the kernel there would not be enough registers. */
__attribute__((noinline)) static void band_stride_1(const struct cfukit_conv *p, int32_t rows, int32_t valid, const int8_t *in,
                                                    int32_t c, int8_t *out) {
  band(p, 1, rows, valid, in, c, out);
}

__attribute__((noinline)) static void band_stride_2(const struct cfukit_conv *p, int32_t rows, int32_t valid, const int8_t *in,
                                                    int32_t c, int8_t *out) {
  band(p, 2, rows, valid, in, c, out);
}

/* Bit r: row top + r lies inside the image. */
static int32_t valid_rows(const struct cfukit_conv *p, int32_t top) {
  int32_t valid = 0;
  for (int32_t r = 0; r < 3; r++) valid |= (top + r >= 0 && top + r < p->input_height) << r;
  return valid;
}

void cfukit_portable_depthwise_3x3(const void *params) {
  const struct cfukit_conv *p = params;
  const int32_t n = p->output_channels, in_row = p->input_width * n, out_row = p->output_width * n;
  const int32_t stride = p->stride_height;
  const int32_t band_rows = cfukit_max(1, (BAND_BYTES / in_row - 2) / stride);
  const int8_t *image = p->input;
  int8_t *out = p->output;
  for (int32_t batch = 0; batch < p->batches; batch++, image += p->input_height * in_row) {
    int32_t rows;
    for (int32_t y = 0; y < p->output_height; y += rows, out += rows * out_row) {
      const int32_t top = y * stride - p->padding_top, valid = valid_rows(p, top);
      rows = 1;
      while (valid == 7 && rows < band_rows && y + rows < p->output_height && valid_rows(p, top + rows * stride) == 7) rows++;
      const int8_t *in = image + top * in_row;
      for (int32_t c = 0; c < n; c++) {
        if (stride == 1) band_stride_1(p, rows, valid, in + c, c, out + c);
        else band_stride_2(p, rows, valid, in + c, c, out + c);
      }
    }
  }
}
