/* AVERAGE_POOL_2D: four channels at a time. A multiplication replaces the division by a window's size. */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void cfukit_portable_average_pool_2d(const void *params);

#define MOST_TAPS 5000

/* floor(2^32 / count) + 1: a * this >> 32 is a / count for a * count < 2^32, which holds for sums of at most MOST_TAPS values. 0 if there
 * are more. */
static uint32_t reciprocal_of(int32_t count) {
  return count > 1 && count <= MOST_TAPS ? 0xFFFFFFFF / (uint32_t)count + 1 : 0;
}

/* sum / count to the nearest, halves away from zero. */
static inline int8_t finish(const struct cfukit_pool *p, int32_t sum, int32_t count, uint32_t reciprocal) {
  const uint32_t size = (uint32_t)((sum < 0 ? -sum : sum) + (count >> 1));
  int32_t mean = (int32_t)((uint64_t)size * reciprocal >> 32);
  if (!reciprocal) mean = (int32_t)(size / (uint32_t)count);
  return (int8_t)cfukit_clamp(sum < 0 ? -mean : mean, p->activation_min, p->activation_max);
}

void cfukit_portable_average_pool_2d(const void *params) {
  const struct cfukit_pool *p = params;
  const int32_t n = p->channels, row_bytes = p->input_width * n;
  int8_t *out = p->output;
  int32_t counted = 0; /* what `reciprocal` is of */
  uint32_t reciprocal = 0;
  for (int32_t batch = 0; batch < p->batches; batch++) {
    const int8_t *image = p->input + batch * p->input_height * row_bytes;
    for (int32_t out_y = 0; out_y < p->output_height; out_y++) {
      const int32_t top = out_y * p->stride_height - p->padding_top;
      const int32_t y0 = cfukit_max(top, 0), y1 = cfukit_min(top + p->filter_height, p->input_height);
      for (int32_t out_x = 0; out_x < p->output_width; out_x++) {
        const int32_t left = out_x * p->stride_width - p->padding_left;
        const int32_t x0 = cfukit_max(left, 0), x1 = cfukit_min(left + p->filter_width, p->input_width);
        const int8_t *first = image + y0 * row_bytes + x0 * n;
        const int32_t count = (y1 - y0) * (x1 - x0);
        if (count != counted) reciprocal = reciprocal_of(count), counted = count;
        int32_t c = 0;
        for (; c + 4 <= n; c += 4, first += 4, out += 4) {
          const int8_t *row = first;
          int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
          for (int32_t y = y0; y < y1; y++, row += row_bytes) {
            const int8_t *in = row;
            for (int32_t x = x0; x < x1; x++, in += n) s0 += in[0], s1 += in[1], s2 += in[2], s3 += in[3];
          }
          out[0] = finish(p, s0, count, reciprocal);
          out[1] = finish(p, s1, count, reciprocal);
          out[2] = finish(p, s2, count, reciprocal);
          out[3] = finish(p, s3, count, reciprocal);
        }
        for (; c < n; c++, first++) {
          int32_t sum = 0;
          for (int32_t y = 0; y < y1 - y0; y++) {
            for (int32_t x = 0; x < x1 - x0; x++) sum += first[y * row_bytes + x * n];
          }
          *out++ = finish(p, sum, count, reciprocal);
        }
      }
    }
  }
}
