"""A page of 500 rows is collected within the memory that a small machine has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from large_page import large_expected

from harness.runtime.store.quantities import GIB

REPOSITORY = Path(__file__).resolve().parents[3]

COLLECT = """
import sys
from pathlib import Path
import pytest
options = ["-p", "no:cacheprovider", "--collect-only", "-q", "suites"]
code = pytest.main([*options, "--ignore=suites/selftest", f"--expected={sys.argv[1]}"])
status = Path("/proc/self/status").read_text().splitlines()
(peak,) = (line.split()[1] for line in status if line.startswith("VmHWM:"))
print("peak", int(peak) * 1024)
sys.exit(code)
"""


# Not getrusage: its maximum outlives fork and exec, and so would be that of the tests' own process.


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_five_hundred_rows_collect_within_a_gibibyte(tmp_path: Path) -> None:
    expected = large_expected(tmp_path, rows=500)
    done = subprocess.run(
        [sys.executable, "-c", COLLECT, str(expected)],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    *cases, last = done.stdout.splitlines()
    assert sum("test_documented_operations_are_reproduced[large-" in one for one in cases) == 500
    assert int(last.split()[1]) < GIB
