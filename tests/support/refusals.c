/* Kernels that refuse their input's values return to whoever called them through here, as if they had thrown. */
#include <setjmp.h>

#include "cfukit_kernels.h"
#include "cfukit_model.h"

static jmp_buf caller;
static uint32_t refused;

void cfukit_refuse(const void *params, uint32_t value) {
  (void)params;
  refused = value;
  longjmp(caller, 1);
}

int call_kernel(cfukit_kernel *kernel, const void *params, uint32_t *value);
int call_kernel(cfukit_kernel *kernel, const void *params, uint32_t *value) {
  if (setjmp(caller) != 0) {
    *value = refused;
    return 0;
  }
  kernel(params);
  return 1;
}
