"""Draw a sheet of every phone: the drawn mouth, and below it the lower half of some faces.

    python tools/release/phone_sheet.py --out docs/phones_sheet.jpg
    python tools/release/phone_sheet.py --out sheet.png --face clip.mp4 --face portrait.jpg --columns 5

Every consonant is said between two AH, every vowel between HH and D, and shown in its middle. The first face is NASA's
portrait of Eileen Collins, in the public domain, which comes with scikit-image; `--face` adds others.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from phonolips.face.person import Face, read_face
from phonolips.face.render import draw_on_face
from phonolips.lips.articulators import articulate
from phonolips.lips.points import MEDIAPIPE_LIPS
from phonolips.lips.shapes import transfer
from phonolips.phones.inventory import PHONES, SILENCE, VOWELS
from phonolips.show.drawing import draw_lips, text_font
from phonolips.synth import verbs as synth
from phonolips.synth.result import Result

SIDE = 120  # pixels: the width of a picture; its height is two thirds
GAP, CAPTION = 4, 18
JPEG_QUALITY = 78
MOUTH_VIEW = 1.9  # mouth widths that a picture of a face shows


def say(phone: str) -> Result:
    """Say one phone between neutral neighbours."""
    if phone == SILENCE:
        return synth.from_phones(["AH", "T", SILENCE, "T", "AH"])
    return synth.from_phones(["HH", phone, "D"] if phone in VOWELS else ["AH", phone, "AH"])


def middle_frame(result: Result, phone: str) -> int:
    """Find the frame in the middle of a phone; of a silence, the one inside the sentence or the last."""
    found = next(each for each in reversed(result.phones) if each.label == phone)
    return min(int((found.start + found.end) / 2 * result.fps), len(result.lips) - 1)


def drawn(results: list[Result], frames: list[int]) -> list[Image.Image]:
    """Draw the mouth of each result at its frame, all in one view."""
    size = (SIDE * 2, SIDE * 4 // 3)
    lips = np.stack([result.lips[frame] for result, frame in zip(results, frames, strict=True)])
    articulators = [
        articulate(len(result.lips), result.fps, result.alignment, result.posteriors)[frame]
        for result, frame in zip(results, frames, strict=True)
    ]
    pictures = draw_lips(lips, size=size, articulators=np.stack(articulators))
    return [Image.fromarray(picture).resize((SIDE, SIDE * 2 // 3), Image.Resampling.LANCZOS) for picture in pictures]


def cut_mouths(face: Face, results: list[Result], frames: list[int]) -> list[Image.Image]:
    """Put the lips of each result onto a face, and cut its mouth out."""
    points = face.points_px[0, list(MEDIAPIPE_LIPS)]
    centre, wide = points.mean(0), float(np.ptp(points[:, 0])) * MOUTH_VIEW
    box = (centre[0] - wide / 2, centre[1] - wide / 3, centre[0] + wide / 2, centre[1] + wide / 3)
    cut = []
    for result, frame in zip(results, frames, strict=True):
        lips = transfer(result.lips, face.rest)[frame : frame + 1]
        moved = articulate(len(result.lips), result.fps, result.alignment, result.posteriors)
        row = None if moved is None else moved[frame : frame + 1]
        picture = next(draw_on_face(face, lips, 25, source_frames=np.zeros(1, int), articulators=row))
        cut.append(Image.fromarray(picture).resize((SIDE, SIDE * 2 // 3), Image.Resampling.BICUBIC, box=box))
    return cut


def draw_sheet(phones: list[str], faces: list[Face], columns: int) -> Image.Image:
    """Draw the sheet; RGB."""
    results = [say(phone) for phone in phones]
    frames = [middle_frame(result, phone) for result, phone in zip(results, phones, strict=True)]
    rows = [drawn(results, frames), *(cut_mouths(face, results, frames) for face in faces)]
    tall = SIDE * 2 // 3
    block = CAPTION + len(rows) * tall + GAP
    sheet = Image.new("RGB", (columns * (SIDE + GAP) - GAP, -(-len(phones) // columns) * block), "white")
    draw = ImageDraw.Draw(sheet)
    for at, phone in enumerate(phones):
        left, top = at % columns * (SIDE + GAP), at // columns * block
        draw.text((left + SIDE / 2, top + CAPTION / 2), phone, fill="black", font=text_font(14), anchor="mm")
        for row, pictures in enumerate(rows):
            sheet.paste(pictures[at], (left, top + CAPTION + row * tall))
    return sheet


def main() -> None:
    """Read the command line and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/phones_sheet.jpg"))
    parser.add_argument("--face", type=Path, action="append", default=[], help="another photo or video")
    parser.add_argument("--phones", default=",".join(PHONES), help="with commas between them")
    parser.add_argument("--columns", type=int, default=8)
    options = parser.parse_args()
    from skimage.data import astronaut

    with tempfile.TemporaryDirectory() as folder:
        portrait = Path(folder) / "portrait.png"
        Image.fromarray(astronaut()).save(portrait)
        faces = [read_face(path) for path in (portrait, *options.face)]
        sheet = draw_sheet(options.phones.split(","), faces, options.columns)
    if options.out.suffix == ".jpg":
        sheet.save(options.out, quality=JPEG_QUALITY)
    else:
        sheet.save(options.out, optimize=True)
    print(f"{options.out}: {options.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
