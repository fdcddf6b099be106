/* ROUND float32: halves go to the even neighbour. */
#include "cfukit_kernels.h"
#include "float.h"

void cfukit_reference_round_float(const void *params);

void cfukit_reference_round_float(const void *params) {
  const struct cfukit_float *p = params;
  for (int32_t i = 0; i < p->count; i++) {
    const float x = p->input[i], below = float_floor(x), rest = x - below;
    const int up = rest > 0.5f || (rest == 0.5f && float_floor(below * 0.5f) * 2.0f != below);
    p->output[i] = up ? below + 1.0f : below;
  }
}
