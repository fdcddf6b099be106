/* RSQRT float32. */
#include "cfukit_kernels.h"
#include "float.h"

void cfukit_reference_rsqrt_float(const void *params);

void cfukit_reference_rsqrt_float(const void *params) {
  const struct cfukit_float *p = params;
  for (int32_t i = 0; i < p->count; i++) p->output[i] = 1.0f / square_root(p->input[i]);
}
