/* AVERAGE_POOL_2D float32. */
#include "pool_float.h"

void cfukit_reference_average_pool_2d_float(const void *params);

static float add(float total, float x) { return total + x; }

static float end(float total, float count) { return total / count; }

void cfukit_reference_average_pool_2d_float(const void *params) { pool_float(params, 0, add, end); }
