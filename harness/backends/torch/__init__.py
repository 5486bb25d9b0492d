"""PyTorch: TorchScript in fp32, fp16 and bf16, and inductor."""
