/* SLICE whose begins or sizes other operators compute. */
#include "cfukit_kernels.h"

void cfukit_reference_slice(const void *params);

typedef int64_t __attribute__((aligned(4))) word64; /* tensors begin at words */

static int64_t number(const void *values, int32_t bytes, int32_t i) {
  return bytes == 4 ? ((const int32_t *)values)[i] : ((const word64 *)values)[i];
}

void cfukit_reference_slice(const void *params) {
  const struct cfukit_slice *p = params;
  const uint8_t *place = p->input;
  for (int32_t axis = 0; axis < p->rank; axis++) {
    const int32_t at = 5 - p->rank + axis;
    const int64_t begin = number(p->begins, p->begin_bytes, axis), size = number(p->sizes, p->size_bytes, axis);
    if (size != -1 && size != p->output_sizes[at]) cfukit_refuse(p, (uint32_t)size);
    if (begin < 0 || begin > p->rooms[at] || (size == -1 && begin != p->rooms[at])) cfukit_refuse(p, (uint32_t)begin);
    place += (int32_t)begin * p->strides[at];
  }
  uint8_t *output = p->output;
  const int32_t *const n = p->output_sizes, *const s = p->strides;
  for (int32_t i0 = 0; i0 < n[0]; i0++)
    for (int32_t i1 = 0; i1 < n[1]; i1++)
      for (int32_t i2 = 0; i2 < n[2]; i2++)
        for (int32_t i3 = 0; i3 < n[3]; i3++) {
          const uint8_t *row = place + i0 * s[0] + i1 * s[1] + i2 * s[2] + i3 * s[3];
          for (int32_t b = n[4] * s[4]; b > 0; b--) *output++ = *row++;
        }
}
