/* The loops of MEAN, SUM and REDUCE_MAX. */
#ifndef CFUKIT_REFERENCE_REDUCE_H
#define CFUKIT_REFERENCE_REDUCE_H

#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

#ifndef REDUCED
#define REDUCED int32_t
#endif
#ifndef ELEMENT
#define ELEMENT int8_t
#endif

/* Runs `begin` for each output (out: its place), `each` for each value x that it combines, `end` after them. */
#define FOR_EACH_OUTPUT(p, begin, each, end)                                                                   \
  do {                                                                                                         \
    const int32_t *const k_ = (p)->kept_sizes, *const s_ = (p)->kept_strides;                                  \
    const int32_t *const r_ = (p)->reduced_sizes, *const t_ = (p)->reduced_strides;                            \
    ELEMENT *out = (ELEMENT *)(void *)(p)->output;                                                                                 \
    for (int32_t i0 = 0; i0 < k_[0]; i0++)                                                                     \
      for (int32_t i1 = 0; i1 < k_[1]; i1++)                                                                   \
        for (int32_t i2 = 0; i2 < k_[2]; i2++)                                                                 \
          for (int32_t i3 = 0; i3 < k_[3]; i3++, out++) {                                                      \
            const ELEMENT *const at_ = (const ELEMENT *)(const void *)(p)->input + i0 * s_[0] + i1 * s_[1] + i2 * s_[2] + i3 * s_[3];          \
            begin;                                                                                             \
            for (int32_t j0 = 0; j0 < r_[0]; j0++)                                                             \
              for (int32_t j1 = 0; j1 < r_[1]; j1++)                                                           \
                for (int32_t j2 = 0; j2 < r_[2]; j2++) {                                                       \
                  const ELEMENT *in_ = at_ + j0 * t_[0] + j1 * t_[1] + j2 * t_[2];                              \
                  for (int32_t j3 = r_[3]; j3 > 0; j3--, in_ += t_[3]) {                                       \
                    const REDUCED x = *in_;                                                                    \
                    each;                                                                                      \
                  }                                                                                            \
                }                                                                                              \
            end;                                                                                               \
          }                                                                                                    \
  } while (0)

#endif
