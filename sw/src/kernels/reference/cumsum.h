/* The loops of CUMSUM. */
#ifndef CFUKIT_REFERENCE_CUMSUM_H
#define CFUKIT_REFERENCE_CUMSUM_H

#include "cfukit_kernels.h"

/* Runs `begin` for each row, then the statement behind it for the index `at` of each element, in the order of the sum. */
#define FOR_EACH_ROW(p, begin, ...)                                                                      \
  do {                                                                                                   \
    for (int32_t o_ = 0; o_ < (p)->outer; o_++)                                                          \
      for (int32_t i_ = 0; i_ < (p)->inner; i_++) {                                                      \
        begin;                                                                                           \
        for (int32_t d_ = 0; d_ < (p)->depth; d_++) {                                                    \
          const int32_t at = (o_ * (p)->depth + ((p)->reverse ? (p)->depth - 1 - d_ : d_)) * (p)->inner + i_; \
          __VA_ARGS__                                                                                    \
        }                                                                                                \
      }                                                                                                  \
  } while (0)

#endif
