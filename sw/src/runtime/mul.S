/* uint32_t __mulsi3(uint32_t a, uint32_t b): the product on a CPU without multiplier. It takes as many steps of 7 instructions as the
   operand of smaller magnitude has bits: 8 for an int8 value. The compiler's own takes 32 for a negative value. */
  .section .text.__mulsi3, "ax"
  .globl __mulsi3
__mulsi3:
  srai a3, a0, 31
  xor a3, a3, a0             /* magnitudes, of negative values less one */
  srai a4, a1, 31
  xor a4, a4, a1
  mv a2, a0
  bgeu a3, a4, 1f
  mv a2, a1                  /* a1: the smaller, a2: the other */
  mv a1, a0
1:bgez a1, 2f
  neg a1, a1
  neg a2, a2
2:li a0, 0
  beqz a1, 4f
3:andi a3, a1, 1
  neg a3, a3
  and a3, a3, a2
  add a0, a0, a3
  srli a1, a1, 1
  slli a2, a2, 1
  bnez a1, 3b
4:ret
