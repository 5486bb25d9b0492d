"""A vendor's compiler and runner that do something else, through the stand-in for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.gate import ROOT
from benchmarks.planted.faults.fault import COMPILED, HEAVY, PARITY, ROWS, RUN, Fault

TOOLS: Final = ROOT / "fixtures" / "vendor_toolchain"
ON_VENDOR: Final = ("--backend=vendor", f"--vendor-tools={TOOLS.relative_to(ROOT)}", "--cards=0")
"""Options of the gate; the stand-in is found below the repository."""


def vendor_faults() -> Iterator[Fault]:
    """Faults of the vendor's tools."""
    faults: Sequence[tuple[str, str, tuple[str, ...]]] = (
        ("vamc", "silent", (HEAVY,)),
        ("vamc", "empty-file", (HEAVY,)),
        ("vamc", "crash", (HEAVY,)),
        ("vamp", "silent", (PARITY,)),
        ("vamp", "drop", (PARITY,)),
        ("vamp", "shuffle", (PARITY,)),
        ("vamp", "rotate", (PARITY,)),
        ("vamp", "reverse", (PARITY,)),
        ("vamp", "swap", (PARITY,)),
        ("vamp", "repeat", (PARITY,)),
        ("vamp", "constant", (PARITY,)),
        ("vamp", "nan", (PARITY,)),
    )
    for tool, fault, caught_by in faults:
        yield Fault(
            f"{fault.replace('-', ' ')} of {tool}",
            "vendor tool",
            ROWS["torchvision"],
            caught_by,
            environment=(("VENDOR_STANDIN_FAULT", f"{tool}:{fault}"),),
            given=ON_VENDOR,
            rebuilt=COMPILED if tool == "vamc" else RUN,
            marks="int8",
        )
