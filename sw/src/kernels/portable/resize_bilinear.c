/* RESIZE_BILINEAR int8: a pixel's four weights are computed once for all channels. */
#include "cfukit_kernels.h"

void cfukit_portable_resize_bilinear(const void *params);

void cfukit_portable_resize_bilinear(const void *params) {
  const struct cfukit_resize *p = params;
  const int32_t channels = p->channels, row_bytes = p->input_width * channels;
  int8_t *out = p->output;
  for (int32_t batch = 0; batch < p->batches; batch++) {
    const int8_t *const image = p->input + batch * p->input_height * row_bytes;
    for (int32_t y = 0; y < p->output_height; y++) {
      const int32_t *const row = p->rows + 3 * y, fy = row[2], gy = 1024 - fy;
      const int8_t *const top = image + row[0] * row_bytes, *const bottom = image + row[1] * row_bytes;
      const int32_t *column = p->columns;
      for (int32_t x = 0; x < p->output_width; x++, column += 3) {
        const int8_t *a = top + column[0] * channels, *b = bottom + column[0] * channels;
        const int8_t *c = top + column[1] * channels, *d = bottom + column[1] * channels;
        const int32_t fx = column[2], gx = 1024 - fx, wa = gy * gx, wb = fy * gx, wc = gy * fx, wd = fy * fx;
        const int8_t *const end = out + channels;
        while (out != end) {
          const int32_t sum = *a++ * wa + *b++ * wb + *c++ * wc + *d++ * wd;
          /* (sum +- 2^19) / 2^20 towards zero, with the sum's sign: to the nearest, halves away from zero */
          *out++ = (int8_t)((sum + (1 << 19) - (sum < 0)) >> 20);
        }
      }
    }
  }
}
