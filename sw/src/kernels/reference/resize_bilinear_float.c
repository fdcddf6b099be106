/* RESIZE_BILINEAR float32; the host computed places. */
#include "cfukit_kernels.h"
#include "float.h"

void cfukit_reference_resize_bilinear_float(const void *params);

void cfukit_reference_resize_bilinear_float(const void *params) {
  const struct cfukit_resize *p = params;
  const float *image = (const float *)(const void *)p->input;
  float *out = (float *)(void *)p->output;
  for (int32_t batch = 0; batch < p->batches; batch++, image += p->input_height * p->input_width * p->channels) {
    for (int32_t y = 0; y < p->output_height; y++) {
      const int32_t *row = p->rows + 3 * y;
      const float *top = image + row[0] * p->input_width * p->channels, *bottom = image + row[1] * p->input_width * p->channels;
      const float fy = float_of(row[2]), gy = 1.0f - fy;
      for (int32_t x = 0; x < p->output_width; x++) {
        const int32_t *column = p->columns + 3 * x;
        const int32_t left = column[0] * p->channels, right = column[1] * p->channels;
        const float fx = float_of(column[2]), gx = 1.0f - fx;
        for (int32_t c = 0; c < p->channels; c++)
          *out++ = top[left + c] * gy * gx + bottom[left + c] * fy * gx + top[right + c] * gy * fx + bottom[right + c] * fy * fx;
      }
    }
  }
}
