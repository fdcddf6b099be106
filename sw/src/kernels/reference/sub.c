/* SUB int8. */
#include "add.h"

void cfukit_reference_sub(const void *params);

void cfukit_reference_sub(const void *params) { add(params, -1); }
