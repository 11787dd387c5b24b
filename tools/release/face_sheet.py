"""Draw the contact sheet of lips on a face, docs/face_sheet.png.

    python tools/release/face_sheet.py --out docs/face_sheet.png

The face is NASA's portrait of Eileen Collins, in the public domain, which comes with scikit-image. First the portrait
as it is and while it says a sentence, then the lower face, three times enlarged, in the middle of phones.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from phonolips.face.person import Face, read_face
from phonolips.face.render import draw_on_face
from phonolips.lips.articulators import articulate
from phonolips.lips.measures import opening
from phonolips.lips.shapes import transfer
from phonolips.synth import verbs as synth

SENTENCE = "bob saw five blue wheels"
PHONES = ("sil", "B", "F", "W", "UW", "S", "IY", "AA")
COLUMNS = 4
VIEW = (112, 8, 336, 232)  # left, top, right, bottom of the face in the portrait
LOWER_FACE = (164, 114, 276, 194)
ENLARGEMENT = 2
GAP = 6  # pixels between pictures
CAPTION = 18  # pixels of height under each picture


def labelled(picture: np.ndarray, box: tuple[int, int, int, int], size: tuple[int, int], caption: str) -> Image.Image:
    """Cut a picture, enlarge it, and write a caption under it."""
    part = Image.fromarray(picture).crop(box).resize(size, Image.Resampling.BICUBIC)
    tile = Image.new("RGB", (size[0], size[1] + CAPTION), "white")
    tile.paste(part, (0, 0))
    place = (size[0] // 2, size[1] + CAPTION // 2)
    ImageDraw.Draw(tile).text(place, caption, fill="black", font=ImageFont.load_default(13), anchor="mm")
    return tile


def grid(tiles: list[Image.Image]) -> Image.Image:
    """Set pictures of one size in rows."""
    wide, tall = (side + GAP for side in tiles[0].size)
    rows = -(-len(tiles) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * wide - GAP, rows * tall - GAP), "white")
    for at, tile in enumerate(tiles):
        sheet.paste(tile, (at % COLUMNS * wide, at // COLUMNS * tall))
    return sheet


def draw_sheet(face: Face, portrait: np.ndarray) -> Image.Image:
    """Draw both parts of the sheet."""
    result = synth.from_text(SENTENCE)
    moved = articulate(len(result.lips), result.fps, result.alignment, result.posteriors)
    frames = list(draw_on_face(face, transfer(result.lips, face.rest), result.fps, articulators=moved))
    phones = result.alignment.phones

    def frame_of(at: int) -> int:
        middle = (phones[at].start + phones[at].end) / 2
        return min(int(middle * result.fps), len(frames) - 1)

    small = ((VIEW[2] - VIEW[0]), (VIEW[3] - VIEW[1]))
    spoken = [at for at, phone in enumerate(phones) if phone.label != "sil"]
    shown = [spoken[round(share * (len(spoken) - 1))] for share in np.linspace(0, 1, 7)]
    heads = [labelled(portrait, VIEW, small, "the portrait")]
    heads += [labelled(frames[frame_of(at)], VIEW, small, phones[at].label) for at in shown]

    size = ((LOWER_FACE[2] - LOWER_FACE[0]) * ENLARGEMENT, (LOWER_FACE[3] - LOWER_FACE[1]) * ENLARGEMENT)
    mouths = []
    for label in PHONES:
        at = next(at for at, phone in enumerate(phones) if phone.label == label)
        first, last = int(phones[at].start * result.fps), max(frame_of(at), int(phones[at].end * result.fps) - 1)
        within = opening(result.lips[first : last + 1])
        frame = first + int(np.argmin(within) if label in ("B", "F", "W") else frame_of(at) - first)
        mouths.append(labelled(frames[frame], LOWER_FACE, size, label))

    parts = [grid(heads), grid(mouths)]
    sheet = Image.new("RGB", (max(p.width for p in parts), sum(p.height for p in parts) + 2 * GAP), "white")
    sheet.paste(parts[0], (0, 0))
    sheet.paste(parts[1], (0, parts[0].height + 2 * GAP))
    return sheet


def main() -> None:
    """Read the command line and write the sheet."""
    from skimage.data import astronaut

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/face_sheet.png"))
    out = parser.parse_args().out
    portrait = astronaut()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "portrait.png"
        Image.fromarray(portrait).save(path)
        sheet = draw_sheet(read_face(path), portrait)
    temporary = out.with_name(f".{out.name}")
    sheet.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(temporary, format="PNG", optimize=True)
    temporary.replace(out)
    print(f"{out}: {out.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
