/* A turning torus in characters: `cfukit exec donut.c --project .`. Every frame is computed without and with the CFU, and compared.
 *
 * Numbers have 14 bits after the point, and a full turn has 256 steps. The tube has radius 1, its axis radius 2, and the eye is 5.25
 * before the centre. cfu.py has the equations of a point.
 */
#include "cfu_ops.h"
#include "cfukit.h"

#define ROWS 24
#define COLUMNS 80
#define CELLS (ROWS * COLUMNS)
#define TURN 256
#define TUBE_STEP 4 /* between the points around the tube */
#define ONE (1 << 14)
#define FRAMES 4
#define NOTHING 0xFFFF

struct direction {
  int16_t cosine, sine;
};
struct axes {
  int32_t e[3], y[3];
};
struct point {
  uint32_t cell, depth; /* depth: 16 * distance + light, so the smaller is in front */
};
typedef uint32_t __attribute__((may_alias)) word;

static struct direction circle[TURN], tube[TURN / TUBE_STEP] __attribute__((aligned(4)));
static uint16_t scales[1024], screens[2][CELLS]; /* of a screen: the depth of what each cell shows, NOTHING without a point */

/* Each direction is the one before it, turned by 1/256: 30 bits after the point are enough for all of them. */
static void make_tables(void) {
  const int64_t cosine = 1073418433, sine = 26350943; /* of a 256th of a turn */
  int64_t c = 1 << 30, s = 0;
  for (int i = 0; i < TURN; i++) {
    circle[i] = (struct direction){(int16_t)((c + (1 << 15)) >> 16), (int16_t)((s + (1 << 15)) >> 16)};
    const int64_t next = (c * cosine - s * sine) >> 30;
    s = (s * cosine + c * sine) >> 30;
    c = next;
  }
  for (int i = 0; i < TURN / TUBE_STEP; i++) tube[i] = circle[i * TUBE_STEP];
  for (int i = 0; i < 1024; i++) scales[i] = (uint16_t)((28 << 16) / (i < 112 ? 112 : i));
}

static inline int32_t turned(int32_t a, int32_t b, struct direction by) { return (a * by.cosine + b * by.sine + ONE / 2) >> 14; }

/* Around x by a, then around z by b. */
static void turn(int32_t v[3], struct direction a, struct direction b) {
  const struct direction back_a = {a.cosine, (int16_t)-a.sine}, back_b = {b.cosine, (int16_t)-b.sine};
  const int32_t y = turned(v[1], v[2], back_a), z = turned(v[2], v[1], a), x = v[0];
  v[0] = turned(x, y, back_b);
  v[1] = turned(y, x, b);
  v[2] = z;
}

static inline struct point in_software(const struct axes *axes, struct direction angle) {
  int32_t n[3];
  for (int k = 0; k < 3; k++) n[k] = turned(axes->e[k], axes->y[k], angle);
  const int32_t distance = ((21 * ONE / 4 + 2 * axes->e[2] + n[2]) >> 8) & 0x3FF, scale = scales[distance];
  const int32_t column = 40 + (((2 * axes->e[0] + n[0]) * scale + (1 << 23)) >> 24);
  const int32_t row = 12 - (((2 * axes->e[1] + n[1]) * scale + (1 << 24)) >> 25);
  const int32_t light = (n[1] - n[2]) >> 11;
  const uint32_t shade = light < 0 ? 0 : light > 11 ? 11 : (uint32_t)light;
  return (struct point){(uint32_t)(row * COLUMNS + column), (uint32_t)distance << 4 | shade};
}

static inline struct point by_cfu(struct direction angle) {
  const uint32_t found = cfu_point_at(*(const word *)(const void *)&angle);
  return (struct point){found & 0xFFFF, found >> 16};
}

static inline uint32_t both(int32_t low, int32_t high) { return ((uint32_t)low & 0xFFFF) | (uint32_t)high << 16; }

/* `with_cfu` is a constant for the compiler, which makes two functions of this one. */
__attribute__((always_inline)) static inline void draw(uint16_t *screen, struct direction a, struct direction b, int with_cfu) {
  for (int i = 0; i < CELLS; i++) screen[i] = NOTHING;
  for (int around = 0; around < TURN; around++) {
    struct axes axes = {{circle[around].cosine, 0, circle[around].sine}, {0, ONE, 0}};
    turn(axes.e, a, b);
    turn(axes.y, a, b);
    if (with_cfu) {
      (void)cfu_axis_x(both(axes.e[0], axes.y[0]));
      (void)cfu_axis_y(both(axes.e[1], axes.y[1]));
      (void)cfu_axis_z(both(axes.e[2], axes.y[2]));
    }
    for (int angle = 0; angle < TURN / TUBE_STEP; angle++) {
      const struct point p = with_cfu ? by_cfu(tube[angle]) : in_software(&axes, tube[angle]);
      if (p.depth < screen[p.cell]) screen[p.cell] = (uint16_t)p.depth;
    }
  }
}

static void show(const uint16_t *screen) {
  for (int row = 0; row < ROWS; row++, screen += COLUMNS) {
    int length = COLUMNS;
    while (length > 0 && screen[length - 1] == NOTHING) length--;
    for (int column = 0; column < length; column++) {
      putchar(screen[column] == NOTHING ? ' ' : ".,-~:;=!*#$@"[screen[column] & 15]);
    }
    putchar('\n');
  }
}

int main(void) {
  make_tables();
  for (int frame = 0; frame < FRAMES; frame++) {
    const struct direction a = circle[(40 + 21 * frame) % TURN], b = circle[(20 + 13 * frame) % TURN];
    CFUKIT_REGION("software") { draw(screens[0], a, b, 0); }
    CFUKIT_REGION("CFU") { draw(screens[1], a, b, 1); }
    for (int i = 0; i < CELLS; i++) {
      if (screens[0][i] != screens[1][i]) {
        printf("frame %d differs in cell %d\n", frame, i);
        return 1;
      }
    }
    show(screens[1]);
  }
  return 0;
}
