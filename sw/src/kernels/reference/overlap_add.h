/* SignalOverlapAdd on frames of TYPE, with ADD(a, b) as their sum. */
#pragma once
#include "cfukit_kernels.h"

#define DEFINE_OVERLAP_ADD(NAME, TYPE, ADD)                                          \
  void NAME(const void *params) {                                                    \
    const struct cfukit_overlap_add *p = params;                                     \
    const TYPE *x = p->input;                                                        \
    TYPE *out = p->output;                                                           \
    for (int32_t row = 0; row < p->rows; row++) {                                    \
      TYPE *state = (TYPE *)p->state + row * p->size;                                \
      for (int32_t frame = 0; frame < p->frames; frame++, x += p->size) {            \
        for (int32_t i = 0; i < p->step; i++)                                        \
          *out++ = ADD(state[i], x[i]);                                              \
        for (int32_t i = p->step; i < p->size; i++)                                  \
          state[i - p->step] = ADD(state[i], x[i]);                                  \
        for (int32_t i = p->size - p->step; i < p->size; i++)                        \
          state[i] = 0;                                                              \
      }                                                                              \
    }                                                                                \
  }
