/* LiteX's UART, cycle counter and end of simulation. */
#include "cfukit.h"
#include "runtime.h"
#include "soc.h"

#define CSR(address) (*(volatile uint32_t *)(uintptr_t)(address))

struct cfukit_host cfukit_host __attribute__((section(".data.cfukit_host"))); /* not in .bss: crt0.S leaves it alone */
uint8_t cfukit_line_unlogged;

void cfukit_line_put(uint8_t byte) {
  if (cfukit_host.log != cfukit_host.log_end && !cfukit_line_unlogged)
    *cfukit_host.log++ = byte;
  while (CSR(CFUKIT_CSR_UART_TXFULL) != 0) {
  }
  CSR(CFUKIT_CSR_UART_RXTX) = byte;
}

int cfukit_line_get(void) {
  while (CSR(CFUKIT_CSR_UART_RXEMPTY) != 0) {
  }
  const int byte = (int)(CSR(CFUKIT_CSR_UART_RXTX) & 0xFF);
  CSR(CFUKIT_CSR_UART_EV_PENDING) = 2; /* takes the byte out of the queue */
  return byte;
}

int cfukit_line_given(void) {
  if (cfukit_host.input == 0)
    return CFUKIT_LINE_ITSELF;
  return cfukit_host.input != cfukit_host.input_end ? *cfukit_host.input++ : -1;
}

void cfukit_line_flush(void) {
  while (CSR(CFUKIT_CSR_UART_TXEMPTY) == 0) {
  }
}

void cfukit_halt(int code) {
  CSR(CFUKIT_CSR_CFUKIT_EXIT) = (uint32_t)code;
  if (cfukit_host.back != 0)
    cfukit_host.back(code);
  for (;;) {
  }
}

/* Exactly one line of the instruction cache, wherever the linker puts it, so its cost does not depend on the rest of the program. */
__attribute__((aligned(32))) uint64_t cfukit_cycles(void) {
  for (;;) {
    const uint32_t high = CSR(CFUKIT_CSR_CFUKIT_CYCLES), low = CSR(CFUKIT_CSR_CFUKIT_CYCLES + 4);
    if (CSR(CFUKIT_CSR_CFUKIT_CYCLES) == high)
      return (uint64_t)high << 32 | low;
  }
}

/* The same, with the region in a0 when the low word arrives: that is where simulators look. */
__attribute__((aligned(32))) uint64_t cfukit_region_cycles(uintptr_t region) {
  register const uintptr_t told __asm__("a0") = region;
  for (;;) {
    const uint32_t high = CSR(CFUKIT_CSR_CFUKIT_CYCLES);
    uint32_t low;
    __asm__ volatile("lw %0, %1" : "=&r"(low) : "m"(CSR(CFUKIT_CSR_CFUKIT_CYCLES + 4)), "r"(told));
    if (CSR(CFUKIT_CSR_CFUKIT_CYCLES) == high)
      return (uint64_t)high << 32 | low;
  }
}

uint32_t cfukit_cycles_low(void) {
  return CSR(CFUKIT_CSR_CFUKIT_CYCLES + 4);
}

uint32_t cfukit_instret(void) {
  return CSR(CFUKIT_CSR_CFUKIT_INSTRET);
}
