/* SignalStacker. history holds the last frames but one. */
#include "cfukit_kernels.h"

void cfukit_reference_signal_stacker(const void *params);

void cfukit_reference_signal_stacker(const void *params) {
  const struct cfukit_stacker *p = params;
  const int32_t kept = p->channels * (p->frames - 1), total = kept + p->channels;
  int32_t available = p->state[1];
  for (int32_t copies = p->state[0] ? 1 : 1 + p->left; copies > 0; copies--) {
    available++;
    if (copies == 1) /* the last copy completes the output */
      for (int32_t i = 0; i < total; i++)
        p->output[i] = available < p->frames ? 0 : i < kept ? p->history[i] : p->input[i - kept];
    for (int32_t i = 0; i < kept; i++)
      p->history[i] = i + p->channels < kept ? p->history[i + p->channels] : p->input[i + p->channels - kept];
  }
  *p->valid = available >= p->frames;
  p->state[0] = 1;
  p->state[1] = available - (available >= p->frames ? p->step : 0);
}
