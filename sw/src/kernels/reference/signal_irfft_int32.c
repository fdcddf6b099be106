/* SignalIrfft of int32_t. */
#define VALUE int32_t
#define WIDE int64_t
#define BITS 32
#include "irfft.h"

void cfukit_reference_signal_irfft_int32(const void *params);

void cfukit_reference_signal_irfft_int32(const void *params) {
  irfft(params);
}
