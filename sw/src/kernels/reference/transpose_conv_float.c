/* TRANSPOSE_CONV float32: each output gathers the input pixels that reach it, in their order. */
#include "cfukit_kernels.h"
#include "float.h"

void cfukit_reference_transpose_conv_float(const void *params);

static float sum_at(const struct cfukit_conv *p, const float *image, int32_t out_y, int32_t out_x, int32_t o) {
  const int32_t channels = p->input_channels;
  const float *const weights = (const float *)p->weights + o * p->filter_height * p->filter_width * channels;
  float sum = 0;
  for (int32_t filter_y = p->filter_height - 1; filter_y >= 0; filter_y--) {
    const int32_t y = out_y + p->padding_top - filter_y;
    if (y < 0 || y % p->stride_height != 0 || y / p->stride_height >= p->input_height) continue;
    for (int32_t filter_x = p->filter_width - 1; filter_x >= 0; filter_x--) {
      const int32_t x = out_x + p->padding_left - filter_x;
      if (x < 0 || x % p->stride_width != 0 || x / p->stride_width >= p->input_width) continue;
      const float *const in = image + (y / p->stride_height * p->input_width + x / p->stride_width) * channels;
      const float *const w = weights + (filter_y * p->filter_width + filter_x) * channels;
      for (int32_t c = 0; c < channels; c++) sum += in[c] * w[c];
    }
  }
  return sum;
}

void cfukit_reference_transpose_conv_float(const void *params) {
  const struct cfukit_conv *p = params;
  const float *const bias = (const float *)(const void *)p->channels;
  const float *image = (const float *)(const void *)p->input;
  float *out = (float *)(void *)p->output;
  for (int32_t batch = 0; batch < p->batches; batch++, image += p->input_height * p->input_width * p->input_channels) {
    for (int32_t y = 0; y < p->output_height; y++) {
      for (int32_t x = 0; x < p->output_width; x++) {
        for (int32_t o = 0; o < p->output_channels; o++)
          *out++ = float_clamp(sum_at(p, image, y, x, o) + bias[o], p->activation_min, p->activation_max);
      }
    }
  }
}
