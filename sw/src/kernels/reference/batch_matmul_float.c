/* BATCH_MATMUL float32. */
#include "cfukit_kernels.h"

void cfukit_reference_batch_matmul_float(const void *params);

void cfukit_reference_batch_matmul_float(const void *params) {
  const struct cfukit_batch_matmul *p = params;
  const int32_t *const n = p->sizes, *const s = p->strides1, *const t = p->strides2;
  float *out = p->output;
  for (int32_t i0 = 0; i0 < n[0]; i0++)
    for (int32_t i1 = 0; i1 < n[1]; i1++)
      for (int32_t i2 = 0; i2 < n[2]; i2++) {
        const float *const a = (const float *)p->input1 + i0 * s[0] + i1 * s[1] + i2 * s[2];
        const float *const b = (const float *)p->input2 + i0 * t[0] + i1 * t[1] + i2 * t[2];
        for (int32_t row = 0; row < p->rows; row++)
          for (int32_t column = 0; column < p->columns; column++) {
            float sum = 0;
            for (int32_t k = 0; k < p->depth; k++)
              sum += a[row * p->row_stride1 + k * p->depth_stride1] * b[k * p->depth_stride2 + column * p->column_stride2];
            *out++ = sum;
          }
      }
}
