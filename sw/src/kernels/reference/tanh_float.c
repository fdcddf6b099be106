/* TANH float32, by the steps in which C libraries compute it. */
#include "cfukit_kernels.h"
#include "exponential.h"

void cfukit_reference_tanh_float(const void *params);

static float hyperbolic_tangent(float x) {
  const float size = x < 0 ? -x : x;
  if (!(size >= 0x1p-28f)) return x; /* or not a number */
  float result = 1.0f;
  if (size < 1.0f) {
    const float e = float_exp_minus_1(-2.0f * size);
    result = -e / (e + 2.0f);
  } else if (size < 22.0f) {
    result = 1.0f - 2.0f / (float_exp_minus_1(2.0f * size) + 2.0f);
  }
  return x < 0 ? -result : result;
}

void cfukit_reference_tanh_float(const void *params) {
  const struct cfukit_float *p = params;
  for (int32_t i = 0; i < p->count; i++) p->output[i] = hyperbolic_tangent(p->input[i]);
}
