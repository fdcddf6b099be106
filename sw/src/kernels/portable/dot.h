/* Four inner products of the same inputs with four rows of weights, for kernels whose weights are not packed. Each input is loaded once
 * for four products.
 */
#ifndef CFUKIT_PORTABLE_DOT_H
#define CFUKIT_PORTABLE_DOT_H

#include <stdint.h>

struct sums {
  int32_t s0, s1, s2, s3;
};

/* sums[i] += sum over k < depth of (input[k] - zero_point) * rows[i][k]. Rows may be the same. */
static inline __attribute__((always_inline)) void dot_by_4(const int8_t *input, int32_t zero_point, const int8_t *const rows[4],
                                                           int32_t depth, struct sums *sums) {
  const int8_t *w = rows[0], *u = rows[1], *v = rows[2], *z = rows[3], *const end = input + depth;
  int32_t s0 = sums->s0, s1 = sums->s1, s2 = sums->s2, s3 = sums->s3;
  /* Makes the sums complete here. Without it, compilers move the loads of many steps together and spill. */
#define STEP(i)                                                          \
  do {                                                                   \
    const int32_t x = input[i] - zero_point;                             \
    s0 += x * w[i], s1 += x * u[i], s2 += x * v[i], s3 += x * z[i];      \
    __asm__ volatile("" : "+r"(s0), "+r"(s1), "+r"(s2), "+r"(s3));       \
  } while (0)
  const int8_t *const unrolled_end = input + (depth & ~3);
  while (input != unrolled_end) {
    STEP(0);
    STEP(1);
    STEP(2);
    STEP(3);
    input += 4, w += 4, u += 4, v += 4, z += 4;
  }
  while (input != end) {
    STEP(0);
    input++, w++, u++, v++, z++;
  }
#undef STEP
  sums->s0 = s0, sums->s1 = s1, sums->s2 = s2, sums->s3 = s3;
}

#endif
