/* FLOOR float32. */
#include "cfukit_kernels.h"
#include "float.h"

void cfukit_reference_floor_float(const void *params);

void cfukit_reference_floor_float(const void *params) {
  const struct cfukit_float *p = params;
  for (int32_t i = 0; i < p->count; i++) {
    const float x = p->input[i];
    p->output[i] = float_floor(x);
  }
}
