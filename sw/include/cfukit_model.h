/* A lowered model as C data: operators in order, each a kernel and its parameters. The build generates one
   `cfukit_model`; the server and bare programs run it. */
#ifndef CFUKIT_MODEL_H
#define CFUKIT_MODEL_H

#include <stdint.h>

/* A kernel computes one operator (or a fused group); `params` points to its parameter struct, see cfukit_kernels.h. */
typedef void cfukit_kernel(const void *params);

struct cfukit_op {
  cfukit_kernel *kernel;
  const void *params;
};

/* A tensor that lives from one inference to the next; reset copies `initial` to it, or fills it with `fill` where that is 0. */
struct cfukit_variable {
  void *data;
  const void *initial;
  uint32_t bytes;
  uint8_t fill;
};

struct cfukit_model {
  const struct cfukit_op *ops;
  uint8_t *arena; /* every input, output and intermediate tensor, at offsets that the host planned */
  uint8_t *far_arena; /* what begins at offset near_bytes: in another, larger memory */
  const struct cfukit_variable *variables;
  uint32_t *op_cycles; /* n_ops words for the server's measurements */
  uint32_t arena_bytes, near_bytes; /* both parts; the first alone */
  uint16_t n_ops, n_variables;
  uint8_t digest[16]; /* of the plan: the host refuses to talk to another firmware */
};

extern const struct cfukit_model cfukit_model;

/* Sections of the linker script, for the placement of a model's parts. */
#ifdef CFUKIT_HOST
#define CFUKIT_WEIGHTS
#define CFUKIT_PARAMS
#define CFUKIT_ARENA __attribute__((section("cfukit_dtcm"))) /* where a CFU with a memory port reaches it */
#define CFUKIT_FAR_ARENA
#define CFUKIT_BLOB
#else
#define CFUKIT_WEIGHTS __attribute__((section(".rodata.cfukit.weights")))
#define CFUKIT_PARAMS __attribute__((section(".rodata.cfukit.params"), aligned(16)))
#define CFUKIT_ARENA __attribute__((section(".bss.cfukit.arena"))) /* not cleared at the start */
#define CFUKIT_FAR_ARENA __attribute__((section(".bss.cfukit.far_arena"))) /* nor this */
#define CFUKIT_BLOB __attribute__((section(".bss.cfukit.blob")))   /* nor this: a model from the host */
#endif

/* The call behind the one that runs; 0: there is none, or it is not known. A kernel may prepare it, while a CFU computes, and say so in
   `cfukit_prepared`: the parameters of that call. `cfukit_kept`: the constants
   that made the tables which a CFU keeps from call to call; 0 at first, and when constants change. */
__attribute__((weak)) const struct cfukit_op *cfukit_following;
__attribute__((weak)) const void *cfukit_prepared, *cfukit_kept;

/* Run a call of a list that has `end`. behind: what follows the list. */
static inline void cfukit_call(const struct cfukit_op *op, const struct cfukit_op *end, const struct cfukit_op *behind) {
  cfukit_following = op + 1 == end ? behind : op + 1;
  op->kernel(op->params);
}

/* One inference: all operators in order. Inputs are in the arena before, outputs after. */
void cfukit_invoke(const struct cfukit_model *model);

/* Variables as at the beginning. */
void cfukit_reset(const struct cfukit_model *model);

#endif
