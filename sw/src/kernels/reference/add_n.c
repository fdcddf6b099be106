/* ADD_N int8. */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void cfukit_reference_add_n(const void *params);

void cfukit_reference_add_n(const void *params) {
  const struct cfukit_add_n *p = params;
  for (int32_t i = 0; i < p->count; i++) {
    int32_t sum = p->begin;
    for (int32_t k = 0; k < p->n_inputs; k++) {
      const int32_t shifted = cfukit_shift_left(p->inputs[k].input[i] - p->input_zero_point, p->left_shift);
      sum = cfukit_add(sum, cfukit_multiply(shifted, p->input_multiplier, p->input_shift));
    }
    const int32_t scaled = cfukit_add(cfukit_multiply(sum, p->multiplier, p->shift), p->output_zero_point);
    p->output[i] = (int8_t)cfukit_clamp(scaled, INT8_MIN, INT8_MAX);
  }
}
