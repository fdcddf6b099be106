/* SignalRfft of int32_t. */
#define VALUE int32_t
#define WIDE int64_t
#define BITS 32
#include "rfft.h"

void cfukit_reference_signal_rfft_int32(const void *params);

void cfukit_reference_signal_rfft_int32(const void *params) {
  rfft(params);
}
