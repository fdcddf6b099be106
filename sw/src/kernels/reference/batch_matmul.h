/* The loops of BATCH_MATMUL. `finish` makes an output of a sum. */
#ifndef CFUKIT_REFERENCE_BATCH_MATMUL_H
#define CFUKIT_REFERENCE_BATCH_MATMUL_H

#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

#define BATCH_MATMUL(p, element, accumulator, finish)                                                          \
  do {                                                                                                         \
    const int32_t *const n_ = (p)->sizes, *const s_ = (p)->strides1, *const t_ = (p)->strides2;                \
    element *out = (p)->output;                                                                                \
    for (int32_t i0 = 0; i0 < n_[0]; i0++)                                                                     \
      for (int32_t i1 = 0; i1 < n_[1]; i1++)                                                                   \
        for (int32_t i2 = 0; i2 < n_[2]; i2++) {                                                               \
          const element *const a = (const element *)(p)->input1 + i0 * s_[0] + i1 * s_[1] + i2 * s_[2];        \
          const element *const b = (const element *)(p)->input2 + i0 * t_[0] + i1 * t_[1] + i2 * t_[2];        \
          for (int32_t row = 0; row < (p)->rows; row++)                                                        \
            for (int32_t column = 0; column < (p)->columns; column++) {                                        \
              accumulator sum = 0;                                                                             \
              for (int32_t k = 0; k < (p)->depth; k++) {                                                       \
                const int32_t x = a[row * (p)->row_stride1 + k * (p)->depth_stride1] - (p)->zero_point1;       \
                const int32_t y = b[k * (p)->depth_stride2 + column * (p)->column_stride2] - (p)->zero_point2; \
                sum += x * y;                                                                                  \
              }                                                                                                \
              *out++ = (element)(finish);                                                                      \
            }                                                                                                  \
        }                                                                                                      \
  } while (0)

#endif
