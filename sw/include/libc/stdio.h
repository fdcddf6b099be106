/* For programs that expect a C library: what there is of <stdio.h> stands in cfukit.h. */
#include "../cfukit.h"
