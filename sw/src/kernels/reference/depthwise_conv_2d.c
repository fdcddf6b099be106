/* DEPTHWISE_CONV_2D, with the plain loops of TFLM's reference kernel: a bounds check and 4-D indices for each tap. */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"
#include "offset.h"

void cfukit_reference_depthwise_conv_2d(const void *params);

void cfukit_reference_depthwise_conv_2d(const void *params) {
  const struct cfukit_conv *p = params;
  const int8_t *weights = p->weights;
  const struct shape input_shape = {{p->batches, p->input_height, p->input_width, p->input_channels}};
  const struct shape filter_shape = {{1, p->filter_height, p->filter_width, p->output_channels}};
  const struct shape output_shape = {{p->batches, p->output_height, p->output_width, p->output_channels}};
  for (int32_t batch = 0; batch < p->batches; batch++) {
    for (int32_t out_y = 0; out_y < p->output_height; out_y++) {
      for (int32_t out_x = 0; out_x < p->output_width; out_x++) {
        for (int32_t in_channel = 0; in_channel < p->input_channels; in_channel++) {
          for (int32_t m = 0; m < p->depth_multiplier; m++) {
            const int32_t out_channel = m + in_channel * p->depth_multiplier;
            const int32_t in_x_origin = out_x * p->stride_width - p->padding_left;
            const int32_t in_y_origin = out_y * p->stride_height - p->padding_top;
            int32_t sum = 0;
            for (int32_t filter_y = 0; filter_y < p->filter_height; filter_y++) {
              for (int32_t filter_x = 0; filter_x < p->filter_width; filter_x++) {
                const int32_t in_x = in_x_origin + p->dilation_width * filter_x;
                const int32_t in_y = in_y_origin + p->dilation_height * filter_y;
                const int inside = in_x >= 0 && in_x < p->input_width && in_y >= 0 && in_y < p->input_height;
                if (inside) {
                  const int32_t x = p->input[offset(&input_shape, batch, in_y, in_x, in_channel)];
                  const int32_t w = weights[offset_in_filter(&filter_shape, filter_y, filter_x, out_channel)];
                  sum += w * (x - p->input_zero_point);
                }
              }
            }
            const struct cfukit_channel *channel = &p->channels[out_channel];
            sum = cfukit_multiply(cfukit_add(sum, channel->bias), channel->multiplier, channel->shift);
            sum = cfukit_add(sum, p->output_zero_point);
            p->output[offset(&output_shape, batch, out_y, out_x, out_channel)] =
                (int8_t)cfukit_clamp(sum, p->activation_min, p->activation_max);
          }
        }
      }
    }
  }
}
