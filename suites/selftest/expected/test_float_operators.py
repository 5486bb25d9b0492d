"""What may stay in floating point is declared by row, backend and name, and nothing is misread."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ExpectationError, UnknownKey
from harness.expected.float_operators import FloatOperators, read_float_operators

ROWS = ("resnext/timm/a", "resnext/timm/b", "resnext/ppcls/a")
DECLARED = """[[operator]]
row = "resnext/timm/*"
backend = "onnxruntime"
name = "/fc/Gemm*"
reason = "the readout loses a point"
"""


def read(folder: Path, text: str) -> FloatOperators:
    file = folder / "float_operators.toml"
    file.write_text(text, encoding="utf-8")
    return read_float_operators(file, backends=("onnxruntime", "vendor"))


def test_a_declaration_is_about_its_rows_and_its_backend(tmp_path: Path) -> None:
    declared = read(tmp_path, DECLARED)
    declared.require_used(ROWS)
    assert [one.name for one in declared.of(ROWS[0], backend="onnxruntime")] == ["/fc/Gemm*"]
    assert not declared.of(ROWS[2], backend="onnxruntime")
    assert not declared.of(ROWS[0], backend="vendor")


def test_none_is_fine(tmp_path: Path) -> None:
    assert not read(tmp_path, "# none\n").operators


def test_a_declaration_about_no_row_is_refused(tmp_path: Path) -> None:
    declared = read(tmp_path, DECLARED.replace("timm/*", "tim/a"))
    with pytest.raises(UnknownKey, match=r"operator.*'resnext/tim/a' is no row.*resnext/timm/a"):
        declared.require_used(ROWS)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("reason", "raeson", "unknown key .did you mean 'reason'"),
        ("[[operator]]", "[[operators]]", "unknown key .did you mean 'operator'"),
        ('"onnxruntime"', '"onxruntime"', "unknown backend 'onxruntime' .did you mean"),
        ('name = "/fc/Gemm*"\n', "", "name is missing"),
        ('"the readout loses a point"', '" "', "reason is ' ', expected a text"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(ExpectationError, match=told):
        read(tmp_path, DECLARED.replace(old, new))
