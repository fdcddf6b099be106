/* TFLite_Detection_PostProcess. The next detection is always the active box with the highest score, so nothing is sorted. */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"
#include "exponential.h"

void cfukit_reference_detection_postprocess(const void *params);

struct box {
  float y_min, x_min, y_max, x_max;
};

static float score_of(const struct cfukit_detection *p, int32_t place) {
  const float score = p->scores[place];
  return score == score ? score : float_of(-0x800000); /* not a number: -infinity */
}

static void decode(const struct cfukit_detection *p, struct box *boxes) {
  const double y_scale = (double)float_of(p->scale_bits[0]), x_scale = (double)float_of(p->scale_bits[1]);
  const double h_scale = (double)float_of(p->scale_bits[2]), w_scale = (double)float_of(p->scale_bits[3]);
  for (int32_t i = 0; i < p->boxes; i++) {
    const float *code = p->encodings + i * p->encoding, *anchor = p->anchors + i * 4;
    const double height = (double)anchor[2], width = (double)anchor[3];
    const float y = (float)((double)code[0] / y_scale * height + (double)anchor[0]);
    const float x = (float)((double)code[1] / x_scale * width + (double)anchor[1]);
    const float half_h = (float)(0.5 * double_exp((double)code[2] / h_scale) * height);
    const float half_w = (float)(0.5 * double_exp((double)code[3] / w_scale) * width);
    boxes[i] = (struct box){y - half_h, x - half_w, y + half_h, x + half_w};
    if (boxes[i].y_min >= boxes[i].y_max || boxes[i].x_min >= boxes[i].x_max) cfukit_refuse(p, (uint32_t)i);
  }
}

static float overlap(const struct box *a, const struct box *b) {
  const float area_a = (a->y_max - a->y_min) * (a->x_max - a->x_min), area_b = (b->y_max - b->y_min) * (b->x_max - b->x_min);
  if (area_a <= 0 || area_b <= 0) return 0;
  const float height = (a->y_max < b->y_max ? a->y_max : b->y_max) - (a->y_min > b->y_min ? a->y_min : b->y_min);
  const float width = (a->x_max < b->x_max ? a->x_max : b->x_max) - (a->x_min > b->x_min ? a->x_min : b->x_min);
  const float both = (height > 0 ? height : 0) * (width > 0 ? width : 0);
  return both / (area_a + area_b - both);
}

/* The active box with the highest score, which is taken out together with those that it overlaps too much; -1 if none is active. */
static int32_t next_box(const struct cfukit_detection *p, const struct box *boxes, uint8_t *active, const float *scores) {
  int32_t best = -1;
  float highest = 0;
  for (int32_t i = 0; i < p->boxes; i++) {
    if (!active[i] || (best >= 0 && !(scores[i] > highest))) continue;
    best = i;
    highest = scores[i];
  }
  if (best < 0) return best;
  active[best] = 0;
  for (int32_t i = 0; i < p->boxes; i++) {
    if (active[i] && overlap(&boxes[best], &boxes[i]) > float_of(p->overlap_bits)) active[i] = 0;
  }
  return best;
}

static void activate(const struct cfukit_detection *p, uint8_t *active, const float *scores) {
  for (int32_t i = 0; i < p->boxes; i++) active[i] = scores[i] >= float_of(p->least_bits);
}

static void report(const struct cfukit_detection *p, const struct box *boxes, int32_t place, int32_t box, int32_t number) {
  ((struct box *)(void *)p->output_boxes)[place] = boxes[box];
  p->output_classes[place] = (float)number;
  p->output_scores[place] = p->scores[box * p->columns + p->first + number];
}

/* The best classes of each box that is left by its best one. TFLM leaves places out if a box has several classes. */
static int32_t fast(const struct cfukit_detection *p, const struct box *boxes, uint8_t *active, float *highest) {
  const int32_t n_classes = p->columns - p->first;
  for (int32_t i = 0; i < p->boxes; i++) {
    highest[i] = score_of(p, i * p->columns + p->first);
    for (int32_t c = 1; c < n_classes; c++) {
      const float score = score_of(p, i * p->columns + p->first + c);
      if (score > highest[i]) highest[i] = score;
    }
  }
  activate(p, active, highest);
  int32_t found = 0;
  for (int32_t n = 0, box; n < p->detections && (box = next_box(p, boxes, active, highest)) >= 0; n++) {
    int32_t last = -1; /* the class before, in falling order of scores */
    float limit = 0;
    for (int32_t column = 0; column < p->classes; column++, found++) {
      int32_t best = -1;
      float largest = 0;
      for (int32_t c = 0; c < n_classes; c++) {
        const float score = score_of(p, box * p->columns + p->first + c);
        const int behind = last < 0 || score < limit || (score == limit && c > last);
        if (!behind || (best >= 0 && !(score > largest))) continue;
        best = c;
        largest = score;
      }
      report(p, boxes, p->classes * found + column, box, best);
      last = best;
      limit = largest;
    }
  }
  return found;
}

/* The best of all classes, each of which is suppressed alone. kept: places among the scores, in falling order. */
static int32_t regular(const struct cfukit_detection *p, const struct box *boxes, uint8_t *active, float *column, int32_t *kept) {
  int32_t found = 0;
  for (int32_t c = p->first; c < p->columns; c++) {
    for (int32_t i = 0; i < p->boxes; i++) column[i] = score_of(p, i * p->columns + c);
    activate(p, active, column);
    for (int32_t n = 0, box; n < p->per_class && (box = next_box(p, boxes, active, column)) >= 0; n++) {
      int32_t place = found;
      while (place > 0 && score_of(p, kept[place - 1]) < column[box]) place--;
      if (place == p->detections) continue;
      found = cfukit_min(found + 1, p->detections);
      for (int32_t i = found - 1; i > place; i--) kept[i] = kept[i - 1];
      kept[place] = box * p->columns + c;
    }
  }
  for (int32_t i = 0; i < found; i++) report(p, boxes, i, kept[i] / p->columns, kept[i] % p->columns - p->first);
  return found;
}

void cfukit_reference_detection_postprocess(const void *params) {
  const struct cfukit_detection *p = params;
  struct box *boxes = p->scratch;
  float *column = (float *)(void *)(boxes + p->boxes);
  int32_t *kept = (int32_t *)(void *)(column + p->boxes);
  uint8_t *active = (uint8_t *)(kept + (p->regular ? p->detections : 0));
  for (int32_t i = 0; i < p->places[0]; i++) p->output_boxes[i] = 0;
  for (int32_t i = 0; i < p->places[1]; i++) p->output_classes[i] = 0;
  for (int32_t i = 0; i < p->places[2]; i++) p->output_scores[i] = 0;
  for (int32_t i = 0; i < p->places[3]; i++) p->output_count[i] = 0;
  decode(p, boxes);
  p->output_count[0] = (float)(p->regular ? regular(p, boxes, active, column, kept) : fast(p, boxes, active, column));
}
