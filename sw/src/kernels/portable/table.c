/* Any function of one int8_t by table, four elements at a time, so that each load's result is there when it is needed. */
#include "cfukit_kernels.h"

void cfukit_portable_table(const void *params);

void cfukit_portable_table(const void *params) {
  const struct cfukit_table *p = params;
  const int8_t *const table = p->table + 128, *in = p->input;
  int8_t *out = p->output;
  const int8_t *const end = in + p->count, *const unrolled_end = in + (p->count & ~3);
  for (; in != unrolled_end; in += 4, out += 4) {
    const int32_t a = in[0], b = in[1], c = in[2], d = in[3];
    const int8_t e = table[a], f = table[b], g = table[c], h = table[d];
    out[0] = e, out[1] = f, out[2] = g, out[3] = h;
  }
  while (in != end) *out++ = table[*in++];
}
