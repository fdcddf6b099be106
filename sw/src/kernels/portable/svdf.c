/* SVDF with an int16 state. */
#include "svdf.h"

void cfukit_portable_svdf(const void *params);

DEFINE_SVDF(cfukit_portable_svdf, int16_t, INT16_MIN, INT16_MAX)
