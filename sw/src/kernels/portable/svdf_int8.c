/* SVDF with an int8 state. */
#include "svdf.h"

void cfukit_portable_svdf_int8(const void *params);

DEFINE_SVDF(cfukit_portable_svdf_int8, int8_t, INT8_MIN, INT8_MAX)
