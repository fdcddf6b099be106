/* Boot ROM: waits for an image in flash, copies its parts to where they run, jumps to its entry. Only fetches see the ROM: it has no
   constants. Header at HEADER, 64 bytes: MAGIC, entry, then {from, to, end} per part, ended by an end of 0 (flash_image.py). */
  .globl _start
_start:
  li s0, HEADER
  li t0, MAGIC
1:lw t1, 0(s0)
  bne t1, t0, 1b
  lw s1, 4(s0)
  addi s0, s0, 8
2:lw a0, 0(s0)
  lw a1, 4(s0)
  lw a2, 8(s0)
  addi s0, s0, 12
  beqz a2, 4f
3:bgeu a1, a2, 2b
  lw a3, 0(a0)
  sw a3, 0(a1)
  addi a0, a0, 4
  addi a1, a1, 4
  j 3b
4:jr s1
