/* MAX_POOL_2D: channel by channel, no index arithmetic inside the window. */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void cfukit_portable_max_pool_2d(const void *params);

void cfukit_portable_max_pool_2d(const void *params) {
  const struct cfukit_pool *p = params;
  const int32_t n = p->channels, row_bytes = p->input_width * n;
  int8_t *out = p->output;
  for (int32_t batch = 0; batch < p->batches; batch++) {
    const int8_t *image = p->input + batch * p->input_height * row_bytes;
    for (int32_t out_y = 0; out_y < p->output_height; out_y++) {
      const int32_t top = out_y * p->stride_height - p->padding_top;
      const int32_t y0 = cfukit_max(top, 0), rows = cfukit_min(top + p->filter_height, p->input_height) - y0;
      for (int32_t out_x = 0; out_x < p->output_width; out_x++) {
        const int32_t left = out_x * p->stride_width - p->padding_left;
        const int32_t x0 = cfukit_max(left, 0), columns = cfukit_min(left + p->filter_width, p->input_width) - x0;
        const int8_t *first = image + y0 * row_bytes + x0 * n;
        for (int32_t c = 0; c < n; c++, first++) {
          const int8_t *row = first;
          int32_t largest = INT8_MIN;
          for (int32_t y = rows; y > 0; y--, row += row_bytes) {
            const int8_t *in = row;
            for (int32_t x = columns; x > 0; x--, in += n) largest = cfukit_max(largest, *in);
          }
          *out++ = (int8_t)cfukit_clamp(largest, p->activation_min, p->activation_max);
        }
      }
    }
  }
}
