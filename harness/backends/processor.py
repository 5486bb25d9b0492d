"""What of the processor decides how kernels compute."""

from __future__ import annotations

import os
import platform
from pathlib import Path

PROCESSORS = Path("/proc/cpuinfo")  # Linux only, see proc(5)
INSTRUCTION_SETS = (
    "sse4_1",
    "avx2",
    "avx_vnni",
    "avx_vnni_int8",
    "avx512bw",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_int8",
    "amx_bf16",
    "amx_fp16",
    "asimddp",
    "i8mm",
    "sve",
)
"""Those by which kernels of each precision are chosen, as Linux names them."""
LIMIT = "ONEDNN_MAX_CPU_ISA"  # of the environment; oneDNN, OpenVINO's kernels, obeys it


def processor() -> str:
    """The machine, and those of its instruction sets that kernels are chosen by: as far as the
    system tells them."""
    try:
        lines = PROCESSORS.read_text().splitlines()
    except OSError:
        lines = []
    said = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    present = [name for name in INSTRUCTION_SETS if name in said.split()]
    limit = [f"{LIMIT}={os.environ[LIMIT]}"] if LIMIT in os.environ else []
    return " ".join([platform.machine(), *present, *limit])
