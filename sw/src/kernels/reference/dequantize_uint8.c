/* DEQUANTIZE uint8 -> float32, the product in double. */
#include "cfukit_kernels.h"

void cfukit_reference_dequantize_uint8(const void *params);

void cfukit_reference_dequantize_uint8(const void *params) {
  const struct cfukit_quantize *p = params;
  const union {
    uint32_t bits;
    float value;
  } scale = {p->scale_bits};
  for (int32_t i = 0; i < p->count; i++) {
    const int32_t x = ((const uint8_t *)p->input)[i];
    ((float *)p->output)[i] = (float)((double)scale.value * (double)(x - p->input_zero_point));
  }
}
