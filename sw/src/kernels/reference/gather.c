/* GATHER. */
#include "cfukit_kernels.h"

void cfukit_reference_gather(const void *params);

void cfukit_reference_gather(const void *params) {
  const struct cfukit_gather *p = params;
  const uint8_t *input = p->input;
  uint8_t *output = p->output;
  for (int32_t batch = 0; batch < p->batches; batch++) {
    for (int32_t outer = 0; outer < p->outer; outer++, input += p->depth * p->part_bytes) {
      for (int32_t i = 0; i < p->count; i++) {
        const int32_t index = p->indices[batch * p->count + i];
        if (index < 0 || index >= p->depth) cfukit_refuse(p, (uint32_t)index);
        const uint8_t *part = input + index * p->part_bytes;
        for (int32_t b = 0; b < p->part_bytes; b++) *output++ = part[b];
      }
    }
  }
}
