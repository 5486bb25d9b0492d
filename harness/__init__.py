"""Conformance suite for model zoos: documented tables become verdicts."""

import os

# ONNX Runtime would keep an id of the machine in the home folder and report that it is used; this
# has to stand before it is first imported, in every process.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
