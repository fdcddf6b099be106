/* Custom function unit: the instructions as C.

   cfu_op(funct3, funct7, a, b) and cfu_op0..cfu_op7(funct7, a, b) each issue one R-type instruction on custom-0 and
   give its result (uint32_t). funct3 and funct7 are integer constants (0..7, 0..127); a and b any 32-bit integers.
   They are never removed, doubled or reordered among each other, and the result always has a real register. With rd = x0 the CPU would
   drop the response of a CFU that still owes it.

   With -DCFU_SOFTWARE they call cfu_software() instead. A model or the verilated CFU defines it, and cfu_software_address(). */
#ifndef CFU_H
#define CFU_H

#include <stdint.h>

#if defined(CFU_SOFTWARE)

uint32_t cfu_software(uint32_t funct3, uint32_t funct7, uint32_t a, uint32_t b);

#define CFU_ISSUE_(funct3, funct7, a, b) cfu_software((uint32_t)(funct3), (uint32_t)(funct7), (a), (b))

#else

/* Neither GCC nor clang uses x0 for "=r". The build scans every ELF for it nevertheless. */
#define CFU_ISSUE_(funct3, funct7, a, b)                                                                        \
  __extension__({                                                                                               \
    uint32_t cfu_result_;                                                                                       \
    __asm__ volatile(".insn r 0x0B, %1, %2, %0, %3, %4"                                                         \
                     : "=r"(cfu_result_)                                                                        \
                     : "i"(funct3), "i"(funct7), "r"(a), "r"(b));                                               \
    cfu_result_;                                                                                                \
  })

#endif

#define cfu_op(funct3, funct7, a, b)                                                                            \
  __extension__({                                                                                               \
    _Static_assert((unsigned)(funct3) < 8u, "funct3 is a constant from 0 to 7");                                \
    _Static_assert((unsigned)(funct7) < 128u, "funct7 is a constant from 0 to 127");                            \
    const uint32_t cfu_a_ = (uint32_t)(a), cfu_b_ = (uint32_t)(b);                                              \
    CFU_ISSUE_(funct3, funct7, cfu_a_, cfu_b_);                                                                 \
  })

#define cfu_op0(funct7, a, b) cfu_op(0, funct7, a, b)
#define cfu_op1(funct7, a, b) cfu_op(1, funct7, a, b)
#define cfu_op2(funct7, a, b) cfu_op(2, funct7, a, b)
#define cfu_op3(funct7, a, b) cfu_op(3, funct7, a, b)
#define cfu_op4(funct7, a, b) cfu_op(4, funct7, a, b)
#define cfu_op5(funct7, a, b) cfu_op(5, funct7, a, b)
#define cfu_op6(funct7, a, b) cfu_op(6, funct7, a, b)
#define cfu_op7(funct7, a, b) cfu_op(7, funct7, a, b)

/* The compiler moves no load or store across this. Put it around an instruction that lets a CFU read or write memory. */
#define cfu_barrier() __asm__ volatile("" ::: "memory")

/* CFU_ADDR(pointer): the address that such a CFU uses, a byte offset in the data TCM. Never pass it a raw pointer.
   CFU_REACHES(pointer): whether it points into the data TCM.
   CFU_MEMORY before a variable places it there, aligned for every width of the port. It is not cleared at the start.
   At any time a word belongs either to the program or to the CFU. Do not touch what the CFU may write, from the instruction that starts
   it to the one that says that it is done. */
#if defined(CFU_SOFTWARE)
extern char __start_cfukit_dtcm[], __stop_cfukit_dtcm[]; /* on the host it is a section of this name, with the arena */
#define cfukit_dtcm_ __start_cfukit_dtcm
#define cfukit_dtcm_end_ __stop_cfukit_dtcm
#define CFU_MEMORY __attribute__((section("cfukit_dtcm"), aligned(16)))
#else
extern char cfukit_dtcm_[], cfukit_dtcm_end_[]; /* the data TCM: from the linker script, on a system that has one */
#define CFU_MEMORY __attribute__((section(".bss.cfukit.cfu_memory"), aligned(16)))
#endif
#define CFU_ADDR(pointer) ((uint32_t)((uintptr_t)(pointer) - (uintptr_t)cfukit_dtcm_))
#define CFU_REACHES(pointer) (CFU_ADDR(pointer) < (uint32_t)(cfukit_dtcm_end_ - cfukit_dtcm_))

/* CFU_DMA_ADDR(pointer): the address that a CFU with a DMA port uses for what lies in main memory. Put cfu_barrier() before the
   instruction that starts a read: the CFU then sees every earlier store.
   CFU_DMA_REACHES(pointer): whether it points into main memory, which has CFU_DMA_BYTES from the address CFU_DMA_BEGIN on. */
#if defined(CFU_SOFTWARE)
uint32_t cfu_software_address(const void *pointer); /* its lower half; what stands for the CFU remembers the upper one */
#define CFU_DMA_ADDR(pointer) cfu_software_address(pointer)
#define CFU_DMA_BEGIN ((uint32_t)0)
#define CFU_DMA_BYTES ((uint32_t)0xFFFFFFF0)
#define CFU_DMA_REACHES(pointer) ((void)(pointer), 1)
#else
extern char cfukit_main_ram_[], cfukit_main_ram_end_[]; /* from the linker script, on a system that has main memory */
#define CFU_DMA_ADDR(pointer) ((uint32_t)(uintptr_t)(pointer))
#define CFU_DMA_BEGIN CFU_DMA_ADDR(cfukit_main_ram_)
#define CFU_DMA_BYTES ((uint32_t)(cfukit_main_ram_end_ - cfukit_main_ram_))
#define CFU_DMA_REACHES(pointer) (CFU_DMA_ADDR(pointer) - CFU_DMA_BEGIN < CFU_DMA_BYTES)
#endif

#endif
