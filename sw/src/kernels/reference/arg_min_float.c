/* ARG_MIN float32 -> int32. */
#include "cfukit_kernels.h"

void cfukit_reference_arg_min_float(const void *params);

void cfukit_reference_arg_min_float(const void *params) {
  const struct cfukit_arg_max *p = params;
  const float *input = (const float *)(const void *)p->input;
  for (int32_t outer = 0; outer < p->outer; outer++) {
    for (int32_t inner = 0; inner < p->inner; inner++) {
      const float *x = input + outer * p->depth * p->inner + inner;
      int32_t place = 0;
      float best = x[0];
      for (int32_t k = 1; k < p->depth; k++) {
        x += p->inner;
        if (*x < best) best = *x, place = k;
      }
      p->output[outer * p->inner + inner] = place;
    }
  }
}
