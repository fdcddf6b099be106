/* MAX_POOL_2D, with the plain loops of TFLM's reference kernel, on `element`. */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"
#include "offset.h"

static inline void max_pool_2d(const struct cfukit_pool *p, int32_t lowest) {
  const element *input = (const element *)(const void *)p->input;
  element *output = (element *)(void *)p->output;
  const struct shape input_shape = {{p->batches, p->input_height, p->input_width, p->channels}};
  const struct shape output_shape = {{p->batches, p->output_height, p->output_width, p->channels}};
  for (int32_t batch = 0; batch < p->batches; batch++) {
    for (int32_t out_y = 0; out_y < p->output_height; out_y++) {
      for (int32_t out_x = 0; out_x < p->output_width; out_x++) {
        for (int32_t channel = 0; channel < p->channels; channel++) {
          const int32_t top = out_y * p->stride_height - p->padding_top;
          const int32_t left = out_x * p->stride_width - p->padding_left;
          const int32_t y_end = cfukit_min(p->filter_height, p->input_height - top);
          const int32_t x_end = cfukit_min(p->filter_width, p->input_width - left);
          int32_t largest = lowest;
          for (int32_t y = cfukit_max(0, -top); y < y_end; y++) {
            for (int32_t x = cfukit_max(0, -left); x < x_end; x++) {
              largest = cfukit_max(largest, input[offset(&input_shape, batch, top + y, left + x, channel)]);
            }
          }
          output[offset(&output_shape, batch, out_y, out_x, channel)] =
              (element)cfukit_clamp(largest, p->activation_min, p->activation_max);
        }
      }
    }
  }
}
