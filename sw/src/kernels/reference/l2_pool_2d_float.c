/* L2_POOL_2D float32. */
#include "pool_float.h"

void cfukit_reference_l2_pool_2d_float(const void *params);

static float add(float total, float x) { return total + x * x; }

static float end(float total, float count) { return square_root(total / count); }

void cfukit_reference_l2_pool_2d_float(const void *params) { pool_float(params, 0, add, end); }
