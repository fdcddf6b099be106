/* From sums of int16 activations and int8 weights to int16 outputs. */
#ifndef CFUKIT_REFERENCE_WIDE_H
#define CFUKIT_REFERENCE_WIDE_H

#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

/* The output of channel number `index`. wide: `channels` are struct cfukit_wide_channel, and the sum has 64 bits, else 32. */
static inline int16_t wide_output(const struct cfukit_channel *channels, int32_t index, int64_t sum, int wide, int32_t low,
                                  int32_t high) {
  int32_t scaled;
  if (wide) {
    const struct cfukit_wide_channel *const c = (const struct cfukit_wide_channel *)(const void *)channels + index;
    const int64_t bias = (int64_t)((uint64_t)(uint32_t)c->bias_high << 32 | (uint32_t)c->bias_low);
    scaled = cfukit_multiply_wide(sum + bias, c->multiplier, c->shift);
  } else {
    const struct cfukit_channel *const c = channels + index;
    scaled = cfukit_multiply(cfukit_add((int32_t)sum, c->bias), c->multiplier, c->shift);
  }
  return (int16_t)cfukit_clamp(scaled, low, high);
}

#endif
