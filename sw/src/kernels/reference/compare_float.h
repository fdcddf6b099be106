/* The loops of all comparisons of float32; `holds` is the one in question. */
#ifndef CFUKIT_REFERENCE_COMPARE_FLOAT_H
#define CFUKIT_REFERENCE_COMPARE_FLOAT_H

#include "cfukit_kernels.h"

#define COMPARE_FLOAT(p, holds)                                                                            \
  do {                                                                                                     \
    const int32_t *const n_ = (p)->sizes, *const s_ = (p)->strides1, *const t_ = (p)->strides2;            \
    uint8_t *out_ = (p)->output;                                                                           \
    for (int32_t i0 = 0; i0 < n_[0]; i0++)                                                                 \
      for (int32_t i1 = 0; i1 < n_[1]; i1++)                                                               \
        for (int32_t i2 = 0; i2 < n_[2]; i2++)                                                             \
          for (int32_t i3 = 0; i3 < n_[3]; i3++) {                                                         \
            const float *a_ = (const float *)(p)->input1 + i0 * s_[0] + i1 * s_[1] + i2 * s_[2] + i3 * s_[3]; \
            const float *b_ = (const float *)(p)->input2 + i0 * t_[0] + i1 * t_[1] + i2 * t_[2] + i3 * t_[3]; \
            for (int32_t i4 = n_[4]; i4 > 0; i4--, a_ += s_[4], b_ += t_[4]) {                             \
              const float a = *a_, b = *b_;                                                                \
              *out_++ = (holds) ? 1 : 0;                                                                   \
            }                                                                                              \
          }                                                                                                \
  } while (0)

#endif
