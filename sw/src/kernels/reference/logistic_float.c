/* LOGISTIC float32. */
#include "cfukit_kernels.h"
#include "exponential.h"

void cfukit_reference_logistic_float(const void *params);

void cfukit_reference_logistic_float(const void *params) {
  const struct cfukit_float *p = params;
  /* As in TFLM exp(x) itself far below zero, and 1 far above. */
  for (int32_t i = 0; i < p->count; i++) {
    const float x = p->input[i];
    p->output[i] = x > 16.619047164916992188f ? 1.0f : x < -9.0f ? float_exp(x) : 1.0f / (1.0f + float_exp(-x));
  }
}
