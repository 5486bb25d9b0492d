"""A key holds everything that a result depends on, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.runtime.store import Key, Store
from harness.runtime.store.keys import JSON

pytestmark = [
    pytest.mark.shows(
        "yesterday's artifact, or a damaged one",
        by="keys hold versions and code; content is hashed",
    )
]

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(inputs=st.dictionaries(st.text(), VALUES, max_size=4), data=st.data())
def test_order_of_names_does_not_matter(inputs: dict[str, JSON], data: st.DataObject) -> None:
    shuffled = dict(data.draw(st.permutations(list(inputs.items()))))
    assert Key.of("export", inputs=inputs).digest == Key.of("export", inputs=shuffled).digest


@pytest.mark.parametrize(
    "other",
    [
        Key.of("compile", inputs={"size": 224}, options={"a": 1}, tools={"torch": "2.15"}),
        Key.of("export", inputs={"size": 225}, options={"a": 1}, tools={"torch": "2.15"}),
        Key.of("export", inputs={"size": "224"}, options={"a": 1}, tools={"torch": "2.15"}),
        Key.of("export", inputs={"size": 224.0}, options={"a": 1}, tools={"torch": "2.15"}),
        Key.of("export", inputs={"size": 224}, options={"a": True}, tools={"torch": "2.15"}),
        Key.of("export", inputs={"size": 224}, options={"a": 1}, tools={"torch": "2.16"}),
        Key.of("export", inputs={"size": 224, "a": 1}, tools={"torch": "2.15"}),
    ],
)
def test_every_difference_makes_another_key(other: Key) -> None:
    key = Key.of("export", inputs={"size": 224}, options={"a": 1}, tools={"torch": "2.15"})
    assert key.digest != other.digest


def test_digest_is_the_same_for_ever() -> None:
    key = Key.of("export", inputs={"größe": [224, None]}, tools={"torch": "2.15.0"})
    parts = r'"inputs":{"gr\u00f6\u00dfe":[224,null]},"options":{},"step":"export"'
    assert key.text == "{" + parts + ',"tools":{"torch":"2.15.0"}}'
    assert key.short == "843b4f6e9bc6"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("inf"), r"key of export.inputs.a: inf is not a finite number"),
        ([{"b": Path("/x")}], r"key of export.inputs.a\[0\].b: expected plain JSON, got PosixPath"),
        ({1: 2}, r"key of export.inputs.a: name 1 is not a string"),
        (b"bytes", r"expected plain JSON, got bytes"),
        ({1, 2}, r"expected plain JSON, got set"),
    ],
)
def test_value_without_one_meaning_is_refused(value: JSON, message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        Key.of("export", inputs={"a": value})


@pytest.mark.parametrize("step", ["", "Export", "a/b", "..", "-x", "é"])
def test_step_must_be_a_plain_name(step: str) -> None:
    with pytest.raises(HarnessError, match="cannot name a step"):
        Key.of(step, inputs={})


@pytest.mark.parametrize("step", ["blobs", "locks", "tmp"])
def test_step_cannot_be_named_like_the_stores_own_folders(tmp_path: Path, step: str) -> None:
    with pytest.raises(HarnessError, match="the store uses it itself"):
        Store(tmp_path).get(Key.of(step, inputs={}))
