/* A bias that another operator has computed: it goes into a copy of the channels, with which the convolution then runs. */
#include "cfukit_kernels.h"
#include "cfukit_model.h"

void cfukit_reference_with_bias(const void *params);

/* The bias is below 2 ** 46 in magnitude, so that sums stay below 2 ** 47. */
static void check_wide(const struct cfukit_with_bias *p, int32_t c, int32_t high) {
  if (high < -(1 << 14) || high >= 1 << 14) cfukit_refuse(p, (uint32_t)c);
}

void cfukit_reference_with_bias(const void *params) {
  const struct cfukit_with_bias *p = params;
  int32_t *copy = p->scratch;
  for (int32_t c = 0; c < p->n_channels; c++, copy += p->words) {
    for (int32_t k = 0; k < p->words; k++) copy[k] = p->channels[c * p->words + k];
    if (p->bias_bytes == 8) {
      copy[0] = ((const int32_t *)p->bias)[2 * c];
      copy[1] = ((const int32_t *)p->bias)[2 * c + 1];
      check_wide(p, c, copy[1]);
    } else if (p->bias_bytes == 4) {
      copy[0] = ((const int32_t *)p->bias)[c];
    } else {
      copy[0] = ((const int16_t *)p->bias)[c];
      copy[1] = copy[0] >> 31;
    }
  }
  p->op->kernel(p->op->params);
}
