"""Photos of a face: what is one, decided by its content, and how it is read."""

from pathlib import Path

import numpy as np

from phonolips.errors import InputError
from phonolips.media import video as io
from phonolips.media.pipes import readable

LONGEST_PHOTO_SIDE = 1920  # pixels; a larger photo is reduced, as a video of it would be too large to play
PHOTO_REPEATS = 5  # times that a photo is shown to the face tracker, which settles on it as on a video
# What Pillow may try: pictures, and nothing that it hands to another program (EPS) or only knows by name (MPEG).
PHOTO_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "DIB", "TIFF", "GIF", "JPEG2000", "PPM", "TGA", "ICO")
MOVING_FORMATS = ("GIF", "PNG", "AVIF")  # with several pictures they are films; a TIFF has pages, a JPEG a preview
PHOTO_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".webp", ".avif", ".bmp", ".tif", ".tiff", ".jp2", ".ppm", ".pgm", ".tga", ".ico"),
    *(".heic", ".heif", ".jxl", ".svg", ".psd", ".dng", ".cr2", ".nef", ".arw"),
)  # names of what nobody meant as a video, to say so where it cannot be read
AVIF_BRANDS = (b"avif", b"avis")
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
HEAD_BYTES = 64  # of an ISO file: its brand, and the first few that it is compatible with


def _formats() -> list[str]:
    from PIL import Image

    Image.init()
    return [name for name in PHOTO_FORMATS if name in Image.OPEN]  # a Pillow may lack one or the other


def _brands(path: Path) -> tuple[bytes, ...]:
    """Return the brands at the beginning of an ISO media file (the main one first), or none."""
    with readable(path).open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head[4:8] != b"ftyp":
        return ()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))


def _is_heic(path: Path) -> bool:
    brands = _brands(path)
    return brands[:1] != () and brands[0] in HEIC_BRANDS and not set(brands) & set(AVIF_BRANDS)


def is_photo(path: Path) -> bool:
    """Return whether a file is one still picture, by its content; a moving GIF is none.

    Of what nobody can read, the name decides. Raises OSError where the file cannot be opened.
    """
    from PIL import Image

    try:
        with Image.open(readable(path), formats=_formats()) as file:
            return file.format not in MOVING_FORMATS or getattr(file, "n_frames", 1) == 1
    except Image.DecompressionBombError:
        return True
    except (OSError, ValueError, SyntaxError):
        brands = _brands(path)
        return path.suffix.lower() in PHOTO_SUFFIXES or brands[:1] == (b"avif",) or _is_heic(path)


def read_photo(path: Path, *, longest_side: int | None = LONGEST_PHOTO_SIDE) -> np.ndarray:
    """Read a photo, upright as its EXIF orientation says.

    Args:
        path: the photo.
        longest_side: pixels; a larger one is reduced to that. None = as it is.

    Returns:
        uint8 (height, width, 3), RGB.

    Raises:
        InputError: not a picture that can be read.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(readable(path), formats=_formats()) as file:
            picture = ImageOps.exif_transpose(file).convert("RGB")
    # a damaged chunk may promise 2 GB, for which memory is asked before anything is read
    except (OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError) as error:
        if _is_heic(path):
            raise InputError(f"{path}: is a HEIC picture, which is not read; convert it to .jpg or .png") from error
        if _brands(path)[:1] != (b"avif",):
            raise InputError(f"{path}: not a readable picture; expected a photo such as .jpg or .png") from error
        picture = Image.fromarray(next(io.read_frames(path)))  # a Pillow without AVIF
    if longest_side is not None:
        picture.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS)
    return np.array(picture)
