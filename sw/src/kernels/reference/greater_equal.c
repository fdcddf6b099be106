/* GREATER_EQUAL of int8, int32, int64. */
#include "compare.h"

void cfukit_reference_greater_equal(const void *params);

static int holds(int64_t a, int64_t b) { return a >= b; }

void cfukit_reference_greater_equal(const void *params) { compare(params, holds); }
