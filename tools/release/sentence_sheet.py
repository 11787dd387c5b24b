"""Draw sentences as filmstrips: below each phone, in its middle, the drawn mouth and the lower half of a face.

    python tools/release/sentence_sheet.py --out sentences.png
    python tools/release/sentence_sheet.py --out sentences.png --face clip.mp4 --text "they chose two blue vans"

The face is NASA's portrait of Eileen Collins, in the public domain, which comes with scikit-image, unless `--face`
names another.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from phone_sheet import CAPTION, GAP, SIDE, cut_mouths
from PIL import Image, ImageDraw

from phonolips.face.person import Face, read_face
from phonolips.lips.articulators import articulate
from phonolips.show.drawing import draw_lips, text_font
from phonolips.synth import verbs as synth

SENTENCES = (
    "we should move the food through the blue room",
    "five very heavy vans arrived before half past four",
    "they thought that both of them were with their mother",
    "she chose a fresh shirt and some cheap shoes",
    "would you show us how the old radio works",
    "bob and pam put my map under the lamp",
    "the little yellow lily will fall in the pool",
    "it is not easy to see the sea at sunrise",
    "her voice was quiet but the noise annoyed us",
    "please wait here. I will be back in two minutes.",
)
MOST_PHONES = 20  # of a sentence, evenly chosen


def draw_strip(text: str, face: Face) -> Image.Image:
    """Draw one sentence; RGB."""
    result = synth.from_text(text)
    chosen = np.unique(np.linspace(0, len(result.phones) - 1, MOST_PHONES).round().astype(int))
    phones = [result.phones[at] for at in chosen]
    frames = [min(int((each.start + each.end) / 2 * result.fps), len(result.lips) - 1) for each in phones]
    moved = articulate(len(result.lips), result.fps, result.alignment, result.posteriors)
    tall = SIDE * 2 // 3
    strip = Image.new("RGB", (len(frames) * (SIDE + GAP) - GAP, CAPTION + 2 * tall + 2 * GAP), "white")
    drawing = ImageDraw.Draw(strip)
    drawn = list(draw_lips(result.lips, size=(2 * SIDE, 2 * tall), articulators=moved))
    faces = cut_mouths(face, [result] * len(frames), frames)
    for column, (phone, frame, on_face) in enumerate(zip(phones, frames, faces, strict=True)):
        left = column * (SIDE + GAP)
        drawing.text((left + SIDE / 2, CAPTION / 2), phone.label, fill="black", font=text_font(14), anchor="mm")
        mouth = Image.fromarray(drawn[frame]).resize((SIDE, tall), Image.Resampling.LANCZOS)
        strip.paste(mouth, (left, CAPTION))
        strip.paste(on_face, (left, CAPTION + tall))
    return strip


def main() -> None:
    """Read the command line and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--face", type=Path, help="another photo or video")
    parser.add_argument("--text", action="append", help="instead of the ten sentences")
    options = parser.parse_args()
    from skimage.data import astronaut

    with tempfile.TemporaryDirectory() as folder:
        portrait = Path(folder) / "portrait.png"
        Image.fromarray(astronaut()).save(portrait)
        face = read_face(options.face or portrait)
        strips = [draw_strip(text, face) for text in options.text or SENTENCES]
    sheet = Image.new("RGB", (max(strip.width for strip in strips), sum(strip.height for strip in strips)), "white")
    top = 0
    for strip in strips:
        sheet.paste(strip, (0, top))
        top += strip.height
    sheet.save(options.out, optimize=True)
    print(f"{options.out}: {options.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
