/* The loops of all comparisons; `holds` is the one in question. */
#ifndef CFUKIT_REFERENCE_COMPARE_H
#define CFUKIT_REFERENCE_COMPARE_H

#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

typedef int64_t __attribute__((aligned(4))) word64; /* tensors begin at words */
typedef int comparison(int64_t a, int64_t b);

static inline int64_t compared(const void *values, int32_t index, int32_t bytes) {
  if (bytes == 1) return ((const int8_t *)values)[index];
  return bytes == 4 ? ((const int32_t *)values)[index] : ((const word64 *)values)[index];
}

static inline __attribute__((always_inline)) void compare(const struct cfukit_compare *p, comparison *holds) {
  const int32_t *const n = p->sizes, *const s = p->strides1, *const t = p->strides2;
  uint8_t *out = p->output;
  for (int32_t i0 = 0; i0 < n[0]; i0++)
    for (int32_t i1 = 0; i1 < n[1]; i1++)
      for (int32_t i2 = 0; i2 < n[2]; i2++)
        for (int32_t i3 = 0; i3 < n[3]; i3++)
          for (int32_t i4 = 0; i4 < n[4]; i4++) {
            const int32_t at1 = i0 * s[0] + i1 * s[1] + i2 * s[2] + i3 * s[3] + i4 * s[4];
            const int32_t at2 = i0 * t[0] + i1 * t[1] + i2 * t[2] + i3 * t[3] + i4 * t[4];
            int64_t a = compared(p->input1, at1, p->element_bytes), b = compared(p->input2, at2, p->element_bytes);
            if (p->left_shift != 0) {
              a = cfukit_multiply(cfukit_shift_left((int32_t)a - p->zero_point1, p->left_shift), p->multiplier1, p->shift1);
              b = cfukit_multiply(cfukit_shift_left((int32_t)b - p->zero_point2, p->left_shift), p->multiplier2, p->shift2);
            }
            *out++ = (uint8_t)holds(a, b);
          }
}

#endif
