/* QUANTIZE among int8, int16 and int32. */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void cfukit_portable_quantize(const void *params);

static inline int32_t loaded(const uint8_t *in, int32_t bytes) {
  if (bytes == 1) return *(const int8_t *)in;
  return bytes == 2 ? *(const int16_t *)(const void *)in : *(const int32_t *)(const void *)in;
}

void cfukit_portable_quantize(const void *params) {
  const struct cfukit_quantize *p = params;
  const int32_t in_bytes = p->input_bytes, out_bytes = p->output_bytes, multiplier = p->multiplier, shift = p->shift;
  const int32_t low = p->output_min, high = p->output_max;
  const uint32_t in_zero_point = (uint32_t)p->input_zero_point, out_zero_point = (uint32_t)p->output_zero_point;
  const uint8_t *in = p->input;
  uint8_t *out = p->output;
  for (int32_t left = p->count; left > 0; left--, in += in_bytes, out += out_bytes) {
    const int32_t centred = (int32_t)((uint32_t)loaded(in, in_bytes) - in_zero_point);
    const uint32_t scaled = (uint32_t)cfukit_multiply_any(centred, multiplier, shift);
    const int32_t result = cfukit_clamp((int32_t)(scaled + out_zero_point), low, high);
    if (out_bytes == 1) *(int8_t *)out = (int8_t)result;
    else if (out_bytes == 2) *(int16_t *)(void *)out = (int16_t)result;
    else *(int32_t *)(void *)out = result;
  }
}
