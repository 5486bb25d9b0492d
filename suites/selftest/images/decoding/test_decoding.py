"""What each format and mode gives, and that bad files are refused in words."""

from __future__ import annotations

import io
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from harness.errors import ImageError
from harness.images.decoding import PILLOWS_PIXELS, Limits, decode
from harness.images.strategies import flipped_in_the_pixels, png_that_claims

CALIBRATION = Path(__file__).resolve().parents[4] / "../shared/data/imagenet-calib-1000"


def file_of(picture: Image.Image, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def first_pixel(data: bytes) -> tuple[int, ...]:
    return tuple(int(level) for level in decode(data)[0, 0])


def one(mode: str, colour: object) -> Image.Image:
    return Image.new(mode, (4, 3), colour)


@pytest.mark.parametrize(
    ("picture", "form", "expected"),
    [
        (one("1", 1), "PNG", (255, 255, 255)),
        (one("L", 77), "PNG", (77, 77, 77)),
        (one("LA", (77, 0)), "PNG", (77, 77, 77)),
        (one("RGB", (1, 2, 3)), "BMP", (1, 2, 3)),
        (one("RGBA", (200, 100, 50, 0)), "PNG", (200, 100, 50)),
        (one("CMYK", (55, 155, 205, 0)), "TIFF", (200, 100, 50)),
        (one("CMYK", (55, 155, 205, 100)), "TIFF", (122, 61, 30)),
        (one("YCbCr", (77, 128, 128)), "TIFF", (77, 77, 77)),
        (one("I;16", 200), "PNG", (200, 200, 200)),
        (one("F", 199.9), "TIFF", (199, 199, 199)),
    ],
)
def test_mode_gives_what_is_written_down(
    picture: Image.Image, form: str, expected: tuple[int, ...]
) -> None:
    levels = decode(file_of(picture, form))
    assert levels.shape == (3, 4, 3)
    assert tuple(levels[2, 3]) == expected


def test_transparent_palette_entry_keeps_its_colour() -> None:
    picture = one("P", 1)
    picture.putpalette([9, 9, 9, 10, 20, 30])
    assert first_pixel(file_of(picture, "PNG", transparency=b"\xff\x00")) == (10, 20, 30)


def test_adobe_cmyk_is_inverted_back() -> None:
    data = file_of(one("CMYK", (55, 155, 205, 0)), "JPEG", quality=100)
    assert b"Adobe" in data
    assert np.allclose(first_pixel(data), (200, 100, 50), atol=2)


def test_exif_orientation_is_not_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    assert decode(file_of(one("RGB", 0), "JPEG", exif=exif)).shape == (3, 4, 3)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_first_of_several_pictures_is_taken(form: str) -> None:
    more = [one("RGB", (0, 0, 255))]
    data = file_of(one("RGB", (255, 0, 0)), form, save_all=True, append_images=more)
    assert np.allclose(first_pixel(data), (255, 0, 0), atol=3)


def test_content_decides_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "n02105855_2933.JPEG"  # a PNG under this name is in ImageNet
    path.write_bytes(file_of(one("RGB", (1, 2, 3)), "PNG"))
    assert np.array_equal(decode(path), decode(path.read_bytes()))


@pytest.mark.shows("half an image is filled in with grey, or clipped to white")
@pytest.mark.parametrize("sample", [256, 40_000])
def test_samples_that_pillow_would_clip_are_refused(sample: int) -> None:
    with pytest.raises(ImageError, match=rf"mode I;16 from {sample} to {sample}, expected 0 to"):
        decode(file_of(one("I;16", sample), "PNG"))


@pytest.mark.parametrize("sample", [-1.0, 255.5, float("nan"), float("inf")])
def test_impossible_float_samples_are_refused(sample: float) -> None:
    with pytest.raises(ImageError, match=r"samples of mode F from .*, expected 0 to 255"):
        decode(file_of(one("F", sample), "TIFF"))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty, expected an image"),
        (b"<html>404", r"begins with b'<html>40', expected one of BMP, GIF"),
        (file_of(one("RGB", 5), "PNG")[:60], "damaged: .+"),
        (file_of(Image.new("RGB", (99, 99)), "JPEG")[:-40], "damaged: image file is truncated"),
        (png_that_claims(20_000, 4_000), "20000×4000 pixels, expected at most 1000000 in all"),
        (
            png_that_claims(2**31 - 1, 2**31 - 1),
            r"Image size \(\d+ pixels\) exceeds .*expected at most 1000000",
        ),
        (flipped_in_the_pixels().data, "damaged: broken PNG file"),
    ],
)
def test_bad_content_is_refused_by_name(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "x.JPEG"
    path.write_bytes(data)
    with pytest.raises(ImageError, match=rf"x\.JPEG: {message}"):
        decode(path, limits=Limits(max_pixels=1_000_000))


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"none\.png: cannot be read: No such file"):
        decode(tmp_path / "none.png")


@pytest.mark.shows(
    "half an image is filled in with grey, or clipped to white", by="refused by name"
)
def test_pillow_that_fills_in_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(ImageError, match="LOAD_TRUNCATED_IMAGES is set"):
        decode(file_of(one("L", 5), "PNG"))


def test_warning_about_metadata_changes_nothing() -> None:
    exif = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x05\x01\x12"  # ends within its first entry
    data = file_of(one("RGB", (9, 9, 9)), "JPEG", exif=exif)
    with pytest.warns(UserWarning, match="EXIF"):
        Image.open(io.BytesIO(data))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert decode(data).shape == (3, 4, 3)
    assert caught == []


def test_threads_get_the_same_and_keep_their_warning_filters() -> None:
    data = file_of(Image.effect_noise((64, 48), 90).convert("RGB"), "JPEG")
    before, expected, results = list(warnings.filters), decode(data), []
    threads = [threading.Thread(target=lambda: results.append(decode(data))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(one, expected) for one in results)
    assert len(results) == 16
    assert list(warnings.filters) == before


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_bytes": 0}, "max_bytes must be at least 1"),
        ({"max_pixels": PILLOWS_PIXELS + 1}, "max_pixels must be within 1 and"),
        ({"formats": ("EPS",)}, "formats must be some of"),
        ({"formats": ()}, "formats must be some of"),
    ],
)
def test_limit_that_limits_nothing_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Limits(**wrong)


def test_photographs_are_what_torchvision_users_get() -> None:
    folder = pytest.importorskip("torchvision.datasets.folder")
    paths = sorted(CALIBRATION.glob("*/*.JPEG"))[::100]
    if not paths:
        pytest.skip(f"the photographs are not here: {CALIBRATION}")
    for path in paths:
        assert np.array_equal(decode(path), np.asarray(folder.pil_loader(str(path))))
