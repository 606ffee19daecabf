"""A picture opened with care: what it is says its content, how large it is says its header, before anything is decoded.

Pictures come as people have them: rotated by a camera's note (EXIF), for print (CMYK), of 16 bits, with a palette or with
parts to be seen through, moving. What comes out is upright, RGB, 8 bits. Transparent parts are laid on white, as on a page.
"""

from __future__ import annotations

import contextlib
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hasei.ground.errors import DataError, NotSupported
from hasei.inputs.pictures.place import Picture

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")
"""The only formats that are ever decoded, by Pillow's names."""
MOST_PIXELS = 100_000_000
"""Width times height; a decoded picture takes three bytes for each, on its way up to eight."""
LEAST_SIDE = 4
"""Pixels. Smaller ones are placeholders and counters of mail readers: nothing can be seen in them."""
_BROKEN = (
    OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError, AttributeError, OverflowError,
    NotImplementedError, RuntimeError, MemoryError, struct.error, zlib.error,
)  # fmt: skip
_LOOKS_LIKE = ((b"<!doctype html", "a web page"), (b"<html", "a web page"), (b"<?xml", "XML"), (b"<svg", "SVG"),
               (b"%pdf", "a PDF"), (b"pk\x03\x04", "a ZIP"), (b"\x00\x00\x00", "HEIC, AVIF or a film"))  # fmt: skip
_TURNED = (5, 6, 7, 8)
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Facts:
    """What the header of a picture says: size in pixels once upright, format by Pillow's name, frames (1: it stands still).

    *orientation* is how it is turned to become upright (EXIF 2.3; 1: not at all).
    """

    width: int
    height: int
    format: str
    mode: str
    frames: int
    orientation: int = 1


def inspect(picture: Picture | Path) -> Facts:
    """Return the facts of *picture* without decoding it; raises DataError where it is none, too large or too small."""
    with _opened(picture) as (image, name):
        (width, height), orientation = image.size, _orientation(image)
        if orientation in _TURNED:
            width, height = height, width
        return Facts(width, height, _format(image), str(image.mode), _frames(image, name), orientation)


def open_picture(picture: Picture | Path, least: int | None = None) -> Image:
    """Return *picture* (its first frame) decoded: upright, RGB, 8 bits a channel.

    *least*, where given, lets a JPEG be decoded at a half, a quarter or an eighth of its size as long as no side falls
    below *least* pixels: several times sooner, for thumbnails. Raises DataError in one line where it is no picture, of a
    format that is not decoded, too large, too small, damaged or cut short.
    """
    from PIL import ImageOps

    with _opened(picture) as (image, name):
        if least is not None:
            image.draft("RGB" if image.mode != "L" else "L", (least, least))
        try:
            image.load()
        except _BROKEN as error:
            raise _damaged(name, error) from error
        upright = image
        # A camera's note that can't be read turns nothing.
        with contextlib.suppress(*_BROKEN):
            upright = ImageOps.exif_transpose(image)
        try:
            return _rgb(upright, name)
        except _BROKEN as error:
            raise _damaged(name, error) from error


def perceptual_hash(image: Image) -> int:
    """Return 128 bits that scaling and saving again hardly change: is each of 8 x 8 places brighter than the next one.

    64 bits look to the right, 64 downwards; few different bits mean that two pictures look alike. *Source*: Krawetz 2013, "Kind
    of like that" (difference hash).
    """
    import numpy as np
    from PIL.Image import Resampling

    grey = image.convert("L")
    right = np.asarray(grey.resize((9, 8), Resampling.BOX), np.int16)
    down = np.asarray(grey.resize((8, 9), Resampling.BOX), np.int16)
    bits = np.concatenate([(right[:, :-1] > right[:, 1:]).ravel(), (down[:-1] > down[1:]).ravel()])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def pillow() -> Any:
    """Return Pillow's ``Image`` module; raises NotSupported where it is not installed."""
    try:
        from PIL import Image
    except ImportError as error:
        raise NotSupported("pictures need Pillow, which is not installed", do="pip install 'hasei[images]'") from error
    return Image


@contextlib.contextmanager
def _opened(picture: Picture | Path) -> Iterator[tuple[Any, str]]:
    """Yield the picture with its header read, and its name; the file is closed at the end."""
    module = pillow()
    path, name = (picture.path, str(picture)) if isinstance(picture, Picture) else (picture, picture.name)
    try:
        if not path.is_file():
            raise DataError(f"there is no picture '{name}'", do="check that it was not moved since the rows were read")
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"the picture '{name}' can't be read ({error.strerror})", do="check its permissions") from error
    with file, warnings.catch_warnings():
        # The size is judged here, by one rule, instead of by a warning and an error at two others.
        warnings.simplefilter("ignore")
        try:
            image = module.open(file, formats=FORMATS)
        except module.DecompressionBombError as error:
            size = re.search(r"\d+(?= pixels)", str(error))
            raise _too_large(name, f"{int(size[0]) // 1_000_000:,} million" if size else "more") from error
        except _BROKEN as error:
            raise _no_picture(path, name, error) from error
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise _too_large(name, f"{width:,} x {height:,}")
        if min(width, height) < LEAST_SIDE:
            raise DataError(
                f"the picture '{name}' is too small to show anything", expected=f"at least {LEAST_SIDE} pixels a side",
                received=f"{width} x {height}", do="leave it out",
            )  # fmt: skip
        with image:
            yield image, name


def _too_large(name: str, received: str) -> DataError:
    return DataError(
        f"the picture '{name}' is too large to be decoded", expected=f"at most {MOST_PIXELS // 1_000_000} million pixels",
        received=received, do="scale it down, or leave it out",
    )  # fmt: skip


def _no_picture(path: Path, name: str, error: Exception) -> DataError:
    try:
        with path.open("rb") as file:
            head = file.read(512).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    except OSError:
        head = b""
    looks = next((what for magic, what in _LOOKS_LIKE if head.startswith(magic)), "")
    return DataError(
        f"'{name}' is no picture that can be read",
        expected=", ".join(FORMATS),
        received=f"what looks like {looks}" if looks else "something else, or a damaged header",
        do="save it in one of these formats, or leave it out",
    )


def _damaged(name: str, error: Exception) -> DataError:
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DataError(f"the picture '{name}' is damaged or cut short ({said})", do="copy it again, or leave it out")


def _format(image: Any) -> str:
    # What a telephone saves as several pictures in one JPEG is its first one.
    return "JPEG" if image.format == "MPO" else str(image.format)


def _frames(image: Any, name: str) -> int:
    if image.format == "MPO":
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except _BROKEN as error:
        raise _damaged(name, error) from error


def _orientation(image: Any) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except _BROKEN:
        return 1


def _rgb(image: Any, name: str) -> Image:
    mode = str(image.mode)
    if mode.startswith("I"):
        return _from_16_bits(image)
    if mode == "F":
        raise DataError(
            f"the picture '{name}' holds numbers with a decimal point", expected="8 or 16 bits a channel",
            do="save it as PNG or JPEG",
        )  # fmt: skip
    if mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        return _on_white(image)
    converted: Image = image.convert("RGB")
    return converted


def _from_16_bits(image: Any) -> Image:
    """Return *image*, whose grey goes to 65,535, with 8 bits a channel."""
    import numpy as np

    grey = np.asarray(image).astype(np.int64).clip(0, 65535)
    small: Image = pillow().fromarray(((grey + 128) // 257).astype(np.uint8)).convert("RGB")
    return small


def _on_white(image: Any) -> Image:
    above = image.convert("RGBA")
    page: Image = pillow().new("RGBA", above.size, (255, 255, 255, 255))
    page.alpha_composite(above)
    return page.convert("RGB")
