/* IF: one of two subgraphs. */
#include "control.h"

void cfukit_reference_if(const void *params);

void cfukit_reference_if(const void *params) {
  const struct cfukit_if *p = params;
  const int then = *p->condition != 0;
  copy_values(then ? p->then_inputs : p->else_inputs, p->n_inputs);
  run_calls(then ? p->then_ops : p->else_ops, then ? p->n_then : p->n_else);
  copy_values(then ? p->then_outputs : p->else_outputs, p->n_outputs);
}
