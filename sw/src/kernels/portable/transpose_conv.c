/* TRANSPOSE_CONV int8: each output gathers the input pixels that reach it, four output channels at a time.
 *
 * Weights and bias are as in the file. Only rows of the filter that are a multiple of the stride apart contribute to an output row, and
 * the input rows that they meet follow each other backwards. The same holds for columns. So the loops need no division and no test.
 */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"
#include "dot.h"

void cfukit_portable_transpose_conv(const void *params);

/* Along one axis: the filter's taps first, first + stride, ... meet the inputs at, at - 1, ...; `count` of them. */
struct taps {
  int32_t first, at, count;
};

static struct taps taps_of(int32_t output, int32_t stride, int32_t filter, int32_t inputs) {
  struct taps t = {.at = output / stride, .count = 0};
  t.first = output - t.at * stride;
  if (t.at >= inputs) { /* beyond the image: begin at its last pixel */
    t.first += (t.at - inputs + 1) * stride;
    t.at = inputs - 1;
  }
  if (t.first < filter) t.count = cfukit_min((filter - t.first - 1) / stride, t.at) + 1;
  return t;
}

__attribute__((noinline)) static void outputs(const struct cfukit_conv *p, const int8_t *image, struct taps rows,
                                              struct taps columns, int8_t *out) {
  const int32_t depth = p->input_channels, filter = p->filter_height * p->filter_width * depth;
  const int32_t in_row = p->input_width * depth, filter_row = p->filter_width * depth;
  const int8_t *const first = image + rows.at * in_row + columns.at * depth;
  const int32_t first_tap = rows.first * filter_row + columns.first * depth;
  for (int32_t c = 0; c < p->output_channels; c += 4) {
    const struct cfukit_channel *channel = p->channels + c;
    const int32_t n = cfukit_min(4, p->output_channels - c);
    const int8_t *const w = (const int8_t *)p->weights + c * filter + first_tap;
    const int32_t second = n > 1 ? filter : 0, third = n > 2 ? 2 * filter : 0, fourth = n > 3 ? 3 * filter : 0;
    struct sums sums = {0, 0, 0, 0};
    for (int32_t y = 0; y < rows.count; y++) {
      const int8_t *in = first - y * in_row, *tap = w + y * p->stride_height * filter_row;
      for (int32_t x = 0; x < columns.count; x++, in -= depth, tap += p->stride_width * depth) {
        const int8_t *const four[4] = {tap, tap + second, tap + third, tap + fourth};
        dot_by_4(in, p->input_zero_point, four, depth, &sums);
      }
    }
    const int32_t values[4] = {sums.s0, sums.s1, sums.s2, sums.s3};
    for (int32_t i = 0; i < n; i++) {
      const struct cfukit_rescale rescale =
          cfukit_rescale(channel[i].multiplier, -channel[i].shift, p->output_zero_point, p->activation_min);
      out[c + i] = cfukit_output(&rescale, values[i] + channel[i].bias, p->activation_min, p->activation_max);
    }
  }
}

void cfukit_portable_transpose_conv(const void *params) {
  const struct cfukit_conv *p = params;
  int8_t *out = p->output;
  for (int32_t batch = 0; batch < p->batches; batch++) {
    const int8_t *image = p->input + batch * p->input_height * p->input_width * p->input_channels;
    for (int32_t y = 0; y < p->output_height; y++) {
      const struct taps rows = taps_of(y + p->padding_top, p->stride_height, p->filter_height, p->input_height);
      for (int32_t x = 0; x < p->output_width; x++, out += p->output_channels) {
        outputs(p, image, rows, taps_of(x + p->padding_left, p->stride_width, p->filter_width, p->input_width), out);
      }
    }
  }
}
