"""How large the stores of the engine are, and what it computes at once."""

LANES, OUTPUTS = 4, 2
WEIGHT_ROWS, WINDOW_ROWS, CHANNELS = 512, 512, 128
RESULT_WORDS = 256  # a power of two: those of a job of 1024 results
SUM_BITS = 27  # 2048 products of int8
