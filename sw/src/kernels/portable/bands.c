/* Operators in bands of rows. The host has planned the calls. */
#include "cfukit_kernels.h"
#include "cfukit_model.h"

void cfukit_portable_bands(const void *params);

void cfukit_portable_bands(const void *params) {
  const struct cfukit_bands *p = params;
  const struct cfukit_op *const behind = cfukit_following;
  for (const struct cfukit_op *op = p->ops, *const end = op + p->n_ops; op != end; op++) cfukit_call(op, end, behind);
}
