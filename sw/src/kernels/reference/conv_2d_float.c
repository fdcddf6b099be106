/* CONV_2D float32, with the plain loops of TFLM's reference kernel. */
#include "cfukit_kernels.h"
#include "float.h"
#include "offset.h"

void cfukit_reference_conv_2d_float(const void *params);

void cfukit_reference_conv_2d_float(const void *params) {
  const struct cfukit_conv *p = params;
  const float *input = (const float *)(const void *)p->input, *weights = p->weights;
  const float *bias = (const float *)(const void *)p->channels;
  float *output = (float *)(void *)p->output;
  const struct shape input_shape = {{p->batches, p->input_height, p->input_width, p->input_channels}};
  const struct shape filter_shape = {{p->output_channels, p->filter_height, p->filter_width, p->filter_channels}};
  const struct shape output_shape = {{p->batches, p->output_height, p->output_width, p->output_channels}};
  const int32_t filters_per_group = p->output_channels / (p->input_channels / p->filter_channels);
  for (int32_t batch = 0; batch < p->batches; batch++) {
    for (int32_t out_y = 0; out_y < p->output_height; out_y++) {
      for (int32_t out_x = 0; out_x < p->output_width; out_x++) {
        for (int32_t out_channel = 0; out_channel < p->output_channels; out_channel++) {
          const int32_t first_channel = out_channel / filters_per_group * p->filter_channels;
          float total = 0;
          for (int32_t filter_y = 0; filter_y < p->filter_height; filter_y++) {
            const int32_t in_y = out_y * p->stride_height - p->padding_top + p->dilation_height * filter_y;
            for (int32_t filter_x = 0; filter_x < p->filter_width; filter_x++) {
              const int32_t in_x = out_x * p->stride_width - p->padding_left + p->dilation_width * filter_x;
              if (in_x < 0 || in_x >= p->input_width || in_y < 0 || in_y >= p->input_height) continue;
              for (int32_t c = 0; c < p->filter_channels; c++)
                total += input[offset(&input_shape, batch, in_y, in_x, c + first_channel)] *
                         weights[offset(&filter_shape, out_channel, filter_y, filter_x, c)];
            }
          }
          output[offset(&output_shape, batch, out_y, out_x, out_channel)] =
              float_clamp(total + bias[out_channel], p->activation_min, p->activation_max);
        }
      }
    }
  }
}
