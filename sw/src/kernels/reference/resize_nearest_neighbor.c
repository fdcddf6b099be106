/* RESIZE_NEAREST_NEIGHBOR int8; the host computed the indices. */
#include "cfukit_im2col.h"
#include "cfukit_kernels.h"

void cfukit_reference_resize_nearest_neighbor(const void *params);

void cfukit_reference_resize_nearest_neighbor(const void *params) {
  const struct cfukit_resize *p = params;
  int8_t *out = p->output;
  for (int32_t batch = 0; batch < p->batches; batch++) {
    for (int32_t y = 0; y < p->output_height; y++) {
      const int8_t *row = p->input + (batch * p->input_height + p->rows[y]) * p->input_width * p->channels;
      for (int32_t x = 0; x < p->output_width; x++) out = cfukit_copy(out, row + p->columns[x] * p->channels, p->channels);
    }
  }
}
