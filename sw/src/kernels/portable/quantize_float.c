/* QUANTIZE float32 -> int8 in integers, for scales between 2^-119 and 2^119, since the CPU has no floating point. */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void cfukit_portable_quantize_float(const void *params);

#define MANTISSA(bits) (((bits) & 0x7FFFFF) | 0x800000)
#define EXPONENT(bits) ((int32_t)((bits) >> 23 & 0xFF))

/* |x| / scale, first rounded to float32 (nearest, ties to even), then to an integer (halves up). 512 stands for everything above. The
 * first rounding matters just below a half, where the quotient becomes the half, whose mantissa is even.
 */
static int32_t magnitude(uint32_t x, uint32_t scale) {
  const uint32_t a = MANTISSA(x), b = MANTISSA(scale);
  const int32_t power = EXPONENT(x) - EXPONENT(scale); /* the quotient is a / b * 2^power, 1/2 < a / b < 2 */
  if (power < 0) return power == -1 && a >= b;
  if (power > 8) return 512;
  const uint32_t whole = (a << power) / b, rest = (a << power) - whole * b;
  const int32_t half_ulps = (int32_t)(b >> (23 - power + (a < b))); /* half a unit in the last place of the quotient, times 2 b */
  return (int32_t)whole + ((int32_t)b - 2 * (int32_t)rest <= half_ulps);
}

void cfukit_portable_quantize_float(const void *params) {
  const struct cfukit_quantize *p = params;
  const uint32_t *in = p->input;
  int8_t *out = p->output;
  for (int32_t left = p->count; left > 0; left--) {
    const uint32_t x = *in++;
    int32_t rounded = 0;
    if ((x & 0x7FFFFFFF) <= 0x7F800000) rounded = magnitude(x, p->scale_bits); /* not a number: 0 */
    if (x >> 31) rounded = -rounded;
    *out++ = (int8_t)cfukit_clamp(rounded + p->output_zero_point, INT8_MIN, INT8_MAX);
  }
}
