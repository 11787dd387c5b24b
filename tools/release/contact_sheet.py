"""Draw the contact sheet of drawn lips, docs/lips_sheet.png.

    python tools/release/contact_sheet.py --out docs/lips_sheet.png

Columns are phones of one synthesised sentence, rows the palettes; then the 20-point layout, and a face (the portrait of
Eileen Collins by NASA, in the public domain, which comes with scikit-image) where mediapipe is installed.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from phonolips.face import mesh as facemesh
from phonolips.lips.articulators import articulate
from phonolips.lips.points import to_ibug20
from phonolips.show.drawing import text_font
from phonolips.show.mouth import MouthPainter
from phonolips.show.palette import PALETTES, Palette
from phonolips.synth import verbs as synth

SENTENCE = "they saw bob choose five thin blue whales"
PHONES = ("B", "F", "TH", "L", "W", "UW", "CH", "AA")
SIDE, GAP, MARGIN = 150, 4, 84  # pixels: a picture, between pictures, for the names at the left
HEAD = 26  # pixels for the phones at the top
FACE = (164, 114, 284, 194)  # left, top, right, bottom of the lower face in the portrait
COLOURS = 255


def drawn_row(lips: np.ndarray, moved: np.ndarray, frames: list[int], palette: Palette) -> list[Image.Image]:
    """Draw some frames of lips (frames, points, 2) with their articulators (frames, 5)."""
    painter = MouthPainter(lips, (SIDE, SIDE * 2 // 3), palette)
    return [painter.paint(lips[frame], moved[frame]) for frame in frames]


def face_row(lips: np.ndarray, moved: np.ndarray, fps: float, frames: list[int]) -> list[Image.Image]:
    """Put some frames of lips (frames, 40, 2) on the portrait."""
    from skimage.data import astronaut

    from phonolips.face.person import read_face
    from phonolips.face.render import draw_on_face
    from phonolips.lips.shapes import transfer

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "portrait.png"
        Image.fromarray(astronaut()).save(path)
        face = read_face(path)
        pictures = list(draw_on_face(face, transfer(lips, face.rest), fps, articulators=moved))
    return [
        Image.fromarray(pictures[frame]).crop(FACE).resize((SIDE, SIDE * 2 // 3), Image.Resampling.LANCZOS)
        for frame in frames
    ]


def draw_sheet() -> Image.Image:
    """Draw the sheet; RGB."""
    result = synth.from_text(SENTENCE)
    frames = []
    for label in PHONES:
        phone = next(phone for phone in result.alignment.phones if phone.label == label)
        frames.append(int((phone.start + phone.end) / 2 * result.fps))
    moved = articulate(len(result.lips), result.fps, result.alignment, result.posteriors)
    assert moved is not None
    rows = {name: drawn_row(result.lips, moved, frames, palette) for name, palette in PALETTES.items()}
    rows["ibug20"] = drawn_row(to_ibug20(result.lips), moved, frames, PALETTES["warm"])
    if facemesh.is_available():
        rows["on a face"] = face_row(result.lips, moved, result.fps, frames)
    height = HEAD + sum(row[0].height + GAP for row in rows.values())
    sheet = Image.new("RGB", (MARGIN + len(PHONES) * (SIDE + GAP), height), "white")
    draw = ImageDraw.Draw(sheet)
    for column, phone in enumerate(PHONES):
        at = (MARGIN + column * (SIDE + GAP) + SIDE / 2, HEAD / 2)
        draw.text(at, phone, fill="black", font=text_font(16), anchor="mm")
    top = HEAD
    for name, row in rows.items():
        draw.text((MARGIN - 8, top + row[0].height / 2), name, fill="black", font=text_font(14), anchor="rm")
        for column, picture in enumerate(row):
            sheet.paste(picture, (MARGIN + column * (SIDE + GAP), top))
        top += row[0].height + GAP
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/lips_sheet.png"))
    out = parser.parse_args().out
    sheet = draw_sheet().quantize(COLOURS, dither=Image.Dither.NONE)
    sheet.save(out, optimize=True)
    print(f"{out}: {out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
