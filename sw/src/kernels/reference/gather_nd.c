/* GATHER_ND. */
#include "cfukit_kernels.h"

void cfukit_reference_gather_nd(const void *params);

void cfukit_reference_gather_nd(const void *params) {
  const struct cfukit_gather_nd *p = params;
  const int32_t *indices = p->indices;
  uint8_t *output = p->output;
  for (int32_t i = 0; i < p->parts; i++) {
    const uint8_t *part = p->input;
    for (int32_t axis = 0; axis < p->depth; axis++) {
      const int32_t index = *indices++;
      if (index < 0 || index >= p->sizes[axis]) cfukit_refuse(p, (uint32_t)index);
      part += index * p->strides[axis];
    }
    for (int32_t b = 0; b < p->part_bytes; b++) *output++ = part[b];
  }
}
