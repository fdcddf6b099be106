/* One inference. */
#include "cfukit.h"
#include "cfukit_model.h"

void cfukit_invoke(const struct cfukit_model *model) {
  const struct cfukit_op *const end = model->ops + model->n_ops;
  cfukit_prepared = 0;
  for (const struct cfukit_op *op = model->ops; op != end; op++)
    cfukit_call(op, end, 0);
}

void cfukit_reset(const struct cfukit_model *model) {
  for (uint32_t i = 0; i < model->n_variables; i++) {
    const struct cfukit_variable *const variable = &model->variables[i];
    if (variable->initial != 0)
      memcpy(variable->data, variable->initial, variable->bytes);
    else
      memset(variable->data, variable->fill, variable->bytes);
  }
}
