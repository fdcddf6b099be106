/* SignalOverlapAdd of float. */
#include "overlap_add.h"

void cfukit_reference_signal_overlap_add_float(const void *params);

static float sum(float a, float b) {
  return a + b;
}

DEFINE_OVERLAP_ADD(cfukit_reference_signal_overlap_add_float, float, sum)
