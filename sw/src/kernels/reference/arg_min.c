/* ARG_MIN int8 -> int32. */
#include "cfukit_kernels.h"

void cfukit_reference_arg_min(const void *params);

void cfukit_reference_arg_min(const void *params) {
  const struct cfukit_arg_max *p = params;
  for (int32_t outer = 0; outer < p->outer; outer++) {
    for (int32_t inner = 0; inner < p->inner; inner++) {
      const int8_t *x = p->input + outer * p->depth * p->inner + inner;
      int32_t best = 0, smallest = x[0];
      for (int32_t k = 1; k < p->depth; k++) {
        x += p->inner;
        if (*x < smallest) smallest = *x, best = k;
      }
      p->output[outer * p->inner + inner] = best;
    }
  }
}
