/* LOGISTIC and TANH with 16 bits, from TFLM's table of 256 entries. */
#ifndef CFUKIT_REFERENCE_SIGMOID_H
#define CFUKIT_REFERENCE_SIGMOID_H

#include <stdint.h>

/* The argument of both functions in units of the table: value * 3 * 2^shift, or value * multiplier / 2^shift rounded. */
static inline int32_t table_argument(int32_t value, int32_t multiplier, int32_t shift) {
  if (multiplier == 0) return value * (3 << shift);
  return (value * multiplier + (shift > 0 ? 1 << (shift - 1) : 0)) >> shift;
}

/* The table's value at |d| / 2^bits, interpolated; `end` behind the table. */
static inline int32_t interpolate(const uint16_t *table, int32_t d, int32_t bits, int32_t end) {
  const int32_t size = d < 0 ? -d : d, index = size >> bits;
  if (index >= 255) return end << (bits + (bits == 9));
  return (table[index] << bits) + (size & ((1 << bits) - 1)) * (table[index + 1] - table[index]);
}

static inline int32_t logistic16(const uint16_t *table, int32_t d) {
  const int32_t r = interpolate(table, d, 9, 0x7FFF);
  return (d >= 0 ? r + 512 : (1 << 25) - r + 511) >> 10;
}

static inline int32_t tanh16(const uint16_t *table, int32_t d) {
  const int32_t r = interpolate(table, d, 8, 0xFFFF);
  return (d >= 0 ? r - (1 << 23) + (1 << 7) : -r + (1 << 23) + (1 << 7) - 1) >> 8;
}

#endif
