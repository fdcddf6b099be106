/* EMBEDDING_LOOKUP from int8 to float32. */
#include "cfukit_kernels.h"
#include "float.h"

void cfukit_reference_embedding_lookup(const void *params);

void cfukit_reference_embedding_lookup(const void *params) {
  const struct cfukit_embedding *p = params;
  const float scale = float_of(p->scale_bits);
  float *output = p->output;
  for (int32_t i = 0; i < p->count; i++) {
    const int32_t index = p->indices[i];
    if (index < 0 || index >= p->depth) cfukit_refuse(p, (uint32_t)index);
    for (int32_t c = 0; c < p->row; c++) *output++ = scale * (float)p->input[index * p->row + c];
  }
}
