"""ONNX Runtime on the CPU, the default."""
