/* SVDF for a state of either type: four filters at a time. */
#ifndef CFUKIT_PORTABLE_SVDF_H
#define CFUKIT_PORTABLE_SVDF_H

#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"
#include "dot.h"

/* Defines NAME for state and time weights of TYPE. */
#define DEFINE_SVDF(NAME, TYPE, TYPE_MIN, TYPE_MAX)                                                                    \
  static TYPE scaled_feature(const struct cfukit_svdf *p, int32_t dot) {                                               \
    const int32_t scaled = cfukit_multiply_any(dot, p->multiplier1, p->shift1);                                        \
    return (TYPE)(cfukit_clamp(scaled, TYPE_MIN, TYPE_MAX) + p->state_zero_point);                                     \
  }                                                                                                                    \
                                                                                                                       \
  /* The newest value of each filter, from the input. */                                                               \
  static void features(const struct cfukit_svdf *p, const int8_t *input, TYPE *newest) {                               \
    const int32_t filters = p->units * p->rank, inputs = p->inputs, memory = p->memory;                                \
    for (int32_t f = 0; f < filters; f += 4, newest += 4 * memory) {                                                   \
      const int32_t n = cfukit_min(4, filters - f);                                                                    \
      const int8_t *const w = p->feature_weights + f * inputs;                                                         \
      const int8_t *const rows[4] = {w, w + (n > 1) * inputs, w + (n > 2) * 2 * inputs, w + (n > 3) * 3 * inputs};     \
      struct sums sums = {0, 0, 0, 0};                                                                                 \
      dot_by_4(input, p->input_zero_point, rows, inputs, &sums);                                                       \
      newest[0] = scaled_feature(p, sums.s0);                                                                          \
      if (n > 1) newest[memory] = scaled_feature(p, sums.s1);                                                          \
      if (n > 2) newest[2 * memory] = scaled_feature(p, sums.s2);                                                      \
      if (n > 3) newest[3 * memory] = scaled_feature(p, sums.s3);                                                      \
    }                                                                                                                  \
  }                                                                                                                    \
                                                                                                                       \
  void NAME(const void *params) {                                                                                      \
    const struct cfukit_svdf *p = params;                                                                              \
    const int32_t filters = p->units * p->rank, memory = p->memory, all = p->batches * filters * memory;               \
    const int32_t terms = p->rank * memory, zero_point = p->state_zero_point;                                          \
    TYPE *state = p->state;                                                                                            \
    int32_t i = 1;                                                                                                     \
    for (; i + 4 <= all; i += 4) { /* the whole buffer moves by one element */                                         \
      const TYPE a = state[i], b = state[i + 1], c = state[i + 2], d = state[i + 3];                                   \
      state[i - 1] = a, state[i] = b, state[i + 1] = c, state[i + 2] = d;                                              \
    }                                                                                                                  \
    for (; i < all; i++) state[i - 1] = state[i];                                                                      \
    const int8_t *input = p->input;                                                                                    \
    int8_t *out = p->output;                                                                                           \
    for (int32_t batch = 0; batch < p->batches; batch++, input += p->inputs) {                                         \
      features(p, input, state + memory - 1);                                                                          \
      const TYPE *w = p->time_weights;                                                                                 \
      for (int32_t u = 0; u < p->units; u++) {                                                                         \
        uint32_t sum = (uint32_t)p->bias[u];                                                                           \
        const TYPE *const end = w + terms, *const pairs_end = w + (terms & ~1);                                        \
        for (; w != pairs_end; w += 2, state += 2) {                                                                   \
          const int32_t x = state[0] - zero_point, y = state[1] - zero_point;                                          \
          sum += (uint32_t)(w[0] * x);                                                                                 \
          sum += (uint32_t)(w[1] * y);                                                                                 \
        }                                                                                                              \
        if (w != end) sum += (uint32_t)(*w++ * (*state++ - zero_point));                                               \
        const uint32_t scaled = (uint32_t)cfukit_multiply_any((int32_t)sum, p->multiplier2, p->shift2);                \
        *out++ = (int8_t)cfukit_clamp((int32_t)(scaled + (uint32_t)p->output_zero_point), INT8_MIN, INT8_MAX);         \
      }                                                                                                                \
    }                                                                                                                  \
  }

#endif
