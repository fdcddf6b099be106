"""From a .tflite model to firmware: reader, integer evaluator, lowering, memory planner, C build."""
