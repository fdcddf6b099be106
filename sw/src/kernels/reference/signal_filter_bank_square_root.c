/* SignalFilterBankSquareRoot: bit by bit, from the highest bit that the root can have. */
#include "cfukit_kernels.h"

typedef uint64_t __attribute__((aligned(4))) word64; /* tensors begin at words */

void cfukit_reference_signal_filter_bank_square_root(const void *params);

static uint32_t rounded_root(uint64_t x) {
  const uint32_t most = x >> 32 ? UINT32_MAX : UINT16_MAX;
  uint64_t root = 0, bit = x >> 32 ? 1ULL << 62 : 1ULL << 30;
  while (bit > x)
    bit >>= 2;
  for (; bit; bit >>= 2) {
    const uint64_t trial = root + bit;
    root >>= 1;
    if (x >= trial) {
      x -= trial;
      root += bit;
    }
  }
  return (uint32_t)root + (x > root && root != most);
}

void cfukit_reference_signal_filter_bank_square_root(const void *params) {
  const struct cfukit_filter_bank_square_root *p = params;
  const word64 *x = p->input;
  for (int32_t i = 0; i < p->count; i++)
    p->output[i] = rounded_root(x[i]) >> (*p->bits & 31);
}
