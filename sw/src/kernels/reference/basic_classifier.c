/* BasicClassifier. */
#include "cfukit_kernels.h"

void cfukit_reference_basic_classifier(const void *params);

void cfukit_reference_basic_classifier(const void *params) {
  const struct cfukit_basic_classifier *p = params;
  for (int32_t i = 0; i < p->count; i++) {
    const int32_t index = p->indices[i];
    if (index < 0 || index >= p->depth) cfukit_refuse(p, (uint32_t)index);
    p->output[i] = p->input[index];
    p->detected[i] = p->input[index] >= p->thresholds[i];
  }
}
