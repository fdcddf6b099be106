/* HARD_SWISH float32. */
#include "cfukit_kernels.h"
#include "float.h"

void cfukit_reference_hard_swish_float(const void *params);

void cfukit_reference_hard_swish_float(const void *params) {
  const struct cfukit_float *p = params;
  for (int32_t i = 0; i < p->count; i++) {
    const float x = p->input[i];
    p->output[i] = x * float_clamp(x + 3.0f, 0, 0x40C00000) / 6.0f;
  }
}
