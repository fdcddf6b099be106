/* The end of a program without the record protocol, in place of exit.c and wire.c: only an exit code, which is 255 after a trap or stack
   overflow. For firmware that talks to nobody, and to measure what the protocol costs. */
#include "cfukit.h"
#include "cfukit_kernels.h"
#include "runtime.h"

void cfukit_exit(int code) {
  cfukit_stack_check();
  cfukit_halt(code);
}

void cfukit_fault(uint32_t mcause, uint32_t mepc, uint32_t mtval, const uint32_t *registers) {
  (void)mcause, (void)mepc, (void)mtval, (void)registers;
  cfukit_halt(255);
}

void cfukit_refuse(const void *params, uint32_t value) {
  (void)params, (void)value;
  cfukit_halt(255);
}
