/* What IF and WHILE have in common. */
#ifndef CFUKIT_REFERENCE_CONTROL_H
#define CFUKIT_REFERENCE_CONTROL_H

#include "cfukit_kernels.h"
#include "cfukit_model.h"

static inline void copy_values(const struct cfukit_copy *copy, int32_t count) {
  for (const struct cfukit_copy *const end = copy + count; copy != end; copy++)
    for (int32_t b = 0; b < copy->bytes; b++) copy->output[b] = copy->input[b];
}

static inline void run_calls(const struct cfukit_op *op, int32_t count) {
  for (const struct cfukit_op *const end = op + count; op != end; op++) cfukit_call(op, end, 0);
}

#endif
