/* MAX_POOL_2D float32. */
#include "pool_float.h"

void cfukit_reference_max_pool_2d_float(const void *params);

static float add(float total, float x) { return x > total ? x : total; }

static float end(float total, float count) { return (void)count, total; }

void cfukit_reference_max_pool_2d_float(const void *params) { pool_float(params, -3.4028234663852886e38f, add, end); }
