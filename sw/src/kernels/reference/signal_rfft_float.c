/* SignalRfft of float. */
#define VALUE float
#define WIDE float
#define BITS 0
#include "rfft.h"

void cfukit_reference_signal_rfft_float(const void *params);

void cfukit_reference_signal_rfft_float(const void *params) {
  rfft(params);
}
