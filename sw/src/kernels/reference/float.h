/* What the float32 kernels have in common. Sums run in TFLM's order, so no compiler may reorder them. */
#ifndef CFUKIT_REFERENCE_FLOAT_H
#define CFUKIT_REFERENCE_FLOAT_H

#include <stdint.h>

/* A float32 that a parameter holds as bits. */
static inline float float_of(int32_t bits) {
  const union {
    int32_t bits;
    float value;
  } both = {bits};
  return both.value;
}

static inline int32_t bits_of(float value) {
  const union {
    float value;
    int32_t bits;
  } both = {value};
  return both.bits;
}

/* Not a number stays. */
static inline float float_clamp(float x, int32_t low_bits, int32_t high_bits) {
  const float low = float_of(low_bits), high = float_of(high_bits);
  if (x < low) x = low;
  return x > high ? high : x;
}

/* The largest integer that is not above x. */
static inline float float_floor(float x) {
  if (!(x > -8388608.0f && x < 8388608.0f) || x == 0) return x; /* whole, infinite, or not a number */
  const float whole = (float)(int32_t)x;
  return whole > x ? whole - 1.0f : whole;
}

/* The square root, rounded to nearest: 25 bits of it, one after the other, from the mantissa. */
static inline float square_root(float x) {
  if (!(x > 0)) return x == 0 ? x : float_of(0x7FC00000);
  if (x > 3.4028234663852886e38f) return x;
  const int tiny = x < 1.17549435082228750797e-38f; /* not normal */
  const int32_t bits = bits_of(tiny ? x * 16777216.0f : x), exponent = (bits >> 23) - 127 - (tiny ? 24 : 0);
  uint64_t rest = (uint64_t)((bits & 0x7FFFFF) | 0x800000) << (25 + (exponent & 1));
  uint32_t root = 0;
  for (uint32_t bit = (uint32_t)1 << 24; bit != 0; bit >>= 1) {
    const uint64_t step = (uint64_t)(2 * root + bit) * bit;
    if (step <= rest) {
      rest -= step;
      root += bit;
    }
  }
  return float_of((int32_t)((root + 1) >> 1) - 0x800000 + ((((exponent - (exponent & 1)) >> 1) + 127) << 23));
}

#endif
