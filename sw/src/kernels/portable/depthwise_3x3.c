/* DEPTHWISE_CONV_2D 3x3, dilation 1, depth multiplier 1, stride 1 or 2 along x, padding at most 1 on the left: the common case.
 *
 * One channel of one output row at a time: the nine weights stay in registers, and with stride 1 each output loads three new
 * values only. A row outside the image is read from one zero point with step 0; so is a column.
 */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void cfukit_portable_depthwise_3x3(const void *params);

struct row {
  const int8_t *at;
  int32_t step;
};

static inline struct row row_at(const struct cfukit_conv *p, const int8_t *image, int32_t y, const int8_t *outside) {
  if (y < 0 || y >= p->input_height) return (struct row){outside, 0};
  return (struct row){image + y * p->input_width * p->input_channels, p->input_channels};
}

/* Output row `out` of one channel; r0..r2: the input rows, at this channel of their first pixel. */
static inline void channel_row(const struct cfukit_conv *p, struct row r0, struct row r1, struct row r2, const int8_t *weights,
                               const struct cfukit_channel *channel, int8_t *out) {
  const int32_t n = p->output_channels;
  const int32_t w00 = weights[0], w01 = weights[n], w02 = weights[2 * n];
  const int32_t w10 = weights[3 * n], w11 = weights[4 * n], w12 = weights[5 * n];
  const int32_t w20 = weights[6 * n], w21 = weights[7 * n], w22 = weights[8 * n];
  const int32_t bias = channel->bias, multiplier = channel->multiplier, right = -channel->shift;
  const int32_t zero_point = p->input_zero_point, low = p->activation_min, high = p->activation_max;
  const int32_t stride = p->stride_width, width = p->input_width;
  int32_t a0 = zero_point, a1 = zero_point, a2 = zero_point;
  int32_t next = 0; /* the column that comes next */
  if (p->padding_left == 0) {
    a0 = *r0.at, a1 = *r1.at, a2 = *r2.at;
    r0.at += r0.step, r1.at += r1.step, r2.at += r2.step;
    next = 1;
  }
  int32_t b0 = 0, b1 = 0, b2 = 0;
  if (stride == 1) {
    b0 = b1 = b2 = zero_point;
    if (next < width) {
      b0 = *r0.at, b1 = *r1.at, b2 = *r2.at;
      r0.at += r0.step, r1.at += r1.step, r2.at += r2.step;
    }
    next++;
  }
  for (int32_t x = p->output_width; x; x--) {
    if (stride == 2) {
      b0 = b1 = b2 = zero_point;
      if (next < width) {
        b0 = *r0.at, b1 = *r1.at, b2 = *r2.at;
        r0.at += r0.step, r1.at += r1.step, r2.at += r2.step;
      }
      next++;
    }
    int32_t c0 = zero_point, c1 = zero_point, c2 = zero_point;
    if (next < width) {
      c0 = *r0.at, c1 = *r1.at, c2 = *r2.at;
      r0.at += r0.step, r1.at += r1.step, r2.at += r2.step;
    }
    next++;
    const int32_t sum = bias + a0 * w00 + b0 * w01 + c0 * w02 + a1 * w10 + b1 * w11 + c1 * w12 + a2 * w20 + b2 * w21 + c2 * w22;
    const int32_t scaled = cfukit_multiply_small(sum, multiplier, right) + p->output_zero_point;
    *out = (int8_t)cfukit_clamp(scaled, low, high);
    out += n;
    if (stride == 1) {
      a0 = b0, a1 = b1, a2 = b2;
      b0 = c0, b1 = c1, b2 = c2;
    } else {
      a0 = c0, a1 = c1, a2 = c2;
    }
  }
}

void cfukit_portable_depthwise_3x3(const void *params) {
  const struct cfukit_conv *p = params;
  const int8_t outside = (int8_t)p->input_zero_point;
  int8_t *out = p->output;
  for (int32_t batch = 0; batch < p->batches; batch++) {
    const int8_t *image = p->input + batch * p->input_height * p->input_width * p->input_channels;
    for (int32_t y = 0; y < p->output_height; y++) {
      const int32_t top = y * p->stride_height - p->padding_top;
      struct row r0 = row_at(p, image, top, &outside);
      struct row r1 = row_at(p, image, top + 1, &outside);
      struct row r2 = row_at(p, image, top + 2, &outside);
      const int8_t *weights = p->weights;
      for (int32_t c = 0; c < p->output_channels; c++) {
        channel_row(p, r0, r1, r2, weights + c, &p->channels[c], out + c);
        r0.at += r0.step != 0, r1.at += r1.step != 0, r2.at += r2.step != 0;
      }
      out += p->output_width * p->output_channels;
    }
  }
}
