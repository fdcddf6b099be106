/* Positions in dense 4-D tensors, computed from all four indices at every access, as TFLM's reference kernels do.
 *
 * `reference` is what users of TFLM start from, so it must cost what TFLM costs. In TFLM's convolution the compiler leaves the input's
 * index products in the innermost loop (about 30 cycles per multiply-accumulate on board sim). In TFLM's other kernels it moves them
 * out. offset_in_loop keeps them in, by an empty asm that the outermost index passes through.
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

static inline int32_t offset_in_loop(const struct shape *shape, int32_t i0, int32_t i1, int32_t i2, int32_t i3) {
  __asm__ volatile("" : "+r"(i0));
  return offset(shape, i0, i1, i2, i3);
}

/* For the depthwise filter. micro_speech on board sim: TFLM 15.8 million cycles (gcc -O3); with `offset` gcc -O3 12.9 and clang -O2 15.7,
 * with `offset_in_loop` gcc 15.0 and clang 24.1.
 */
static inline int32_t offset_in_filter(const struct shape *shape, int32_t i1, int32_t i2, int32_t i3) {
#ifdef __clang__
  return offset(shape, 0, i1, i2, i3);
#else
  return offset_in_loop(shape, 0, i1, i2, i3);
#endif
}

#endif
