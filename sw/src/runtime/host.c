/* This machine in place of the system: standard input and output are the serial line, cycles are 0. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime.h"

int cfukit_main(void); /* the program's main, renamed by the build */

int main(void) {
  const int code = cfukit_main();
  cfukit_exit_answering(0, code);
}

void cfukit_line_put(uint8_t byte) {
  fputc(byte, stdout);
}

int cfukit_line_get(void) {
  fflush(stdout);
  const int byte = fgetc(stdin);
  return byte == EOF ? -1 : byte;
}

uint8_t cfukit_line_unlogged;

int cfukit_line_given(void) {
  return CFUKIT_LINE_ITSELF;
}

void cfukit_line_flush(void) {
  fflush(stdout);
}

void cfukit_halt(int code) {
  fflush(stdout);
  exit(code & 0xFF);
}

uint64_t cfukit_cycles(void) {
  return 0;
}

uint64_t cfukit_region_cycles(uintptr_t region) {
  (void)region;
  return 0;
}

uint32_t cfukit_cycles_low(void) {
  return 0;
}

uint32_t cfukit_instret(void) {
  return 0;
}

uint32_t cfukit_stack_bytes(void) {
  return 0;
}

uint32_t cfukit_stack_high_water(void) {
  return 0;
}

void cfukit_stack_paint(void) {
}

void cfukit_stack_check(void) {
}

#ifdef CFU_SOFTWARE
/* They are replaced by the CFU's where there is one. */
__attribute__((weak)) uint32_t cfu_software(uint32_t funct3, uint32_t funct7, uint32_t a, uint32_t b);
uint32_t cfu_software(uint32_t funct3, uint32_t funct7, uint32_t a, uint32_t b) {
  (void)funct3, (void)funct7, (void)a, (void)b;
  return 0; /* as the system without a CFU */
}

__attribute__((weak)) uint32_t cfu_software_address(const void *pointer);
uint32_t cfu_software_address(const void *pointer) {
  return (uint32_t)(uintptr_t)pointer;
}
#endif
