/* Operators in bands of rows. The host has planned the calls. */
#include "cfukit_kernels.h"
#include "cfukit_model.h"

void cfukit_portable_bands(const void *params);

void cfukit_portable_bands(const void *params) {
  const struct cfukit_bands *p = params;
  for (const struct cfukit_op *op = p->ops, *const end = op + p->n_ops; op != end; op++) op->kernel(op->params);
}
