/* TRANSPOSE_CONV int8: each output gathers the input pixels that reach it. */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void cfukit_reference_transpose_conv(const void *params);

static int32_t sum_at(const struct cfukit_conv *p, const int8_t *image, int32_t out_y, int32_t out_x, int32_t o) {
  const int32_t channels = p->input_channels;
  const int8_t *weights = (const int8_t *)p->weights + o * p->filter_height * p->filter_width * channels;
  int32_t sum = 0;
  for (int32_t filter_y = 0; filter_y < p->filter_height; filter_y++) {
    const int32_t y = out_y + p->padding_top - filter_y;
    if (y < 0 || y % p->stride_height != 0 || y / p->stride_height >= p->input_height) continue;
    for (int32_t filter_x = 0; filter_x < p->filter_width; filter_x++) {
      const int32_t x = out_x + p->padding_left - filter_x;
      if (x < 0 || x % p->stride_width != 0 || x / p->stride_width >= p->input_width) continue;
      const int8_t *in = image + (y / p->stride_height * p->input_width + x / p->stride_width) * channels;
      const int8_t *w = weights + (filter_y * p->filter_width + filter_x) * channels;
      for (int32_t c = 0; c < channels; c++) sum += (in[c] - p->input_zero_point) * w[c];
    }
  }
  return cfukit_add(sum, p->channels[o].bias);
}

void cfukit_reference_transpose_conv(const void *params) {
  const struct cfukit_conv *p = params;
  int8_t *out = p->output;
  for (int32_t batch = 0; batch < p->batches; batch++) {
    const int8_t *image = p->input + batch * p->input_height * p->input_width * p->input_channels;
    for (int32_t y = 0; y < p->output_height; y++) {
      for (int32_t x = 0; x < p->output_width; x++) {
        for (int32_t o = 0; o < p->output_channels; o++) {
          const struct cfukit_channel *channel = &p->channels[o];
          const int32_t scaled = cfukit_multiply(sum_at(p, image, y, x, o), channel->multiplier, channel->shift);
          *out++ = (int8_t)cfukit_clamp(cfukit_add(scaled, p->output_zero_point), p->activation_min, p->activation_max);
        }
      }
    }
  }
}
