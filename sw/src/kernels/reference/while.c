/* WHILE: a subgraph as long as another one says so. */
#include "control.h"

void cfukit_reference_while(const void *params);

void cfukit_reference_while(const void *params) {
  const struct cfukit_while *p = params;
  copy_values(p->begin, p->n_begin);
  if (!p->is_inside) *p->steps = 0;
  for (int32_t iteration = 0; iteration < p->limit; iteration++) {
    if (p->iteration_steps > p->step_limit - *p->steps) cfukit_refuse(p, (uint32_t)p->step_limit);
    *p->steps += p->iteration_steps;
    copy_values(p->condition_inputs, p->n_condition_inputs);
    run_calls(p->condition_ops, p->n_condition);
    copy_values(p->condition_outputs, p->n_condition_outputs);
    if (*p->condition == 0) return;
    copy_values(p->body_inputs, p->n_body_inputs);
    run_calls(p->body_ops, p->n_body);
    copy_values(p->body_outputs, p->n_body_outputs);
  }
  cfukit_refuse(p, (uint32_t)p->limit);
}
