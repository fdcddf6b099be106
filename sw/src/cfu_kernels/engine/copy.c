/* COPY on the streaming engine: bands of rows, of a model that exceeds the data TCM. */
#include "cfukit_im2col.h"
#include "engine.h"

/* To the TCM, if both sides are whole rows; else the CPU copies. */
void cfukit_engine_copy(const void *params) {
  const struct cfukit_copy *p = params;
  const uint32_t rows = (uint32_t)p->bytes / LANES;
  if (p->bytes % LANES == 0 && in_tcm(p->output, LANES)) {
    (void)cfu_engine_set_output(CFU_ADDR(p->output), 0);
    cfu_barrier();
    if (in_tcm(p->input, LANES)) {
      (void)cfu_engine_start_copy(CFU_ADDR(p->input), rows);
      finish(params);
      return;
    }
#if CFU_PARAM_DMA
    if (in_main(p->input, LANES)) {
      set_main();
      (void)cfu_engine_start_main_copy(CFU_DMA_ADDR(p->input), rows);
      finish(params);
      return;
    }
#endif
  }
  (void)cfukit_copy((int8_t *)p->output, (const int8_t *)p->input, p->bytes);
}
