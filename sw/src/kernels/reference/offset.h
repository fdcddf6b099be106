/* Positions in dense 4-D tensors, computed from all four indices at every access, as TFLM's reference kernels do.
 *
 * `reference` stands for what a user of TFLM starts from, so it must cost what TFLM costs. The empty asm keeps a compiler from
 * hoisting the products out of the loops, which the compilers that TFLM's figures come from do not do either.
 */
#ifndef CFUKIT_REFERENCE_OFFSET_H
#define CFUKIT_REFERENCE_OFFSET_H

#include <stdint.h>

struct shape {
  int32_t sizes[4];
};

static inline int32_t offset(const struct shape *shape, int32_t i0, int32_t i1, int32_t i2, int32_t i3) {
  return ((i0 * shape->sizes[1] + i1) * shape->sizes[2] + i2) * shape->sizes[3] + i3;
}

#endif
