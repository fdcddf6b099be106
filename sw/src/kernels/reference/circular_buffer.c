/* CIRCULAR_BUFFER. */
#include "cfukit_kernels.h"

void cfukit_reference_circular_buffer(const void *params);

void cfukit_reference_circular_buffer(const void *params) {
  const struct cfukit_circular_buffer *p = params;
  const int32_t kept = p->size - p->bytes;
  for (int32_t i = 0; i < kept; i++) p->buffer[i] = p->buffer[i + p->bytes];
  for (int32_t i = 0; i < p->bytes; i++) p->buffer[kept + i] = p->input[i];
  if (p->cycles == 1) return;
  const int32_t count = *p->count + 1;
  *p->goes_on = count == p->cycles;
  *p->count = count == p->cycles ? 0 : count;
}
