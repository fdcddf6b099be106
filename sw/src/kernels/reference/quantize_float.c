/* QUANTIZE float32 -> int8, int16. Not a number gives the zero point. */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void cfukit_reference_quantize_float(const void *params);

void cfukit_reference_quantize_float(const void *params) {
  const struct cfukit_quantize *p = params;
  const union {
    uint32_t bits;
    float value;
  } scale = {p->scale_bits};
  for (int32_t i = 0; i < p->count; i++) {
    const float quotient = ((const float *)p->input)[i] / scale.value;
    int32_t rounded = 0;
    if (quotient >= 65536.0f) rounded = 65536;
    else if (quotient <= -65536.0f) rounded = -65536;
    else if (quotient == quotient) {
      rounded = (int32_t)quotient;
      const float rest = quotient - (float)rounded;
      if (rest >= 0.5f) rounded++;
      if (rest <= -0.5f) rounded--;
    }
    const int32_t result = cfukit_clamp(rounded + p->output_zero_point, p->output_min, p->output_max);
    if (p->output_bytes == 1) ((int8_t *)p->output)[i] = (int8_t)result;
    else ((int16_t *)p->output)[i] = (int16_t)result;
  }
}
