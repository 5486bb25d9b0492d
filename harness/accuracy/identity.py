"""All that a table of answers depends on: equal identities are the same table."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from harness.accuracy.order import ALL, Order, Shard
from harness.errors import MeasureError
from harness.runtime.store import Key

FORMAT: Final = 1
"""Of the table and of this document; answers of another one are made anew."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What was evaluated, with what, on which images.

    Attributes:
        row: the documented row, or another name for the model.
        precision: "fp32", "int8" or another one that a backend runs in.
        model: canonical digest of the model.
        pipeline: the preprocessing's name.
        tensors: digest of everything the preprocessing depends on, images included.
        dataset: digest of all images of the set, with their labels.
        images: how many images the set has.
        gap: why the set is not the validation set, "" where it is.
        batch: images in a batch.
        tools: versions of what runs the model and of the harness's own code.
    """

    row: str
    precision: str
    model: str
    pipeline: str
    tensors: str
    dataset: str
    images: int
    gap: str
    order: Order
    seed: int
    batch: int
    tools: Mapping[str, str]
    shard: Shard = ALL

    @property
    def digest(self) -> str:
        """SHA-256 over all of it, in 64 hexadecimal digits."""
        document = json.loads(self.text)
        return Key.of("accuracy", inputs=document).digest

    @property
    def text(self) -> str:
        """All of it as JSON, names sorted."""
        document = {"format": FORMAT, **dataclasses.asdict(self), "shard": str(self.shard)}
        document["tools"] = dict(self.tools)
        return json.dumps(document, sort_keys=True, indent=1) + "\n"

    @property
    def whole(self) -> Identity:
        """That of all shards together."""
        return replace(self, shard=ALL)


def read_identity(text: str, *, where: str) -> Identity:
    """An identity as :attr:`Identity.text` gives it.

    Raises:
        MeasureError: it is another document, or of another format; ``where`` is named.
    """
    try:
        document: dict[str, Any] = json.loads(text)
        if document.pop("format") != FORMAT:
            raise MeasureError(f"{where} is of another format, expected {FORMAT}")
        number, _, of = str(document.pop("shard")).partition("/")
        found = Identity(
            **{**document, "order": Order(document["order"])}, shard=Shard(int(number), int(of))
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise MeasureError(f"{where} says not what was evaluated: {error}") from error
    if found.text != text:
        raise MeasureError(f"{where} says not what was evaluated: expected the text as written")
    return found


def require_same(ours: Identity, theirs: Identity, *, but: tuple[str, ...], case: str = "") -> None:
    """Two tables that are to be put together are about the same thing.

    ``but``: the fields that may differ.

    Raises:
        MeasureError: names every other field that differs, with both values.
    """
    differing = [
        f"{field.name} {getattr(ours, field.name)} and {getattr(theirs, field.name)}"
        for field in dataclasses.fields(Identity)
        if field.name not in but and getattr(ours, field.name) != getattr(theirs, field.name)
    ]
    if differing:
        raise MeasureError(f"these do not belong together: {'; '.join(differing)}", case=case)
