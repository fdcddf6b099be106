/* L2_NORMALIZATION int8. */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void cfukit_reference_l2_normalization(const void *params);

void cfukit_reference_l2_normalization(const void *params) {
  const struct cfukit_l2_normalization *p = params;
  const int8_t *input = p->input;
  int8_t *output = p->output;
  for (int32_t row = 0; row < p->rows; row++, input += p->depth, output += p->depth) {
    int32_t sum = 0, shift;
    for (int32_t c = 0; c < p->depth; c++) sum += (input[c] - p->input_zero_point) * (input[c] - p->input_zero_point);
    const int32_t multiplier = cfukit_inverse_square_root(sum, &shift);
    for (int32_t c = 0; c < p->depth; c++) {
      const int32_t scaled = cfukit_multiply(input[c] - p->input_zero_point, multiplier, shift + 7);
      output[c] = (int8_t)cfukit_clamp(scaled, INT8_MIN, INT8_MAX);
    }
  }
}
