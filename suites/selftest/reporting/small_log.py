"""Names that the small run of these tests has, and what nobody should have in a log."""

from __future__ import annotations

ROWS = ("resnext/timm/a", "resnext/timm/b", "resnext/ppcls/c")
HOSTILE = '</script><script>alert(1)</script><img src=x onerror="alert(2)">&\'"‮'
