/* FLOOR_MOD float32: the remainder with the sign of the divisor. */
#include "elementwise.h"
#include "float.h"

void cfukit_reference_floor_mod_float(const void *params);

/* The mantissa of a positive finite float, of 24 bits, and the power of two that it is a multiple of. */
static uint32_t mantissa_of(float x, int32_t *power) {
  const uint32_t bits = (uint32_t)bits_of(x);
  *power = (int32_t)(bits >> 23) - 150;
  if (*power > -150) return (bits & 0x7FFFFF) | 0x800000;
  *power = -149;
  return bits;
}

/* What is left of a after whole multiples of b have been taken away, with the sign of a. Exact: a division in binary, bit by bit. */
static float remainder_of(float a, float b) {
  const float size = a < 0 ? -a : a, divisor = b < 0 ? -b : b;
  if (!(size - size == 0) || b != b || b == 0) return float_of(0x7FC00000);
  if (size < divisor || size == 0) return a;
  int32_t power, least;
  uint32_t rest = mantissa_of(size, &power);
  const uint32_t step = mantissa_of(divisor, &least);
  rest %= step;
  for (; power > least && rest != 0; power--) {
    rest <<= 1;
    if (rest >= step) rest -= step;
  }
  const union {
    int64_t bits;
    double value;
  } unit = {(int64_t)(least + 1023) << 52};
  const float result = (float)(rest * unit.value);
  return a < 0 ? -result : result;
}

void cfukit_reference_floor_mod_float(const void *params) {
  const struct cfukit_binary *p = params;
  FOR_EACH_RUN(p, float, {
    for (int32_t i4 = count; i4 > 0; i4--, a += a_stride, b += b_stride, out++) {
      const float rest = remainder_of(a[0], b[0]);
      *out = rest != 0 && (b[0] < 0) != (rest < 0) ? rest + b[0] : rest;
    }
  });
}
