/* Operators that only move elements; see struct cfukit_move. */
#include "cfukit_kernels.h"

void cfukit_reference_move(const void *params);

/* There are few pieces, and their innermost run is usually long. So there is one routine for each element size. */
static inline void copy_run(uint8_t *to, const uint8_t *from, int32_t count, int32_t to_stride, int32_t from_stride, int32_t bytes) {
  for (; count > 0; count--, to += to_stride, from += from_stride) {
    for (int32_t b = 0; b < bytes; b++) to[b] = from[b];
  }
}

static void copy_dense(uint8_t *to, const uint8_t *from, int32_t count) {
  typedef uint32_t __attribute__((may_alias)) word;
  if ((((uintptr_t)to | (uintptr_t)from) & 3) == 0) {
    for (; count >= 4; count -= 4, to += 4, from += 4) *(word *)(void *)to = *(const word *)(const void *)from;
  }
  for (; count > 0; count--) *to++ = *from++;
}

static void copy_piece(const struct cfukit_piece *p) {
  const int32_t *n = p->sizes, *i = p->input_strides, *o = p->output_strides;
  const int dense = i[4] == p->element_bytes && o[4] == p->element_bytes;
  for (int32_t a = 0; a < n[0]; a++) {
    for (int32_t b = 0; b < n[1]; b++) {
      for (int32_t c = 0; c < n[2]; c++) {
        const uint8_t *from = p->input + a * i[0] + b * i[1] + c * i[2];
        uint8_t *to = p->output + a * o[0] + b * o[1] + c * o[2];
        for (int32_t d = 0; d < n[3]; d++, from += i[3], to += o[3]) {
          if (dense) copy_dense(to, from, n[4] * p->element_bytes);
          else if (p->element_bytes == 1) copy_run(to, from, n[4], o[4], i[4], 1);
          else copy_run(to, from, n[4], o[4], i[4], p->element_bytes);
        }
      }
    }
  }
}

void cfukit_reference_move(const void *params) {
  const struct cfukit_move *p = params;
  for (int32_t b = 0; b < p->fill_bytes; b++) p->fill[b] = (uint8_t)(p->fill_value >> (8 * (b & 3)));
  for (int32_t piece = 0; piece < p->n_pieces; piece++) copy_piece(&p->pieces[piece]);
}
