/* RESIZE_BILINEAR int8; the host computed indices and fractions. */
#include "cfukit_kernels.h"

void cfukit_reference_resize_bilinear(const void *params);

void cfukit_reference_resize_bilinear(const void *params) {
  const struct cfukit_resize *p = params;
  int8_t *out = p->output;
  for (int32_t batch = 0; batch < p->batches; batch++) {
    const int8_t *image = p->input + batch * p->input_height * p->input_width * p->channels;
    for (int32_t y = 0; y < p->output_height; y++) {
      const int32_t *row = p->rows + 3 * y;
      const int8_t *top = image + row[0] * p->input_width * p->channels, *bottom = image + row[1] * p->input_width * p->channels;
      for (int32_t x = 0; x < p->output_width; x++) {
        const int32_t *column = p->columns + 3 * x;
        const int32_t left = column[0] * p->channels, right = column[1] * p->channels;
        const int32_t fy = row[2], fx = column[2], gy = 1024 - fy, gx = 1024 - fx;
        for (int32_t c = 0; c < p->channels; c++) {
          const int32_t sum = top[left + c] * gy * gx + bottom[left + c] * fy * gx + top[right + c] * gy * fx +
                              bottom[right + c] * fy * fx;
          *out++ = (int8_t)((sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20));
        }
      }
    }
  }
}
