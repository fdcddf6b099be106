/* Boot ROM: takes a program over the UART into the instruction TCM and jumps to it. Only fetches see the ROM, so it has no tables.
   Sender: length in bytes (32 bits, low byte first), then as many bytes; answered with one '.' before the program starts. */
  .globl _start
_start:
  lui s0, 0xF0000            /* UART */
  lui s1, 0x20000            /* instruction TCM */
  li a0, 0
  li a1, 4
  li a2, 0                   /* shift */
1:call byte
  sll t0, t0, a2
  or a0, a0, t0
  addi a2, a2, 8
  addi a1, a1, -1
  bnez a1, 1b
  add a3, s1, a0             /* end */
  mv a4, s1
2:beq a4, a3, 3f
  call byte
  sb t0, 0(a4)
  addi a4, a4, 1
  j 2b
3:li t0, '.'
  sw t0, 0(s0)
  jr s1

byte:
  lw t0, 0(s0)
  andi t1, t0, 256
  beqz t1, byte
  andi t0, t0, 255
  ret
