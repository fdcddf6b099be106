/* SIN float32. */
#include "cfukit_kernels.h"
#include "trigonometry.h"

void cfukit_reference_sin_float(const void *params);

void cfukit_reference_sin_float(const void *params) {
  const struct cfukit_float *p = params;
  for (int32_t i = 0; i < p->count; i++) {
    const float x = p->input[i];
    p->output[i] = x < 1e-4f && x > -1e-4f ? x : sine(x, 0);
  }
}
