/* ADD int8. */
#include "add.h"

void cfukit_reference_add(const void *params);

void cfukit_reference_add(const void *params) { add(params, 1); }
