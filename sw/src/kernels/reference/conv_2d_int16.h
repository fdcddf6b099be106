/* CONV_2D on int16, in the form of TFLM's reference kernel. wide: sums of 64 bits, else of 32. */
#ifndef CFUKIT_REFERENCE_CONV_2D_INT16_H
#define CFUKIT_REFERENCE_CONV_2D_INT16_H

#include "offset.h"
#include "wide.h"

static inline __attribute__((always_inline)) void conv_2d_int16(const struct cfukit_conv *p, int wide) {
  const int8_t *weights = p->weights;
  const struct shape input_shape = {{p->batches, p->input_height, p->input_width, p->input_channels}};
  const struct shape filter_shape = {{p->output_channels, p->filter_height, p->filter_width, p->filter_channels}};
  const struct shape output_shape = {{p->batches, p->output_height, p->output_width, p->output_channels}};
  const int32_t groups = p->input_channels / p->filter_channels;
  const int32_t filters_per_group = p->output_channels / groups;
  const int16_t *input = (const int16_t *)(const void *)p->input;
  int16_t *output = (int16_t *)(void *)p->output;
  for (int32_t batch = 0; batch < p->batches; batch++) {
    for (int32_t out_y = 0; out_y < p->output_height; out_y++) {
      for (int32_t out_x = 0; out_x < p->output_width; out_x++) {
        for (int32_t out_channel = 0; out_channel < p->output_channels; out_channel++) {
          const int32_t first_channel = out_channel / filters_per_group * p->filter_channels;
          int64_t sum = 0;
          for (int32_t filter_y = 0; filter_y < p->filter_height; filter_y++) {
            const int32_t in_y = out_y * p->stride_height - p->padding_top + p->dilation_height * filter_y;
            for (int32_t filter_x = 0; filter_x < p->filter_width; filter_x++) {
              const int32_t in_x = out_x * p->stride_width - p->padding_left + p->dilation_width * filter_x;
              if (in_x < 0 || in_x >= p->input_width || in_y < 0 || in_y >= p->input_height) continue;
              for (int32_t c = 0; c < p->filter_channels; c++) {
                const int32_t x = input[offset(&input_shape, batch, in_y, in_x, c + first_channel)];
                sum += x * weights[offset(&filter_shape, out_channel, filter_y, filter_x, c)];
              }
            }
          }
          output[offset(&output_shape, batch, out_y, out_x, out_channel)] =
              wide_output(p->channels, out_channel, sum, wide, p->activation_min, p->activation_max);
        }
      }
    }
  }
}

#endif
