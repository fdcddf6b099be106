/* ADD int16. */
#define ELEMENT int16_t
#include "add.h"

void cfukit_reference_add_int16(const void *params);

void cfukit_reference_add_int16(const void *params) { add(params, 1); }
