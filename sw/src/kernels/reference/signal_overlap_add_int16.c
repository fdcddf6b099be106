/* SignalOverlapAdd of int16_t, which saturates. */
#include "overlap_add.h"

void cfukit_reference_signal_overlap_add_int16(const void *params);

static int16_t saturated_sum(int16_t a, int16_t b) {
  const int32_t sum = a + b;
  return (int16_t)(sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum);
}

DEFINE_OVERLAP_ADD(cfukit_reference_signal_overlap_add_int16, int16_t, saturated_sum)
