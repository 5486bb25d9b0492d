"""Lists of labels, as a data set that was prepared wrongly has them."""

from __future__ import annotations

CLASSES = 1000


def changed(edit: str, ids: list[int]) -> list[int]:
    """The classes of a data set's images, in the order of its list."""
    if edit == "shifted_by_one":
        return [(one + 1) % CLASSES for one in ids]
    if edit == "shifted_from_the_middle":  # a line was lost
        middle = len(ids) // 2
        return [*ids[:middle], *ids[middle - 1 : -1]]
    if edit == "sorted_as_text":
        as_text = sorted(range(CLASSES), key=str)
        return [as_text.index(one) for one in ids]
    if edit == "sorted_by_name":
        from torchvision.models._meta import _IMAGENET_CATEGORIES as NAMES

        by_name = sorted(range(CLASSES), key=lambda one: NAMES[one].lower())
        return [by_name.index(one) for one in ids]
    if edit == "of_other_images":
        return sorted(ids)
    raise KeyError(edit)
