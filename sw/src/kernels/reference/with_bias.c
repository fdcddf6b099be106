/* A bias that another operator has computed: it goes into a copy of the channels, with which the convolution then runs. */
#include "cfukit_kernels.h"
#include "cfukit_model.h"

void cfukit_reference_with_bias(const void *params);

void cfukit_reference_with_bias(const void *params) {
  const struct cfukit_with_bias *p = params;
  int32_t *copy = p->scratch;
  for (int32_t c = 0; c < p->n_channels; c++) {
    for (int32_t k = 0; k < p->words; k++) copy[c * p->words + k] = p->channels[c * p->words + k];
    copy[c * p->words] = p->bias[c];
  }
  p->op->kernel(p->op->params);
}
