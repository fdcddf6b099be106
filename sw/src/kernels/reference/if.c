/* IF: one of two subgraphs. */
#include "control.h"

void cfukit_reference_if(const void *params);

void cfukit_reference_if(const void *params) {
  const struct cfukit_if *p = params;
  const int then = *p->condition != 0;
  copy_values(then ? p->then_inputs : p->else_inputs, then ? p->n_then_inputs : p->n_else_inputs);
  run_calls(then ? p->then_ops : p->else_ops, then ? p->n_then : p->n_else);
  copy_values(then ? p->then_outputs : p->else_outputs, then ? p->n_then_outputs : p->n_else_outputs);
}
