/* The loops over a broadcast pair of inputs, for every operator of struct cfukit_binary. */
#ifndef CFUKIT_REFERENCE_ELEMENTWISE_H
#define CFUKIT_REFERENCE_ELEMENTWISE_H

#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

/* Runs the statement behind the types for each innermost run of `count` elements: inputs a and b with their strides, dense output out.
   type2 is the type of b. */
#define FOR_EACH_RUN_OF(p, type, type2, ...)                                                                   \
  do {                                                                                                         \
    const int32_t *const n_ = (p)->sizes, *const s_ = (p)->strides1, *const t_ = (p)->strides2;                \
    const int32_t count = n_[4], a_stride = s_[4], b_stride = t_[4];                                           \
    type *out = (p)->output;                                                                                   \
    for (int32_t i0 = 0; i0 < n_[0]; i0++)                                                                     \
      for (int32_t i1 = 0; i1 < n_[1]; i1++)                                                                   \
        for (int32_t i2 = 0; i2 < n_[2]; i2++)                                                                 \
          for (int32_t i3 = 0; i3 < n_[3]; i3++) {                                                             \
            const type *a = (const type *)(p)->input1 + i0 * s_[0] + i1 * s_[1] + i2 * s_[2] + i3 * s_[3];     \
            const type2 *b = (const type2 *)(p)->input2 + i0 * t_[0] + i1 * t_[1] + i2 * t_[2] + i3 * t_[3];   \
            __VA_ARGS__                                                                                        \
          }                                                                                                    \
  } while (0)

#define FOR_EACH_RUN(p, type, ...) FOR_EACH_RUN_OF(p, type, type, __VA_ARGS__)

/* Runs `statement` for each element, with x1, x2 (values) and out (pointer to the result's place). */
#define FOR_EACH_PAIR_OF(p, type, type2, statement)                                 \
  FOR_EACH_RUN_OF(p, type, type2, {                                                 \
    for (int32_t i4 = count; i4 > 0; i4--, a += a_stride, b += b_stride, out++) {   \
      const int32_t x1 = *a, x2 = *b;                                               \
      statement                                                                     \
    }                                                                               \
  })

#define FOR_EACH_PAIR(p, type, statement) FOR_EACH_PAIR_OF(p, type, type, statement)

#endif
