/* The end of a program, with records: regions and exit code, or the fault. */
#include "cfukit.h"
#include "cfukit_kernels.h"
#include "runtime.h"

static _Noreturn void finish(int code) {
  cfukit_line_flush();
  cfukit_halt(code);
}

void cfukit_exit(int code) {
  cfukit_exit_answering(0, code);
}

void cfukit_exit_answering(uint32_t seq, int code) {
  cfukit_stack_check();
  cfukit_regions_send();
  cfukit_frame_begin(CFUKIT_EXITED, seq);
  cfukit_frame_put((uint32_t)code, 4);
  cfukit_frame_end();
  finish(code);
}

void cfukit_fault(uint32_t mcause, uint32_t mepc, uint32_t mtval, const uint32_t *registers) {
  cfukit_frame_begin(CFUKIT_FAULT, 0);
  cfukit_frame_put(mcause, 4);
  cfukit_frame_put(mepc, 4);
  cfukit_frame_put(mtval, 4);
  for (uint32_t i = 0; i < 31; i++)
    cfukit_frame_put(registers != 0 ? registers[i] : 0, 4);
  cfukit_frame_end();
  finish(255);
}

/* Only a server knows the operator that is running: see server.c. */
__attribute__((weak)) void cfukit_refuse(const void *params, uint32_t value) {
  (void)params;
  cfukit_fault(CFUKIT_VALUE_REFUSED, 0, value, 0);
}
