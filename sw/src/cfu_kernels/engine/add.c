/* ADD on the streaming engine. A depthwise convolution whose taps are x1, x2, x1, x2 gives x1 - 256 * x2, which the engine takes apart. x1
 * is the input at the lower address; the other one counts as its neighbour in the row.
 *
 * An input that is broadcast or a constant goes through the scratch, as many repetitions or as much of it as fit.
 */
#include "cfukit_im2col.h"
#include "engine.h"

void cfukit_engine_add(const void *params);

/* An input. After `period` values it repeats. */
struct operand {
  const int8_t *at;
  int32_t period;
  struct cfukit_channel scale;
};

static int32_t period_of(const int32_t *sizes, const int32_t *strides) {
  if (strides[4] == 0) return 1;
  return strides[3] == 0 ? sizes[4] : sizes[3] * sizes[4];
}

/* `count` outputs of inputs that lie in the TCM, x1 below x2. ends: the call ends with them. */
static void add(const void *params, const int8_t *x1, const int8_t *x2, int8_t *output, int32_t count, int ends) {
  if (x2 - x1 > MAX_DISTANCE) cfukit_refuse(params, (uint32_t)(x2 - x1));
  struct shape s = {
      .width = 2,
      .pixel_bytes = (int32_t)(x2 - x1),
      .row_bytes = LANES,
      .filter_height = 2,
      .filter_width = 2,
      .stride_height = 1,
      .stride_width = 1,
      .dilation_width = 1,
      .rows = 4,
      .output_width = 1,
      .output_pixel_bytes = LANES,
  };
  for (int32_t done; count > 0; count -= done, x1 += done, x2 += done, output += done) {
    const int32_t rows = at_most(count / LANES, MAX_ROWS), lanes = rows ? LANES : count;
    s.height = s.output_height = rows ? rows : 1;
    done = rows ? rows * LANES : count;
    start(&s, x1, lanes, output, lanes, CFU_ENGINE_START_ADD);
    finish_job(params, ends && done == count, 3 * CFU_PARAM_REQUANTIZERS, 4);
  }
}

/* The first `count` values of a repetition of `period` values. */
static void repeat(int8_t *to, const int8_t *from, int32_t period, int32_t count) {
  int32_t done = at_most(period, count);
  for (int32_t i = 0; i < done; i++) to[i] = from[i];
  for (; done < count; done *= 2) cfukit_copy(to + done, to, at_most(done, count - done));
}

/* b through the scratch. */
static void add_staged(const struct cfukit_binary *p, const struct operand *a, const struct operand *b, int32_t count) {
  int8_t *const scratch = p->scratch, *output = p->output;
  const int8_t *from = a->at;
  const int repeats = b->period <= p->scratch_bytes;
  int32_t most = p->scratch_bytes;
  if (repeats) {
    const int32_t times = p->scratch_bytes / b->period;
    most = b->period * (times > LANES ? times / LANES * LANES : times);
    repeat(scratch, b->at, b->period, at_most(most, count));
  }
  for (int32_t at = 0, chunk; count > 0; count -= chunk, from += chunk, output += chunk) {
    chunk = at_most(count, most);
    if (!repeats) {
      chunk = at_most(chunk, b->period - at);
      cfukit_copy(scratch, b->at + at, chunk);
      at = at + chunk == b->period ? 0 : at + chunk;
    }
    if (from < scratch) add(p, from, scratch, output, chunk, chunk == count);
    else add(p, scratch, from, output, chunk, chunk == count);
  }
}

void cfukit_engine_add(const void *params) {
  const struct cfukit_binary *p = params;
  const int32_t count = p->sizes[3] * p->sizes[4];
  struct operand a = {p->input1, period_of(p->sizes, p->strides1), {-p->zero_point1 * (1 << 20), p->multiplier1, p->shift1}};
  struct operand b = {p->input2, period_of(p->sizes, p->strides2), {-p->zero_point2 * (1 << 20), p->multiplier2, p->shift2}};
  const struct cfukit_channel scale = {0, p->multiplier, p->shift};
  if (a.period < count || !in_tcm(a.at, 1)) { /* b is the one that may be broadcast or a constant */
    const struct operand c = a;
    a = b, b = c;
  }
  const int staged = b.period < count || !in_tcm(b.at, 1);
  const int a_first = a.at < (staged ? (const int8_t *)p->scratch : b.at);
  begin(params, a.at, p->output);
  must_be_in_tcm(params, staged ? p->scratch : b.at, p->output);
  set_range(0, p->output_zero_point, p->activation_min, p->activation_max);
  (void)cfu_engine_feed_restart(0, 0);
  fill_weights(0x01010101, 1);
  fill_weights(0x80808080, 1);
  fill_weights(0, 1);
  fill_weights(0x80808080, 1);
  feed_channels(a_first ? a.scale : b.scale, CFU_PARAM_REQUANTIZERS);
  feed_channels(a_first ? b.scale : a.scale, CFU_PARAM_REQUANTIZERS);
  feed_channels(scale, CFU_PARAM_REQUANTIZERS);
  if (CFU_PARAM_RESIDUAL) cfukit_kept = 0;
  (void)cfu_engine_start_terms(0, 0);
  if (staged) add_staged(p, &a, &b, count);
  else if (a_first) add(p, a.at, b.at, p->output, count, 1);
  else add(p, b.at, a.at, p->output, count, 1);
}
