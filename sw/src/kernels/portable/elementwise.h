/* Two int8 inputs with any broadcasting, in runs of at most CHUNK elements. A run of the first input is read before one of the second.
 *
 * Tensors often lie a multiple of the data cache apart. Reading them in turn would then miss at every element.
 */
#ifndef CFUKIT_PORTABLE_ELEMENTWISE_H
#define CFUKIT_PORTABLE_ELEMENTWISE_H

#include "../reference/elementwise.h"

#define CHUNK 32

/* For each element: `first` computes terms[i] from x1; then `second` writes *out from x2 and `term`. */
#define FOR_EACH_CHUNK(p, first, second)                                \
  do {                                                                  \
    int32_t terms[CHUNK];                                               \
    FOR_EACH_RUN(p, int8_t, {                                           \
      for (int32_t left = count; left > 0; left -= CHUNK) {             \
        int32_t *const end = terms + cfukit_min(CHUNK, left);           \
        for (int32_t *to = terms; to != end; to++, a += a_stride) {     \
          const int32_t x1 = *a;                                        \
          *to = first;                                                  \
        }                                                               \
        for (int32_t *from = terms; from != end; from++, out++) {       \
          const int32_t x2 = *b, term = *from;                          \
          b += b_stride;                                                \
          second                                                        \
        }                                                               \
      }                                                                 \
    });                                                                 \
  } while (0)

#endif
