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

/* e to the power of x in double: 2^n times the Taylor series of the rest. */
static inline double float_exp(double x) {
  if (x != x) return x;
  const double real = x < -200.0 ? -200.0 : x > 200.0 ? 200.0 : x;
  const double scaled = real * 1.4426950408889634 + 0.5;
  int32_t n = (int32_t)scaled;
  if ((double)n > scaled) n--;
  const double rest = (real - n * 0.6931471803691238) - n * 1.9082149292705877e-10;
  double total = 1.0;
  for (int32_t k = 12; k > 0; k--) total = total * rest / k + 1.0;
  const union {
    int64_t bits;
    double value;
  } power = {(int64_t)(n + 1023) << 52};
  return total * power.value;
}

#endif
