/* BROADCAST_ARGS. */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void cfukit_reference_broadcast_args(const void *params);

void cfukit_reference_broadcast_args(const void *params) {
  const struct cfukit_broadcast_args *p = params;
  const int32_t words = p->element_bytes / 4, count = cfukit_max(p->count1, p->count2);
  int32_t *output = p->output;
  for (int32_t i = 1; i <= count; i++) { /* from the last axis on */
    const int32_t a = i <= p->count1 ? ((const int32_t *)p->input1)[(p->count1 - i) * words] : 1;
    const int32_t b = i <= p->count2 ? ((const int32_t *)p->input2)[(p->count2 - i) * words] : 1;
    if (a != b && a != 1 && b != 1) cfukit_refuse(p, (uint32_t)a);
    const int32_t size = a == 1 ? b : a;
    output[(count - i) * words] = size;
    if (words == 2) output[(count - i) * words + 1] = size >> 31;
  }
}
