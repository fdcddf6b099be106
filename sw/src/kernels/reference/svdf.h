/* SVDF for a state of either type. */
#ifndef CFUKIT_REFERENCE_SVDF_H
#define CFUKIT_REFERENCE_SVDF_H

#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

/* Defines NAME for state and time weights of TYPE. */
#define DEFINE_SVDF(NAME, TYPE, TYPE_MIN, TYPE_MAX)                                                                   \
  void NAME(const void *params) {                                                                                     \
    const struct cfukit_svdf *p = params;                                                                             \
    TYPE *const state = p->state;                                                                                     \
    const TYPE *const time_weights = p->time_weights;                                                                 \
    const int32_t filters = p->units * p->rank, memory = p->memory, all = p->batches * filters * memory;              \
    for (int32_t i = 1; i < all; i++) state[i - 1] = state[i]; /* the whole buffer moves by one element */           \
    for (int32_t b = 0; b < p->batches; b++) {                                                                        \
      const int8_t *const input = p->input + b * p->inputs;                                                           \
      for (int32_t f = 0; f < filters; f++) {                                                                         \
        const int8_t *const w = p->feature_weights + f * p->inputs;                                                   \
        int32_t dot = 0;                                                                                              \
        for (int32_t k = 0; k < p->inputs; k++) dot += (input[k] - p->input_zero_point) * w[k];                       \
        const int32_t scaled = cfukit_clamp(cfukit_multiply(dot, p->multiplier1, p->shift1), TYPE_MIN, TYPE_MAX);     \
        state[(b * filters + f + 1) * memory - 1] = (TYPE)(scaled + p->state_zero_point);                             \
      }                                                                                                               \
      for (int32_t u = 0; u < p->units; u++) {                                                                        \
        const TYPE *const history = state + (b * filters + u * p->rank) * memory;                                     \
        const TYPE *const w = time_weights + u * p->rank * memory;                                                    \
        uint32_t sum = (uint32_t)p->bias[u];                                                                          \
        for (int32_t t = 0; t < p->rank * memory; t++) sum += (uint32_t)(w[t] * (history[t] - p->state_zero_point));  \
        const uint32_t scaled = (uint32_t)cfukit_multiply((int32_t)sum, p->multiplier2, p->shift2);                   \
        const int32_t result = (int32_t)(scaled + (uint32_t)p->output_zero_point);                                    \
        p->output[b * p->units + u] = (int8_t)cfukit_clamp(result, INT8_MIN, INT8_MAX);                               \
      }                                                                                                               \
    }                                                                                                                 \
  }

#endif
