"""What the suite costs and notices: ``python -m benchmarks ACTION``."""

from __future__ import annotations

import sys

from benchmarks.command import main

if __name__ == "__main__":
    sys.exit(main())
