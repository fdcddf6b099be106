/* For programs that expect a C library: assert prints what failed and ends the program with exit code 134. */
#include "../cfukit.h"

#undef assert
#ifdef NDEBUG
#define assert(condition) ((void)0)
#else
#define assert(condition) \
  ((condition) ? (void)0 : (printf("%s:%d: assertion failed: %s\n", __FILE__, __LINE__, #condition), cfukit_exit(134)))
#endif
