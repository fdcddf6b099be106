/* exp, expm1, tanh and the logistic function of float32, and exp of double. */
#ifndef CFUKIT_REFERENCE_EXPONENTIAL_H
#define CFUKIT_REFERENCE_EXPONENTIAL_H

#include "float.h"

/* e to the power of x: in double by a table of 2^(k / 32) and a polynomial, as in glibc and newlib. */
static inline float float_exp(float x) {
  static const double powers[32] = {
      0x1.0000000000000p+0, 0x1.059b0d3158574p+0, 0x1.0b5586cf9890fp+0, 0x1.11301d0125b51p+0, 0x1.172b83c7d517bp+0,
      0x1.1d4873168b9aap+0, 0x1.2387a6e756238p+0, 0x1.29e9df51fdee1p+0, 0x1.306fe0a31b715p+0, 0x1.371a7373aa9cbp+0,
      0x1.3dea64c123422p+0, 0x1.44e086061892dp+0, 0x1.4bfdad5362a27p+0, 0x1.5342b569d4f82p+0, 0x1.5ab07dd485429p+0,
      0x1.6247eb03a5585p+0, 0x1.6a09e667f3bcdp+0, 0x1.71f75e8ec5f74p+0, 0x1.7a11473eb0187p+0, 0x1.82589994cce13p+0,
      0x1.8ace5422aa0dbp+0, 0x1.93737b0cdc5e5p+0, 0x1.9c49182a3f090p+0, 0x1.a5503b23e255dp+0, 0x1.ae89f995ad3adp+0,
      0x1.b7f76f2fb5e47p+0, 0x1.c199bdd85529cp+0, 0x1.cb720dcef9069p+0, 0x1.d5818dcfba487p+0, 0x1.dfc97337b9b5fp+0,
      0x1.ea4afa2a490dap+0, 0x1.f50765b6e4540p+0};
  if (x != x) return x;
  const double z = (double)(x < -200.0f ? -200.0f : x > 200.0f ? 200.0f : x) * (1.4426950408889634 * 32.0);
  const int32_t n = (int32_t)((z + 0x1.8p52) - 0x1.8p52); /* to the nearest */
  const double r = z - n;
  const union {
    int64_t bits;
    double value;
  } power = {(int64_t)((n >> 5) + 1023) << 52};
  const double c3 = 0x1.c6af84b912394p-5 / 32.0 / 32.0 / 32.0, c2 = 0x1.ebfce50fac4f3p-3 / 32.0 / 32.0, c1 = 0x1.62e42ff0c52d6p-1 / 32.0;
  return (float)(((c3 * r + c2) * (r * r) + (c1 * r + 1.0)) * (powers[n & 31] * power.value));
}

/* e to the power of x in double: 2^n times the Taylor series of the rest. */
static inline double double_exp(double x) {
  if (x != x) return x;
  const double real = x < -700.0 ? -700.0 : x > 700.0 ? 700.0 : x;
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

/* exp(x) - 1 for x <= 44: the float32 steps that most C libraries have from fdlibm. */
static inline float float_exp_minus_1(float x) {
  const float size = x < 0 ? -x : x;
  if (!(size >= 0x1p-25f)) return x; /* or not a number */
  if (x < -18.714973f) return -1.0f;
  int32_t k = 0;
  if (size > 0.34657359f) k = size < 1.0397208f ? (x < 0 ? -1 : 1) : (int32_t)(1.44269504f * x + (x < 0 ? -0.5f : 0.5f));
  const float high = x - (float)k * 6.9313812256e-01f, low = (float)k * 9.0580006145e-06f;
  const float r = high - low, lost = (high - r) - low, half = 0.5f * r, square = r * half;
  float r1 = -2.0109921195e-07f;
  r1 = r1 * square + 4.0082177293e-06f;
  r1 = r1 * square - 7.9365076090e-05f;
  r1 = r1 * square + 1.5873016091e-03f;
  r1 = r1 * square - 3.3333335072e-02f;
  r1 = 1.0f + square * r1;
  const float t = 3.0f - r1 * half;
  float e = square * ((r1 - t) / (6.0f - r * t));
  if (k == 0) return r - (r * e - square);
  e = (r * (e - lost) - lost) - square;
  if (k == -1) return 0.5f * (r - e) - 0.5f;
  if (k == 1) return r < -0.25f ? -2.0f * (e - (r + 0.5f)) : 1.0f + 2.0f * (r - e);
  const float power = float_of((k + 127) << 23), inverse = float_of((127 - k) << 23);
  if (k <= -2 || k > 56) return (1.0f - (e - r)) * power - 1.0f;
  return (k < 23 ? (1.0f - inverse) - (e - r) : (r - (e + inverse)) + 1.0f) * power;
}

/* tanh, by the steps in which C libraries compute it. */
static inline float float_tanh(float x) {
  const float size = x < 0 ? -x : x;
  if (!(size >= 0x1p-28f)) return x; /* or not a number */
  float result = 1.0f;
  if (size < 1.0f) {
    const float e = float_exp_minus_1(-2.0f * size);
    result = -e / (e + 2.0f);
  } else if (size < 22.0f) {
    result = 1.0f - 2.0f / (float_exp_minus_1(2.0f * size) + 2.0f);
  }
  return x < 0 ? -result : result;
}

/* 1 / (1 + exp(-x)); as in TFLM exp(x) itself far below zero, and 1 far above. */
static inline float float_logistic(float x) {
  return x > 16.619047164916992188f ? 1.0f : x < -9.0f ? float_exp(x) : 1.0f / (1.0f + float_exp(-x));
}

#endif
