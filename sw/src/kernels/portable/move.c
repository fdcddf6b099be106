/* Operators that only move elements; see struct cfukit_move. Moves words if both sides are aligned, else four elements at a time. */
#include "cfukit_im2col.h"
#include "cfukit_kernels.h"

void cfukit_portable_move(const void *params);

/* `count` elements of TYPE, strides in bytes. */
#define DEFINE_RUN(NAME, TYPE)                                                                          \
  static void NAME(uint8_t *to, const uint8_t *from, int32_t count, int32_t to_step, int32_t from_step) { \
    typedef TYPE __attribute__((may_alias)) element;                                                    \
    for (; count >= 4; count -= 4, to += 4 * to_step, from += 4 * from_step) {                          \
      const element a = *(const element *)(const void *)from;                                           \
      const element b = *(const element *)(const void *)(from + from_step);                             \
      const element c = *(const element *)(const void *)(from + 2 * from_step);                         \
      const element d = *(const element *)(const void *)(from + 3 * from_step);                         \
      *(element *)(void *)to = a;                                                                       \
      *(element *)(void *)(to + to_step) = b;                                                           \
      *(element *)(void *)(to + 2 * to_step) = c;                                                       \
      *(element *)(void *)(to + 3 * to_step) = d;                                                       \
    }                                                                                                   \
    for (; count > 0; count--, to += to_step, from += from_step)                                        \
      *(element *)(void *)to = *(const element *)(const void *)from;                                    \
  }

DEFINE_RUN(run_of_1, uint8_t)
DEFINE_RUN(run_of_2, uint16_t)
DEFINE_RUN(run_of_4, uint32_t)

static void copy_piece(const struct cfukit_piece *p) {
  const int32_t *n = p->sizes, *i = p->input_strides, *o = p->output_strides;
  const int dense = i[4] == p->element_bytes && o[4] == p->element_bytes;
  void (*const run)(uint8_t *, const uint8_t *, int32_t, int32_t, int32_t) = p->element_bytes == 1   ? run_of_1
                                                                             : p->element_bytes == 2 ? run_of_2
                                                                                                     : run_of_4;
  for (int32_t a = 0; a < n[0]; a++) {
    for (int32_t b = 0; b < n[1]; b++) {
      for (int32_t c = 0; c < n[2]; c++) {
        const uint8_t *from = p->input + a * i[0] + b * i[1] + c * i[2];
        uint8_t *to = p->output + a * o[0] + b * o[1] + c * o[2];
        for (int32_t d = 0; d < n[3]; d++, from += i[3], to += o[3]) {
          if (dense) cfukit_copy((int8_t *)to, (const int8_t *)from, n[4] * p->element_bytes);
          else run(to, from, n[4], o[4], i[4]);
        }
      }
    }
  }
}

void cfukit_portable_move(const void *params) {
  const struct cfukit_move *p = params;
  typedef uint32_t __attribute__((may_alias)) word;
  word *fill = (word *)(void *)p->fill; /* tensors begin at words */
  const uint32_t value = p->fill_value;
  int32_t words = p->fill_bytes >> 2;
  for (; words >= 4; words -= 4, fill += 4) fill[0] = value, fill[1] = value, fill[2] = value, fill[3] = value;
  for (; words > 0; words--) *fill++ = value;
  for (int32_t b = 0; b < (p->fill_bytes & 3); b++) ((uint8_t *)fill)[b] = (uint8_t)(value >> (8 * b));
  for (int32_t piece = 0; piece < p->n_pieces; piece++) copy_piece(&p->pieces[piece]);
}
