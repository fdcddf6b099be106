/* SignalIrfft of float. */
#define VALUE float
#define WIDE float
#define BITS 0
#include "irfft.h"

void cfukit_reference_signal_irfft_float(const void *params);

void cfukit_reference_signal_irfft_float(const void *params) {
  irfft(params);
}
