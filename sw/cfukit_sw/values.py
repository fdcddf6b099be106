"""What operators do not allow of their input's values. The evaluator refuses it, and so does the firmware (`cfukit_refuse`)."""

from __future__ import annotations

MANY_STEPS = 100_000  # what a WHILE says from here on is no number of iterations


def value_refusal(operator_type: str, value: int) -> tuple[str, str]:
    """(given, allowed) of an error about `value`, which means what the operator's kernels say."""
    if operator_type == "SOFTMAX":
        given = f"a row whose exponentials sum to {value:,}"
        return given, "less than 512, and with int16 output less than 8,192; TFLM aborts on more"
    signed = value - 2**32 if value >= 2**31 else value  # a kernel reports 32 bits
    if operator_type in ("GATHER", "GATHER_ND", "EMBEDDING_LOOKUP", "CUSTOM:BasicClassifier"):
        return f"the index {signed:,}", "indices inside the tensor"
    if operator_type in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"):
        return f"the computed bias of channel {value:,}", "biases below 2**46 in magnitude"
    if operator_type == "SLICE":
        return f"the begin or size {signed:,}", "a part of the input, as large as the output"
    if operator_type == "CUSTOM:TFLite_Detection_PostProcess":
        return f"box {value:,}, whose corners do not span an area", "boxes of a height and width above 0"
    if operator_type == "DIV":
        return "a division by zero", "divisors that are not the zero point"
    if operator_type == "RSQRT":
        return f"the root of {signed:,} steps of the scale", "inputs from the zero point on"
    if operator_type == "BROADCAST_ARGS":
        return f"the size {signed:,} and another one", "equal sizes, or one of them 1"
    if operator_type == "WHILE" and value >= MANY_STEPS:
        given = (
            f"its iterations, with those of the loops around and inside it, take more than {value:,} steps"
        )
        return (
            given,
            "less; an operator takes one, and one more for every 4,096 elements that it writes or multiplies",
        )
    if operator_type == "WHILE":
        return f"its condition still holds after {value:,} iterations", "a loop that ends before"
    return f"the value {value:,}", "what the operator's kernel allows"
