/* SUB int8; see add.c. */
#include "add.h"

void cfukit_portable_sub(const void *params);

void cfukit_portable_sub(const void *params) { add(params, -1); }
