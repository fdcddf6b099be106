/* QUANTIZE among int8, int16 and int32. */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void cfukit_reference_quantize(const void *params);

void cfukit_reference_quantize(const void *params) {
  const struct cfukit_quantize *p = params;
  for (int32_t i = 0; i < p->count; i++) {
    const int32_t x = p->input_bytes == 1   ? ((const int8_t *)p->input)[i]
                      : p->input_bytes == 2 ? ((const int16_t *)p->input)[i]
                                            : ((const int32_t *)p->input)[i];
    const int32_t centred = (int32_t)((uint32_t)x - (uint32_t)p->input_zero_point);
    const uint32_t scaled = (uint32_t)cfukit_multiply(centred, p->multiplier, p->shift);
    const int32_t result = cfukit_clamp((int32_t)(scaled + (uint32_t)p->output_zero_point), p->output_min, p->output_max);
    if (p->output_bytes == 1) ((int8_t *)p->output)[i] = (int8_t)result;
    else if (p->output_bytes == 2) ((int16_t *)p->output)[i] = (int16_t)result;
    else ((int32_t *)p->output)[i] = result;
  }
}
