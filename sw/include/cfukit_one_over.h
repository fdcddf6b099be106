/* The multiplier of a mean. */
#ifndef CFUKIT_ONE_OVER_H
#define CFUKIT_ONE_OVER_H

#include "cfukit_kernels.h"

/* round(2^(31 + shift) / divisor) with the shift that makes it 2^30 .. 2^31 - 1. */
static inline struct cfukit_channel cfukit_one_over(uint32_t divisor) {
  struct cfukit_channel c = {0, 0, 0};
  uint32_t rest = 1, quotient = 0;
  while (rest < divisor) rest <<= 1, c.shift--; /* 2^-shift >= divisor */
  if (rest == divisor) return (struct cfukit_channel){0, 1 << 30, c.shift + 1};
  for (int32_t bit = 0; bit < 31; bit++) { /* rest / divisor is between 1 and 2: its first 31 bits */
    quotient <<= 1;
    if (rest >= divisor) rest -= divisor, quotient |= 1;
    rest <<= 1;
  }
  if (rest >= divisor) quotient++;
  c.multiplier = (int32_t)quotient;
  c.shift++;
  return c;
}

#endif
