/* Copies a part of a tensor, in the order of its addresses: the output may begin before the input and overlap it. */
#include "cfukit_im2col.h"
#include "cfukit_kernels.h"

void cfukit_portable_copy(const void *params);

void cfukit_portable_copy(const void *params) {
  const struct cfukit_copy *p = params;
  (void)cfukit_copy((int8_t *)p->output, (const int8_t *)p->input, p->bytes);
}
