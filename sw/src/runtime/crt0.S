/* Start and traps. The linker script gives the symbols __cfukit_*; soc.h what the CPU has. */
#include "soc.h"

#define GUARD_WORDS 16       /* as in stack.c */
#define GUARD 0x5AFE57AC

  .section .cfukit.boot, "ax" /* linked to the reset address if the code is in another memory */
  .globl __cfukit_boot
__cfukit_boot:
  lui t0, %hi(_start)
  jr %lo(_start)(t0)

  .section .cfukit.boot_copy, "ax" /* as .cfukit.boot, if the code must be copied first. It has no constants, because
                                      it may be in a boot ROM that only fetches can read */
  .globl __cfukit_boot_copy
__cfukit_boot_copy:
  .irp part, text, rodata
  lui a0, %hi(__cfukit_\part\()_load)
  addi a0, a0, %lo(__cfukit_\part\()_load)
  lui a1, %hi(__cfukit_\part\()_begin)
  addi a1, a1, %lo(__cfukit_\part\()_begin)
  lui a2, %hi(__cfukit_\part\()_end)
  addi a2, a2, %lo(__cfukit_\part\()_end)
1:bgeu a1, a2, 2f
  lw a3, 0(a0)
  sw a3, 0(a1)
  addi a0, a0, 4
  addi a1, a1, 4
  j 1b
2:
  .endr
  lui t0, %hi(_start)
  jr %lo(_start)(t0)

  .section .cfukit.start, "ax"
  .globl _start
_start:
  .option push
  .option norelax
  la gp, __cfukit_gp
  .option pop
  la sp, __cfukit_stack_top
#if CFUKIT_CPU_TRAPS
  la t0, trap
  csrw mtvec, t0
#endif
#if CFUKIT_CPU_CFU_ENABLE
  li t0, 0x80000000          /* bit 31 of LiteX's interrupt mask: without it CFU instructions are illegal */
  csrs 0xBC0, t0
#endif

  la t0, __cfukit_copy_begin /* {from, to, end} words: what must be copied to where it runs */
  la t1, __cfukit_copy_end
1:beq t0, t1, 4f
  lw a0, 0(t0)
  lw a1, 4(t0)
  lw a2, 8(t0)
  addi t0, t0, 12
2:bgeu a1, a2, 1b
  lw a3, 0(a0)
  sw a3, 0(a1)
  addi a0, a0, 4
  addi a1, a1, 4
  j 2b

4:la t0, __cfukit_bss_begin
  la t1, __cfukit_bss_end
  j 6f
5:sw zero, 0(t0)
  addi t0, t0, 4
6:bltu t0, t1, 5b

  la t0, __cfukit_stack_guard
  li t1, GUARD
  li t2, GUARD_WORDS
7:sw t1, 0(t0)
  addi t0, t0, 4
  addi t2, t2, -1
  bnez t2, 7b

  call main
  call cfukit_exit           /* does not return */

#if CFUKIT_CPU_TRAPS
/* Every trap ends the program, since nothing enables interrupts. The registers are saved to a place of their own, because sp may be
   what is wrong. A trap in here ends at `twice`. The interrupt mask 0xBC0 is the one spare register that every CPU with traps has. */
  .text
  .balign 4
trap:
  csrw 0xBC0, x31
  la x31, twice
  csrw mtvec, x31
  la x31, registers
  .irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
  sw x\n, 4 * \n - 4(x31)
  .endr
  csrr t0, 0xBC0
  sw t0, 120(x31)
  mv a3, x31
  csrr a0, mcause
  csrr a1, mepc
  csrr a2, mtval
  .option push
  .option norelax
  la gp, __cfukit_gp
  .option pop
  la sp, __cfukit_stack_top
  call cfukit_fault          /* does not return */

  .balign 4
twice:
  li a0, 255
  li t0, CFUKIT_CSR_CFUKIT_EXIT
  sw a0, 0(t0)
  la t0, cfukit_host
  lw t0, 16(t0)              /* back: on a board the boot loader takes over */
  beqz t0, 8f
  jr t0
8:j 8b

  .bss
  .balign 4
registers:
  .zero 31 * 4
#endif
