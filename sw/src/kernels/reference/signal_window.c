/* SignalWindow. */
#include "cfukit_kernels.h"

void cfukit_reference_signal_window(const void *params);

void cfukit_reference_signal_window(const void *params) {
  const struct cfukit_signal_window *p = params;
  const int16_t *x = p->input;
  int16_t *out = p->output;
  for (int32_t row = 0; row < p->rows; row++)
    for (int32_t i = 0; i < p->count; i++) {
      const int32_t product = (*x++ * p->weights[i]) >> p->shift;
      *out++ = (int16_t)(product > INT16_MAX ? INT16_MAX : product < INT16_MIN ? INT16_MIN : product);
    }
}
