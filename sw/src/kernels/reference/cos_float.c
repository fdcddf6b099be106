/* COS float32. */
#include "cfukit_kernels.h"
#include "trigonometry.h"

void cfukit_reference_cos_float(const void *params);

void cfukit_reference_cos_float(const void *params) {
  const struct cfukit_float *p = params;
  for (int32_t i = 0; i < p->count; i++) p->output[i] = sine(p->input[i], 1);
}
