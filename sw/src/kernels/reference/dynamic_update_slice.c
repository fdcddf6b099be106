/* DYNAMIC_UPDATE_SLICE. */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void cfukit_reference_dynamic_update_slice(const void *params);

typedef int64_t __attribute__((aligned(4))) word64; /* tensors begin at words */

static int32_t begin_of(const struct cfukit_update *p, int32_t axis, int32_t room) {
  const int64_t begin = p->begin_bytes == 4 ? ((const int32_t *)p->begins)[axis] : ((const word64 *)p->begins)[axis];
  return begin < 0 ? 0 : begin > room ? room : (int32_t)begin;
}

void cfukit_reference_dynamic_update_slice(const void *params) {
  const struct cfukit_update *p = params;
  if (p->output != p->input) {
    for (int32_t i = 0; i < p->bytes; i++) p->output[i] = p->input[i];
  }
  uint8_t *place = p->output;
  for (int32_t axis = 0; axis < p->n_begins; axis++) {
    const int32_t at = 5 - p->n_begins + axis;
    place += begin_of(p, axis, p->rooms[at]) * p->strides[at];
  }
  const uint8_t *update = p->update;
  const int32_t *const n = p->update_sizes, *const s = p->strides;
  for (int32_t i0 = 0; i0 < n[0]; i0++)
    for (int32_t i1 = 0; i1 < n[1]; i1++)
      for (int32_t i2 = 0; i2 < n[2]; i2++)
        for (int32_t i3 = 0; i3 < n[3]; i3++) {
          uint8_t *row = place + i0 * s[0] + i1 * s[1] + i2 * s[2] + i3 * s[3];
          for (int32_t b = n[4] * p->element_bytes; b > 0; b--) *row++ = *update++;
        }
}
