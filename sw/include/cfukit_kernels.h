/* Parameters of the kernels: one struct for each kind of operator, the same for the library's kernels and for projects.
 *
 * A kernel is `void NAME(const void *params)`. Tensors are dense, NHWC, int8_t unless said otherwise. Kernels with int16 in their names take int16_t, also where a pointer says int8_t. "zero point" means the zero point, never its negative. It lies in the range of its tensor's type. The host computes everything here (sw/cfukit_sw/lowering).
 *
 * struct cfukit_channel, one per output channel:
 *   bias        what the sum starts with. For kernels that fold the input's zero point (all but `reference`) the host has subtracted
 *               input_zero_point * sum(weights of the channel), so the kernel multiplies stored values, and a tap outside the image
 *               reads input_zero_point.
 *   multiplier  0 or 2^30 .. 2^31 - 1
 *   shift       -31 .. 30; `multiplier * 2^(shift - 31)` rescales the sum. Kernels of `portable` see -20 .. 0 only, and sums and
 *               partial sums below 2^29 in magnitude (cfukit_rescale); the host checks both for every possible input.
 */
#ifndef CFUKIT_KERNELS_H
#define CFUKIT_KERNELS_H

#include <stdint.h>

/* For a kernel whose input holds values that its operator does not allow: ends the program with a record that names the operator
 * and `value`. params: as the kernel got them. */
_Noreturn void cfukit_refuse(const void *params, uint32_t value);

struct cfukit_channel {
  int32_t bias, multiplier, shift;
};

/* The same for int16_t activations whose sums have 64 bits (cfukit_multiply_wide). Shifts are -31 .. 7. Kernels for int16_t with an
 * int32_t bias have sums of 32 bits, and struct cfukit_channel. Nothing is folded: zero points are 0. */
struct cfukit_wide_channel {
  int32_t bias_low, bias_high, multiplier, shift;
};

/* CONV_2D and DEPTHWISE_CONV_2D.
 * input [batches, input_height, input_width, input_channels]; output [batches, output_height, output_width, output_channels].
 * weights: CONV_2D [output_channels, filter_height, filter_width, filter_channels], groups = input_channels / filter_channels;
 *   DEPTHWISE_CONV_2D [filter_height, filter_width, output_channels], output channel = input channel * depth_multiplier + m;
 *   or whatever the kernel's `pack` made of them. Output (y, x) begins at input (y * stride_height - padding_top, ...); taps outside
 *   the image count as input_zero_point. scratch: scratch_bytes, 4-byte aligned, as asked by the kernel; contents undefined.
 * activation_min, activation_max: -128 .. 127, the range of the result.
 */
struct cfukit_conv {
  const int8_t *input;
  const void *weights;
  const struct cfukit_channel *channels;
  int8_t *output;
  void *scratch;
  int32_t scratch_bytes;
  int32_t batches, input_height, input_width, input_channels;
  int32_t filter_height, filter_width, filter_channels;
  int32_t output_height, output_width, output_channels;
  int32_t stride_height, stride_width, dilation_height, dilation_width, padding_top, padding_left;
  int32_t depth_multiplier;
  int32_t input_zero_point, output_zero_point, activation_min, activation_max;
};

/* CONV_2D or DEPTHWISE_CONV_2D, and an ADD behind it, as one: the members of struct cfukit_conv, then those of the ADD. A result of the
 * convolution, after its zero point and clamp, is the ADD's first operand, and `addend`, of the output's shape, its second one. batches is 1.
 * channels: those of the two operands and of the sum come first (bias: minus the zero point << 20), in the kernel's own order. */
struct cfukit_conv_add {
  const int8_t *input;
  const void *weights;
  const struct cfukit_channel *channels;
  int8_t *output;
  void *scratch;
  int32_t scratch_bytes;
  int32_t batches, input_height, input_width, input_channels;
  int32_t filter_height, filter_width, filter_channels;
  int32_t output_height, output_width, output_channels;
  int32_t stride_height, stride_width, dilation_height, dilation_width, padding_top, padding_left;
  int32_t depth_multiplier;
  int32_t input_zero_point, output_zero_point, activation_min, activation_max;
  const int8_t *addend;
  int32_t sum_zero_point, sum_min, sum_max;
};

/* FULLY_CONNECTED. input [batches, input_channels]; weights [output_channels, input_channels] or packed; output [batches,
 * output_channels]. The other members as in struct cfukit_conv. */
struct cfukit_fully_connected {
  const int8_t *input;
  const void *weights;
  const struct cfukit_channel *channels;
  int8_t *output;
  void *scratch;
  int32_t scratch_bytes;
  int32_t batches, input_channels, output_channels;
  int32_t input_zero_point, output_zero_point, activation_min, activation_max;
};

/* The same, int8_t, with weights that have a zero point: weights [output_channels, input_channels]. */
struct cfukit_fully_connected_zero_point {
  const int8_t *input, *weights;
  const struct cfukit_channel *channels;
  int8_t *output;
  int32_t batches, input_channels, output_channels;
  int32_t input_zero_point, weights_zero_point, output_zero_point, activation_min, activation_max;
};

/* A convolution or FULLY_CONNECTED, `op`, whose bias [n_channels] another operator computes. It finds its channels in scratch: those
 * given, each of `words` words, with the bias as their first word, or as their first two if it has 8 or 2 bytes. A bias of 2 ** 46 or
 * more in magnitude is refused with its channel. */
struct cfukit_op;
struct cfukit_with_bias {
  const void *bias;
  const int32_t *channels;
  void *scratch;
  const struct cfukit_op *op;
  int32_t n_channels, words, bias_bytes;
};

/* AVERAGE_POOL_2D and MAX_POOL_2D: shapes as in struct cfukit_conv, `channels` unchanged; taps outside the image do not count. */
struct cfukit_pool {
  const int8_t *input;
  int8_t *output;
  int32_t batches, input_height, input_width, channels;
  int32_t filter_height, filter_width, output_height, output_width;
  int32_t stride_height, stride_width, padding_top, padding_left;
  int32_t activation_min, activation_max;
};

/* SOFTMAX over the last axis: input int8_t [rows, depth]; output int8_t, or int16_t where the kernel's name says so.
 * z = SRDHM((x - max) << left_shift, multiplier) in Q5.26; x - max < difference_min counts as exp 0. scratch: depth words.
 * A row whose exponentials sum to more than sum_max, in Q12.19, is refused with the sum's integer part. */
struct cfukit_softmax {
  const int8_t *input;
  void *output;
  int32_t *scratch;
  int32_t rows, depth;
  int32_t multiplier, left_shift, difference_min;
  uint32_t sum_max;
};

/* SOFTMAX over the last axis, int16_t [rows, depth]: e of MBQM(x - max, multiplier, shift), where -65535 .. 0 stands for -10 .. 0, from a
 * table of 513 entries, and 1 / (1 + x) for x = 0 .. 1 from another. */
struct cfukit_softmax_table {
  const int16_t *input, *exponentials, *reciprocals;
  int16_t *output;
  int32_t rows, depth, multiplier, shift;
};

/* LOG_SOFTMAX over the last axis, [rows, depth]: z = MBQM(x - max, multiplier, left_shift) in Q5.26; x - max < difference_min counts as exp 0.
 * (reverse_multiplier, reverse_shift) lead from Q5.26 to differences. */
struct cfukit_log_softmax {
  const int8_t *input;
  int8_t *output;
  int32_t rows, depth, multiplier, left_shift, difference_min, reverse_multiplier, reverse_shift;
};

/* L2_NORMALIZATION over the last axis, [rows, depth]; output scale 1/128. */
struct cfukit_l2_normalization {
  const int8_t *input;
  int8_t *output;
  int32_t rows, depth, input_zero_point;
};

/* ADD_N: inputs as in ADD, n_inputs of them with one zero point and multiplier; the sum starts with `begin`. */
struct cfukit_addend {
  const int8_t *input;
};
struct cfukit_add_n {
  const struct cfukit_addend *inputs;
  int8_t *output;
  int32_t n_inputs, count, begin, input_zero_point, output_zero_point;
  int32_t left_shift, input_multiplier, input_shift, multiplier, shift;
};

/* BATCH_MATMUL: output [sizes[0..2], rows, columns] of matrices that begin at multiples of strides1 and strides2; all strides in elements, one
 * for a step of each matrix along its rows, its columns and the sum. int8_t, or int16_t with sums of 64 bits (cfukit_multiply_wide). */
struct cfukit_batch_matmul {
  const void *input1, *input2;
  void *output;
  int32_t sizes[3], strides1[3], strides2[3], rows, depth, columns;
  int32_t row_stride1, depth_stride1, depth_stride2, column_stride2;
  int32_t zero_point1, zero_point2, output_zero_point, multiplier, shift;
};

/* LOGISTIC and TANH of `count` int16_t: table: TFLM's sigmoid(k / 24), k = 0 .. 255, in 0.16. The argument is input * multiplier / 2^shift
 * rounded, or input * 3 * 2^shift where the multiplier is 0; 24 * 512 (LOGISTIC) or 12 * 512 (TANH) stand for 1. output may be input. */
struct cfukit_sigmoid {
  const int16_t *input;
  const uint16_t *table;
  int16_t *output;
  int32_t count, multiplier, shift;
};

/* float32 kernels (float in their names) take the other structs with float pointers: `channels` is an array of biases, activation_min and
 * activation_max are float32 bits, `multiplier` of cfukit_reduce is the divisor's. This struct is for functions of `count` values: low_bits,
 * high_bits: the range of RELU and RELU6; low_bits: alpha of LEAKY_RELU, and beta of SOFTMAX, which has `count` rows of `depth`. */
struct cfukit_float {
  const float *input;
  float *output;
  int32_t count, depth, low_bits, high_bits;
};

/* Operators on two tensors with broadcasting: ADD, SUB, MUL, MINIMUM, MAXIMUM. sizes: the output's shape, neighbouring axes merged
 * where both inputs allow, 1 in front; strides of the inputs in elements (0: broadcast). The output is dense.
 * ADD, SUB (int8_t, int16_t): u_i = MBQM((x_i - zero point) << left_shift, multiplier_i, shift_i), result MBQM(u1 +- u2, multiplier, shift);
 * MUL: MBQM((x1 - zero point 1) * (x2 - zero point 2), multiplier, shift). All shifts of ADD and SUB are <= 0. */
struct cfukit_binary {
  const void *input1, *input2;
  void *output;
  int32_t sizes[5], strides1[5], strides2[5];
  int32_t zero_point1, zero_point2, output_zero_point;
  int32_t left_shift, multiplier1, shift1, multiplier2, shift2, multiplier, shift;
  int32_t activation_min, activation_max;
  void *scratch;
  int32_t scratch_bytes;
};

/* EQUAL, NOT_EQUAL, GREATER, GREATER_EQUAL, LESS, LESS_EQUAL with broadcasting, as in struct cfukit_binary; output: 0 or 1. element_bytes: 1
 * (int8_t, or bool with left_shift 0), 4 (int32_t) or 8 (int64_t). If left_shift is not 0, MBQM((x - zero point) << left_shift, multiplier,
 * shift) of both sides are compared. */
struct cfukit_compare {
  const void *input1, *input2;
  uint8_t *output;
  int32_t sizes[5], strides1[5], strides2[5], element_bytes;
  int32_t zero_point1, zero_point2, left_shift, multiplier1, shift1, multiplier2, shift2;
};

/* SELECT_V2: input1 where the condition is not 0, else input2. Shapes as in struct cfukit_binary; `strides` are the condition's. */
struct cfukit_select {
  const uint8_t *condition, *input1, *input2;
  uint8_t *output;
  int32_t sizes[5], strides[5], strides1[5], strides2[5], element_bytes;
};

/* CAST of `count` elements. Kinds: 0 int8_t, 1 int16_t, 2 int32_t, 3 uint32_t, 4 bool, 5 float. */
struct cfukit_cast {
  const void *input;
  void *output;
  int32_t count, input_kind, output_kind;
};

/* DIV int8_t: struct cfukit_binary. (x1 - zero point 1) / (x2 - zero point 2) is rescaled by (multiplier, shift), shift -24 .. 22; a divisor of 0 is
 * refused. int32_t: truncates. FLOOR_DIV, FLOOR_MOD: float32. */

/* SQUARED_DIFFERENCE: struct cfukit_binary, as SUB up to u1 - u2, whose square is rescaled by (multiplier, shift). int32_t: plain. */

/* ABS int16_t: struct cfukit_quantize with |x - input zero point|. */

/* MEAN, SUM (rescaled), REDUCE_MAX, REDUCE_MIN and REDUCE_ALL (of bool). For each index into kept_sizes (dense output order) the elements at reduced_sizes x
 * reduced_strides from the index's place (kept_strides) are combined. sum_zero_point = input zero point * elements reduced. */
struct cfukit_reduce {
  const int8_t *input;
  int8_t *output;
  int32_t kept_sizes[4], kept_strides[4], reduced_sizes[4], reduced_strides[4];
  int32_t sum_zero_point, multiplier, shift, output_zero_point;
};

/* TRANSPOSE_CONV takes struct cfukit_conv: weights [output_channels, filter_height, filter_width, input_channels]; input pixel (y, x)
 * reaches outputs (y * stride_height - padding_top + filter_y, ...). The bias is not folded. */

/* PRELU: struct cfukit_binary, input2 the slopes, int8 on int16 too. d = x1 - zero point 1; d >= 0: MBQM(d, multiplier1, shift1), else
 * MBQM(d * (x2 - zero point 2), multiplier, shift). */

/* ARG_MAX: input [outer, depth, inner]; output int32_t [outer, inner], the index of the first maximum along depth. */
struct cfukit_arg_max {
  const int8_t *input;
  int32_t *output;
  int32_t outer, depth, inner;
};

/* QUANTIZE and DEQUANTIZE of `count` elements. Integers: clamp(MBQM(x - input zero point, multiplier, shift) + output zero point,
 * output_min, output_max); input_bytes and output_bytes are 1, 2 or 4. From float: clamp(round(x / scale) + output zero point), halves
 * away from zero. To float: scale * (x - input zero point). scale_bits: the float32 scale. */
struct cfukit_quantize {
  const void *input;
  void *output;
  int32_t count, input_bytes, output_bytes;
  int32_t input_zero_point, output_zero_point, multiplier, shift, output_min, output_max;
  uint32_t scale_bits;
};

/* RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR, NHWC. rows, columns: for each output row (column) the input row (column); for bilinear
 * three numbers, the lower and the upper one and the fraction between them in 1/1024. */
struct cfukit_resize {
  const int8_t *input;
  int8_t *output;
  const int32_t *rows, *columns;
  int32_t batches, input_height, input_width, channels, output_height, output_width;
};

/* SVDF. input [batches, inputs]; feature_weights [units * rank, inputs]; time_weights [units * rank, memory] and state [batches, units *
 * rank, memory] int16_t, or int8_t where the kernel's name says so; output [batches, units]. (multiplier1, shift1) to the state's scale,
 * (multiplier2, shift2) to the output's. */
struct cfukit_svdf {
  const int8_t *input, *feature_weights;
  const void *time_weights;
  const int32_t *bias;
  void *state;
  int8_t *output;
  int32_t batches, inputs, units, rank, memory;
  int32_t input_zero_point, state_zero_point, output_zero_point;
  int32_t multiplier1, shift1, multiplier2, shift2;
};

/* The same in float32. activation: 0 none, 1 RELU, 2 tanh, 3 the sign bit, 4 the range low_bits .. high_bits (float32 bits). */
struct cfukit_svdf_float {
  const float *input, *feature_weights, *time_weights, *bias;
  float *state, *output;
  int32_t batches, inputs, units, rank, memory;
  int32_t activation, low_bits, high_bits;
};

/* UNIDIRECTIONAL_SEQUENCE_LSTM. Gates in the order input, forget, cell, output: weights [cells, inputs], recurrent [cells, cells], bias
 * [cells]. hidden int8_t and cell int16_t [batches, cells] are variables. input: step s of item b begins at (s * step_stride + b *
 * item_stride) * inputs; output likewise with cells. candidate_tanh: 1 tanh, 0 no function. cell_limit: 0 .. 32767, or 32768: none. tanh_multiplier, tanh_shift:
 * the form of the cell state for tanh16. scratch: cells int16_t. On int16_t the biases are int64_t, low words first, which
 * may begin at any word. */
struct cfukit_lstm_gate {
  const int8_t *weights, *recurrent;
  const int32_t *bias;
  int32_t multiplier1, shift1, multiplier2, shift2;
};
struct cfukit_lstm {
  const int8_t *input;
  int8_t *hidden;
  int16_t *cell;
  int8_t *output;
  int16_t *scratch;
  const struct cfukit_lstm_gate *gates;
  const uint16_t *table;
  int32_t steps, batches, inputs, cells, step_stride, item_stride;
  int32_t input_zero_point, hidden_zero_point, candidate_tanh, cell_limit;
  int32_t forget_multiplier, forget_shift, update_multiplier, update_shift, output_multiplier, output_shift;
  int32_t tanh_multiplier, tanh_shift;
};

/* The same in float32. scratch: cells floats. cell_clip_bits: a float32 limit of the cell state, 0 for none. */
struct cfukit_lstm_float_gate {
  const float *weights, *recurrent, *bias;
};
struct cfukit_lstm_float {
  const float *input;
  float *hidden, *cell, *output, *scratch;
  const struct cfukit_lstm_float_gate *gates;
  int32_t steps, batches, inputs, cells, step_stride, item_stride, candidate_tanh, cell_clip_bits;
};

/* CIRCULAR_BUFFER: appends `bytes` of input to a buffer of `size` bytes, whose oldest bytes leave. cycles above 1: `count` counts the
 * inferences, and goes_on becomes 1 in each `cycles`th of them, else 0. */
struct cfukit_circular_buffer {
  const uint8_t *input;
  uint8_t *buffer, *goes_on;
  int32_t *count;
  int32_t size, bytes, cycles;
};

/* SignalWindow: (input * weights[i]) >> shift, saturated. rows vectors of count samples. */
struct cfukit_signal_window {
  const int16_t *input, *weights;
  int16_t *output;
  int32_t rows, count, shift;
};

/* SignalFftAutoScale: output = input << *bits, as far as int16_t allows. */
struct cfukit_auto_scale {
  const int16_t *input;
  int16_t *output;
  int32_t *bits;
  int32_t count;
};

/* SignalRfft and SignalIrfft on int16_t, int32_t or float, as the kernel's name says. rows vectors: `samples` reals (of `length`; the rest
 * is 0) and length / 2 + 1 bins, real and imaginary parts in turn. radices: of the stages of the complex transform of length / 2 pairs, the
 * outermost first; twiddles [length / 2, 2]; real_twiddles [length / 4, 2]. scratch: `length` values. */
struct cfukit_fft {
  const void *input;
  void *output, *scratch;
  const void *twiddles, *real_twiddles;
  const int32_t *radices;
  int32_t rows, samples, length;
};

/* SignalEnergy: re^2 + im^2 of the bins first .. last - 1; the others of the `count` outputs are 0. */
struct cfukit_energy {
  const int16_t *input;
  uint32_t *output;
  int32_t first, last, count;
};

/* SignalFilterBank. Band i has widths[i] energies from starts[i] on, and weights from places[i] on. Output i is band i with unweights
 * plus band i + 1 with weights; uint64_t, which may begin at any word. */
struct cfukit_filter_bank {
  const uint32_t *input;
  const int16_t *weights, *unweights, *starts, *places, *widths;
  void *output;
  int32_t channels;
};

/* SignalFilterBankSquareRoot: round(sqrt(input)) >> *bits. input: uint64_t, which may begin at any word. */
struct cfukit_filter_bank_square_root {
  const void *input;
  const int32_t *bits;
  uint32_t *output;
  int32_t count;
};

/* SignalFilterBankSpectralSubtraction. noise is a variable, estimate an output. smoothing, one_minus: of even and of odd channels. */
struct cfukit_spectral_subtraction {
  const uint32_t *input;
  uint32_t *noise, *output, *estimate;
  int32_t count, smoothing[2], one_minus[2], least, smoothing_bits, bits, clamps;
};

/* SignalPCAN. gains: three values for each octave of the noise. */
struct cfukit_pcan {
  const uint32_t *input, *noise;
  const int16_t *gains;
  uint32_t *output;
  int32_t count, shift;
};

/* SignalFilterBankLog: scale * ln(input << bits). table [130]: 2^16 * (log2(1 + k / 128) - k / 128). */
struct cfukit_filter_bank_log {
  const uint32_t *input;
  const uint16_t *table;
  int16_t *output;
  int32_t count, bits, scale;
};

/* SignalFramer. history [rows, kept] and steps are variables. steps: how many steps of samples have come, until a frame is full. */
struct cfukit_framer {
  const int16_t *input;
  int16_t *history, *output;
  int32_t *steps;
  uint8_t *valid;
  int32_t rows, frames, frame_size, frame_step, kept, prefill;
};

/* SignalStacker. history [frames - 1, channels] and state are variables. state: whether a frame has come, and how many count. */
struct cfukit_stacker {
  const int16_t *input;
  int16_t *history, *output;
  int32_t *state;
  uint8_t *valid;
  int32_t channels, left, frames, step;
};

/* SignalDelay. history [rows, length] is a variable. */
struct cfukit_delay {
  const int16_t *input;
  int16_t *history, *output;
  int32_t rows, count, length;
};

/* SignalOverlapAdd on int16_t or float. state [rows, size] is a variable. */
struct cfukit_overlap_add {
  const void *input;
  void *state, *output;
  int32_t rows, frames, size, step;
};

/* A function of one byte, as a table: output = table[input + 128]. `count` elements; output may be input. Where input or output is
 * uint8_t, the bytes are those of int8_t, and the table is in the order of int8_t. */
struct cfukit_table {
  const int8_t *input;
  const int8_t *table;
  int8_t *output;
  int32_t count;
};

/* RSQRT int8_t: as struct cfukit_table; an input below `least` is refused with input - least. int16_t: struct cfukit_quantize, of which
 * (multiplier, shift) rescales 1 / sqrt(input); an input below 0 is refused. */
struct cfukit_rsqrt {
  const int8_t *input, *table;
  int8_t *output;
  int32_t count, least;
};

/* CUMSUM along the middle axis of [outer, depth, inner], from the end if `reverse`, without the element itself if `exclusive`. int8_t as in ADD:
 * u = MBQM((x - input_zero_point) << left_shift, input_multiplier, input_shift); MBQM(begin + sum of u, multiplier, shift). */
struct cfukit_cumsum {
  const void *input;
  void *output;
  int32_t outer, depth, inner, exclusive, reverse;
  int32_t begin, input_zero_point, output_zero_point, left_shift, input_multiplier, input_shift, multiplier, shift;
};

/* DYNAMIC_UPDATE_SLICE: `bytes` from input to output (which may be input), then `update` of update_sizes into it at `begins` (n_begins of them, of
 * begin_bytes each), each of them made at least 0 and at most its room. Axes are those of the tensor behind ones; strides in bytes. */
struct cfukit_update {
  const uint8_t *input, *update;
  const void *begins;
  uint8_t *output;
  int32_t bytes, n_begins, begin_bytes, element_bytes;
  int32_t update_sizes[5], rooms[5], strides[5];
};

/* SLICE with computed begins or sizes (`rank` of them, of begin_bytes and size_bytes each): output_sizes elements of the input from there on.
 * Refused: a size that is neither the output's nor -1, and a begin outside 0 .. room, or, with size -1, other than the room. Axes are
 * those of the tensor behind ones; strides in bytes. */
struct cfukit_slice {
  const uint8_t *input;
  const void *begins, *sizes;
  uint8_t *output;
  int32_t rank, begin_bytes, size_bytes;
  int32_t output_sizes[5], rooms[5], strides[5];
};

/* BROADCAST_ARGS: the shape to which two shapes broadcast. int32_t, or int64_t (element_bytes 8) whose low 32 bits count. */
struct cfukit_broadcast_args {
  const void *input1, *input2;
  void *output;
  int32_t count1, count2, element_bytes;
};

/* EMBEDDING_LOOKUP from int8_t to float32: output [count, row] = scale * input [depth, row] at `indices`. An index outside is refused. */
struct cfukit_embedding {
  const int32_t *indices;
  const int8_t *input;
  float *output;
  int32_t count, depth, row, scale_bits;
};

/* GATHER: input [batches, outer, depth] and output [batches, outer, count] of parts of `part_bytes`; part i of the output is part
 * indices[batch, i] of the input. An index outside 0 .. depth - 1 is refused. */
struct cfukit_gather {
  const uint8_t *input;
  const int32_t *indices;
  uint8_t *output;
  int32_t batches, outer, depth, count, part_bytes;
};

/* BasicClassifier: output [count] of scores, input [depth] at `indices`, and whether each is at least its threshold. An index outside is
 * refused. */
struct cfukit_basic_classifier {
  const int32_t *input, *indices, *thresholds;
  uint8_t *detected;
  int32_t *output;
  int32_t depth, count;
};

/* GATHER_ND: `parts` rows of `depth` indices (at most 5), each below its size, lead to parts of `part_bytes`; strides in bytes. */
struct cfukit_gather_nd {
  const uint8_t *input;
  const int32_t *indices;
  uint8_t *output;
  int32_t parts, depth, sizes[5], strides[5], part_bytes;
};

/* IF and WHILE. A subgraph is a list of kernel calls that work in the scratch. Copies lead values and variables to it and back.
 * WHILE: `begin` makes the outputs of the inputs; the condition is what condition_ops compute. After `limit` iterations it is refused.
 * Each iteration takes iteration_steps. `steps` counts them and those of the loops inside it, which have the same counter (is_inside). More than
 * step_limit are refused. */
struct cfukit_op;
struct cfukit_copy {
  const uint8_t *input;
  uint8_t *output;
  int32_t bytes;
};
/* Operators in bands of rows: calls that compute parts of their tensors, in scratch, one after the other. */
struct cfukit_bands {
  const struct cfukit_op *ops;
  void *scratch;
  int32_t n_ops;
};
struct cfukit_if {
  const uint8_t *condition;
  void *scratch;
  const struct cfukit_copy *then_inputs, *then_outputs, *else_inputs, *else_outputs;
  const struct cfukit_op *then_ops, *else_ops;
  int32_t n_then_inputs, n_then_outputs, n_else_inputs, n_else_outputs, n_then, n_else;
};
struct cfukit_while {
  const uint8_t *condition;
  void *scratch;
  const struct cfukit_copy *begin, *condition_inputs, *condition_outputs, *body_inputs, *body_outputs;
  const struct cfukit_op *condition_ops, *body_ops;
  int32_t n_begin, n_condition_inputs, n_condition_outputs, n_body_inputs, n_body_outputs, n_condition, n_body, limit;
  int32_t *steps;
  int32_t is_inside, iteration_steps, step_limit;
};

/* TFLite_Detection_PostProcess, float32. encodings [boxes, encoding], of which 4 count (y, x, h, w), anchors [boxes, 4], scores [boxes, columns], where
 * classes begin at column `first`. regular: each class alone, at most per_class of it; else `classes` of each box. scale_bits: of y, x, h and w.
 * places: elements of the outputs (boxes, classes, scores, count). scratch: 21 bytes for each box, and 4 for each of `detections` if regular.
 * A box whose corners do not span an area is refused with its number. */
struct cfukit_detection {
  const float *encodings, *scores, *anchors;
  float *output_boxes, *output_classes, *output_scores, *output_count;
  void *scratch;
  int32_t scratch_bytes;
  int32_t boxes, encoding, columns, first, classes, detections, per_class, regular;
  int32_t least_bits, overlap_bits, scale_bits[4], places[4];
};

/* Operators that move elements: PAD, PADV2, MIRROR_PAD, CONCATENATION, PACK, UNPACK, SPLIT, SPLIT_V, SLICE, STRIDED_SLICE, TRANSPOSE,
 * SPACE_TO_DEPTH, DEPTH_TO_SPACE, SPACE_TO_BATCH_ND, BATCH_TO_SPACE_ND, BROADCAST_TO, FILL, REVERSE_V2, and reshapes that cannot alias. First `fill_bytes` of `fill` are filled with the pattern of
 * `fill_value` (repeated words), then each piece copies sizes[0..4] elements of `element_bytes`; strides are in bytes. */
struct cfukit_piece {
  const uint8_t *input;
  uint8_t *output;
  int32_t sizes[5], input_strides[5], output_strides[5];
  int32_t element_bytes;
};
struct cfukit_move {
  uint8_t *fill;
  int32_t fill_bytes;
  uint32_t fill_value;
  int32_t n_pieces;
  const struct cfukit_piece *pieces;
};

#endif
