/* Start of the boot loader. The linker script (sw/cfukit_sw/boot.py) gives the symbols __boot_*. The first words are at the reset
   address and copy the rest to the end of a memory, where it runs. So programs can be loaded to the reset address. If a boot ROM of the
   board has copied the loader already, it begins at _start. */
#include "boot_config.h"
#include "soc.h"

  .macro address register, symbol /* absolute, because the first words run at another address than la assumes */
  lui \register, %hi(\symbol)
  addi \register, \register, %lo(\symbol)
  .endm

  .section .boot.start, "ax"
  .globl __boot_start
__boot_start:
  address t0, __boot_copy_from
  address t1, __boot_copy_to
  address t2, __boot_copy_end
1:bgeu t1, t2, 2f
  lw t3, 0(t0)
  sw t3, 0(t1)
  addi t0, t0, 4
  addi t1, t1, 4
  j 1b
2:li t0, CFUKIT_CSR_CFUKIT_CYCLES
  lw t0, 0(t0)                /* an uncached load: what was stored has arrived, */
  addi t0, t0, 0              /* when its value has: fence.i would not wait for it */
#if BOOT_FENCE_I
  .word 0x0000100f            /* fence.i: forget what was fetched from there before */
#endif
  address t0, _start
  jr t0

  .text
  .globl _start
_start:
  address t1, __boot_bss_begin
  address t2, __boot_bss_end
3:bgeu t1, t2, 4f
  sw zero, 0(t1)
  addi t1, t1, 4
  j 3b
4:address sp, __boot_stack_top
  j cfukit_boot

/* Where a program goes at its end, with its exit code in a0. */
  .globl __boot_back
__boot_back:
  address sp, __boot_stack_top
  j cfukit_boot_back

/* Starts the program at a0. */
  .globl cfukit_boot_jump
cfukit_boot_jump:
  li t0, CFUKIT_CSR_CFUKIT_CYCLES
  lw t0, 0(t0)
#if BOOT_FENCE_I
  .word 0x0000100f
#endif
  jr a0
