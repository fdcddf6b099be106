/* What LiteX's sources want of a CPU's header: the boot ROM uses no memory whose caches would have to be forgotten. */
#ifndef CFUKIT_LITEX_SYSTEM_H
#define CFUKIT_LITEX_SYSTEM_H
#include <generated/soc.h>
static inline void flush_cpu_dcache(void) {}
static inline void flush_l2_cache(void) {}
#endif
