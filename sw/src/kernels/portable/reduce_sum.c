/* MEAN and SUM int8: four results at a time where their inputs lie side by side (the mean of an image's channels, say). */
#include "../reference/reduce.h"

void cfukit_portable_reduce_sum(const void *params);

static int8_t result_of(const struct cfukit_reduce *p, int32_t sum) {
  const int32_t scaled = cfukit_add(cfukit_multiply_any(sum, p->multiplier, p->shift), p->output_zero_point);
  return (int8_t)cfukit_clamp(scaled, INT8_MIN, INT8_MAX);
}

/* `n` results, 1 to 4, of the inputs from `at` on. */
static inline __attribute__((always_inline)) void results(const struct cfukit_reduce *p, const int8_t *at, int32_t n,
                                                          int8_t *out) {
  const int32_t *const r = p->reduced_sizes, *const t = p->reduced_strides, step = t[3];
  int32_t s0 = -p->sum_zero_point, s1 = s0, s2 = s0, s3 = s0;
  for (int32_t i = 0; i < r[0]; i++) {
    for (int32_t j = 0; j < r[1]; j++) {
      for (int32_t k = 0; k < r[2]; k++) {
        const int8_t *in = at + i * t[0] + j * t[1] + k * t[2];
        for (int32_t left = r[3]; left > 0; left--, in += step) {
          s0 += in[0];
          if (n > 1) s1 += in[1], s2 += in[2], s3 += in[3];
        }
      }
    }
  }
  out[0] = result_of(p, s0);
  if (n > 1) out[1] = result_of(p, s1), out[2] = result_of(p, s2), out[3] = result_of(p, s3);
}

void cfukit_portable_reduce_sum(const void *params) {
  const struct cfukit_reduce *p = params;
  const int32_t *const k = p->kept_sizes, *const s = p->kept_strides;
  const int32_t beside = s[3] == 1 ? k[3] & ~3 : 0;
  int8_t *out = p->output;
  for (int32_t i = 0; i < k[0]; i++) {
    for (int32_t j = 0; j < k[1]; j++) {
      for (int32_t l = 0; l < k[2]; l++) {
        const int8_t *const at = p->input + i * s[0] + j * s[1] + l * s[2];
        int32_t m = 0;
        for (; m < beside; m += 4, out += 4) results(p, at + m, 4, out);
        for (; m < k[3]; m++) results(p, at + m * s[3], 1, out++);
      }
    }
  }
}
