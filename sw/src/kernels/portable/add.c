/* ADD int8. Both inputs' terms stay below 2^28, so the short form of the multiplication serves; SUB is the same with minus. */
#include "add.h"

void cfukit_portable_add(const void *params);

void cfukit_portable_add(const void *params) { add(params, 1); }
