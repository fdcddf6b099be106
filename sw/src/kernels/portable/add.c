/* ADD int8. The terms of both inputs stay below 2^28, so the short form of the multiplication is exact. SUB is the same with minus. */
#include "add.h"

void cfukit_portable_add(const void *params);

void cfukit_portable_add(const void *params) { add(params, 1); }
