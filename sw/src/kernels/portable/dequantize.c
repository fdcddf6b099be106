/* DEQUANTIZE int8 -> float32 in integers, for scales whose products are neither tiny nor infinite. */
#include "cfukit_kernels.h"

void cfukit_portable_dequantize(const void *params);

/* scale * value, rounded to the nearest float32, ties to even; |value| <= 255. */
static uint32_t product(uint32_t scale, int32_t value) {
  const uint32_t size = (uint32_t)(value < 0 ? -value : value), sign = value < 0 ? 1u << 31 : 0;
  if (size == 0) return 0;
  const uint32_t exact = ((scale & 0x7FFFFF) | 0x800000) * size; /* 24 bits times 8 */
  uint32_t shift = 0;
  while (exact >> shift >= 1u << 24) shift++;
  /* Adds half of what is cut off, minus one if the result would be even, so ties go to even. A carry reaches the exponent. */
  const uint32_t half = shift ? (exact >> shift & 1) + (1u << (shift - 1)) - 1 : 0;
  return sign + (((scale >> 23) + shift - 1) << 23) + ((exact + half) >> shift);
}

void cfukit_portable_dequantize(const void *params) {
  const struct cfukit_quantize *p = params;
  const int8_t *in = p->input;
  uint32_t *out = p->output;
  for (int32_t left = p->count; left > 0; left--) *out++ = product(p->scale_bits, *in++ - p->input_zero_point);
}
