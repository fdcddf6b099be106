/* SQRT float32. */
#include "cfukit_kernels.h"
#include "float.h"

void cfukit_reference_sqrt_float(const void *params);

void cfukit_reference_sqrt_float(const void *params) {
  const struct cfukit_float *p = params;
  for (int32_t i = 0; i < p->count; i++) p->output[i] = square_root(p->input[i]);
}
