/* SignalFramer. history holds the last samples. Each step of samples moves into it from behind. */
#include "cfukit_kernels.h"

void cfukit_reference_signal_framer(const void *params);

void cfukit_reference_signal_framer(const void *params) {
  const struct cfukit_framer *p = params;
  const int32_t size = p->frame_size, step = p->frame_step, kept = p->kept;
  const int16_t *x = p->input;
  int16_t *out = p->output;
  int32_t steps = 0;
  *p->valid = 1;
  for (int32_t row = 0; row < p->rows; row++) {
    int16_t *history = p->history + row * kept;
    steps = *p->steps;
    for (int32_t frame = 0; frame < p->frames; frame++, x += step, out += size) {
      const int full = p->prefill || steps * step >= kept;
      for (int32_t i = 0; i < size; i++)
        out[i] = !full ? 0 : i < kept ? history[i] : x[i - kept];
      for (int32_t i = 0; i < kept; i++)
        history[i] = i + step < kept ? history[i + step] : x[i + step - kept];
      if (!full) *p->valid = 0, steps++;
    }
  }
  *p->steps = steps;
}
