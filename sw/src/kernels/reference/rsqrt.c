/* RSQRT int8. */
#include "cfukit_kernels.h"

void cfukit_reference_rsqrt(const void *params);

void cfukit_reference_rsqrt(const void *params) {
  const struct cfukit_rsqrt *p = params;
  for (int32_t i = 0; i < p->count; i++) {
    const int32_t x = p->input[i];
    if (x < p->least) cfukit_refuse(p, (uint32_t)(x - p->least));
    p->output[i] = p->table[x + 128];
  }
}
