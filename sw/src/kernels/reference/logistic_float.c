/* LOGISTIC float32. */
#include "cfukit_kernels.h"
#include "exponential.h"

void cfukit_reference_logistic_float(const void *params);

void cfukit_reference_logistic_float(const void *params) {
  const struct cfukit_float *p = params;
  for (int32_t i = 0; i < p->count; i++) p->output[i] = float_logistic(p->input[i]);
}
