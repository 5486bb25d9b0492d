"""What Paddle's converter says before it ends the process is what is reported."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.errors import ExportError

pytestmark = pytest.mark.filterwarnings("ignore")  # what libraries say while they are imported


def ends_with(error: Exception | None) -> object:
    """A converter that fails as paddle2onnx does."""

    def export(*_: object, **__: object) -> None:
        if error is None:
            sys.exit(-1)
        try:
            raise error
        except Exception:
            sys.exit(-1)

    return export


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("(Unimplemented) no such attribute\n  [Hint: …]"), "no such attribute"),
        (None, "ended with -1"),
    ],
)
def test_the_converters_own_error_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception | None, told: str
) -> None:
    from harness.exporting import paddle_exports

    monkeypatch.setattr(paddle_exports.paddle2onnx, "export", ends_with(error))
    with pytest.raises(ExportError, match=f"paddle2onnx cannot convert it: .*{told}$"):
        paddle_exports.export_documented(tmp_path, tmp_path / "model.onnx", opset=10)
