"""OpenVINO on the CPU, with NNCF or with ONNX Runtime's quantized models."""
