/* MAX_POOL_2D: four channels at a time. */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void cfukit_portable_max_pool_2d(const void *params);

/* `n` channels, 1 or 4, of one window from `row` on. */
static inline __attribute__((always_inline)) void window(const struct cfukit_pool *p, const int8_t *row, int32_t rows,
                                                         int32_t columns, int32_t n, int8_t *out) {
  const int32_t step = p->channels, row_bytes = p->input_width * step, low = p->activation_min, high = p->activation_max;
  int32_t a = low, b = low, c = low, d = low;
  for (; rows > 0; rows--, row += row_bytes) {
    const int8_t *in = row;
    for (int32_t x = columns; x > 0; x--, in += step) {
      a = cfukit_max(a, in[0]);
      if (n == 4) b = cfukit_max(b, in[1]), c = cfukit_max(c, in[2]), d = cfukit_max(d, in[3]);
    }
  }
  out[0] = (int8_t)cfukit_min(a, high);
  if (n == 4) out[1] = (int8_t)cfukit_min(b, high), out[2] = (int8_t)cfukit_min(c, high), out[3] = (int8_t)cfukit_min(d, high);
}

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
        int32_t c = 0;
        for (; c + 4 <= n; c += 4, first += 4, out += 4) window(p, first, rows, columns, 4, out);
        for (; c < n; c++) window(p, first++, rows, columns, 1, out++);
      }
    }
  }
}
