/* SELECT_V2. */
#include "cfukit_kernels.h"

void cfukit_reference_select_v2(const void *params);

void cfukit_reference_select_v2(const void *params) {
  const struct cfukit_select *p = params;
  const int32_t *const n = p->sizes, *const c = p->strides, *const s = p->strides1, *const t = p->strides2;
  uint8_t *out = p->output;
  for (int32_t i0 = 0; i0 < n[0]; i0++)
    for (int32_t i1 = 0; i1 < n[1]; i1++)
      for (int32_t i2 = 0; i2 < n[2]; i2++)
        for (int32_t i3 = 0; i3 < n[3]; i3++)
          for (int32_t i4 = 0; i4 < n[4]; i4++) {
            const int first = p->condition[i0 * c[0] + i1 * c[1] + i2 * c[2] + i3 * c[3] + i4 * c[4]] != 0;
            const int32_t at1 = i0 * s[0] + i1 * s[1] + i2 * s[2] + i3 * s[3] + i4 * s[4];
            const int32_t at2 = i0 * t[0] + i1 * t[1] + i2 * t[2] + i3 * t[3] + i4 * t[4];
            const uint8_t *from = first ? p->input1 + at1 * p->element_bytes : p->input2 + at2 * p->element_bytes;
            for (int32_t b = 0; b < p->element_bytes; b++) *out++ = from[b];
          }
}
