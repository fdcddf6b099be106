/* ABS int16. */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void cfukit_reference_abs_int16(const void *params);

void cfukit_reference_abs_int16(const void *params) {
  const struct cfukit_quantize *p = params;
  for (int32_t i = 0; i < p->count; i++) {
    const int32_t d = ((const int16_t *)p->input)[i] - p->input_zero_point;
    const int32_t scaled = cfukit_multiply(d < 0 ? -d : d, p->multiplier, p->shift);
    ((int16_t *)p->output)[i] = (int16_t)cfukit_clamp(cfukit_add(scaled, p->output_zero_point), p->output_min, p->output_max);
  }
}
