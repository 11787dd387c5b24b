"""Tabulate what IPA sounds are made of, measure the lips that come out, and draw them (docs/sounds.md, sounds.png).

    python tools/studies/sounds.py [--page docs/sounds.md] [--picture docs/sounds.png]
    python tools/studies/sounds.py --coverage tools/studies/udhr_article1.json
    python tools/studies/sounds.py --panphon ipa_all.csv

The first writes every table between `<!-- table NAME -->` and `<!-- end -->` of the page; the lips are those of the
default weights. The second prints which sounds espeak-ng's voices say that are no IPA (there should be none): each
voice reads Article 1 of the Universal Declaration of Human Rights, or all of them where its language has none, and 600
short strings that it spells out or reads as numbers. The third compares our features with panphon's table.
"""

import argparse
import csv
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from phonolips.evaluation.metrics.lips import opening_thresholds
from phonolips.lips.measures import opening, width
from phonolips.phones.features import APART, LETTERS, SHUT, VOWEL_LETTERS, read_sound
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import SILENCE, is_sound
from phonolips.phones.sounds import mix_sound
from phonolips.show.drawing import text_font
from phonolips.show.mouth import MouthPainter
from phonolips.show.palette import PALETTES
from phonolips.synth import verbs as synth
from phonolips.timebase import STEP_SECONDS

MARKED = ("tʷ", "kʷ", "ʃʷ", "tʲ", "sʲ", "mʲ", "sˤ", "r̝", "t͡ɕ", "t͡ʂ", "t͡ɬ", "k͡p", "ŋ͡m", "ɯᵝ", "e̞", "o̞", "ä")
MEASURED = (
    "i", "u", "y", "ɨ", "ɯ", "ɪ", "ʏ", "ʊ", "e", "o", "ø", "ɤ", "ə", "ɛ", "ɔ", "œ", "a", "ɑ", "ɒ", "p", "b", "m", "ɓ",
    "ʘ", "ʙ", "mʲ", "k͡p", "f", "v", "ɸ", "β", "ɱ", "ʋ", "w", "ɥ", "ʃ", "ʃʷ", "ɕ", "s", "t", "tʷ", "r", "ʁ", "x", "q",
    "ʕ",
)  # fmt: skip
DRAWN = ("i", "y", "u", "ɯ", "e", "ø", "o", "a", "œ", "p", "ɓ", "ʘ", "f", "ɸ", "β", "ʃʷ", "ɥ", "ʕ")
VOWEL_CONTEXTS = ("T", "S", "K", "L", "F", "P")
CONSONANT_CONTEXTS = ("AA", "IY", "AH", "EH", "UW")
STEPS, CONTEXT_STEPS, REST_STEPS = 10, 8, 30  # of 10 ms: the sound, each neighbour, silence around
FPS = 100
MARGIN_STEPS = 4  # a video frame before and after, as `closure_recall` counts a closure
SENTENCES = ("Bob saw five blue whales by the pier.", "Please put my maps and papers on the table, now.")
SIDE, COLUMNS, LABEL = 150, 9, 40  # pixels of a picture, pictures in a row, pixels for its name
VOICE_WORDS = 600


def neighbours(sound: str) -> tuple[str, ...]:
    """Return the phones between which a sound is measured."""
    return VOWEL_CONTEXTS if sound[0] in VOWEL_LETTERS else CONSONANT_CONTEXTS


def lips_of(sound: str, context: str) -> np.ndarray:
    """Synthesise a sound between two phones; return its frames and MARGIN_STEPS more on both sides, 100 a second."""
    labels = (SILENCE, context, f"[{sound}]", context, SILENCE)
    edges = np.cumsum([0, REST_STEPS, CONTEXT_STEPS, STEPS, CONTEXT_STEPS, REST_STEPS]) * STEP_SECONDS
    phones = [Interval(*each) for each in zip(labels, edges[:-1].tolist(), edges[1:].tolist(), strict=True)]
    lips = synth.from_alignment(Alignment.build((), phones, float(edges[-1])), fps=FPS).lips
    first = REST_STEPS + CONTEXT_STEPS
    return lips[first - MARGIN_STEPS : first + STEPS + MARGIN_STEPS]


def mixture_cells(sound: str) -> str:
    """Write a sound's mixture and distance as two cells of a table."""
    mixture = mix_sound(sound)
    shares = ", ".join(f"{phone} {weight:.2f}" if weight < 1 else phone for phone, weight in mixture.phones)
    return f"{shares} | {mixture.distance:.2f}"


def sounds_table() -> str:
    """Tabulate the letters of the chart, and some with marks, three to a row."""
    cells = [f"{sound} | {mixture_cells(sound)}" for sound in (*LETTERS, *MARKED)]
    cells += [" | | "] * (-len(cells) % 3)
    rows = [" | ".join(cells[place : place + 3]) for place in range(0, len(cells), 3)]
    return "\n".join(["| sound | mixture | distance " * 3 + "|", "|---" * 9 + "|", *(f"| {row} |" for row in rows)])


def lips_table() -> str:
    """Tabulate opening and width of lips in the middle of sounds, and how often they are shut."""
    range_of = np.concatenate([opening(synth.from_text(sentence).lips) for sentence in SENTENCES])
    closed = opening_thresholds(range_of).closed
    lines = [
        "| sound | mixture | distance | opening | width | least opening | shut in |",
        "|---" * 7 + "|",
    ]
    for sound in MEASURED:
        around = [lips_of(sound, context) for context in neighbours(sound)]
        inside = [lips[MARGIN_STEPS:-MARGIN_STEPS] for lips in around]
        middles = np.array([lips[STEPS // 2 - 2 : STEPS // 2 + 3] for lips in inside])
        if sound[0] in VOWEL_LETTERS:
            least = np.array([opening(lips).min() for lips in middles])
        else:
            least = np.array([opening(lips).min() for lips in around])
        lines.append(
            f"| {sound} | {mixture_cells(sound)} | {opening(middles).mean():.3f} | {width(middles).mean():.3f} | "
            f"{least.min():.3f} | {np.mean(least <= closed):.0%} |"
        )
    print(f"lips count as shut at an opening of {closed:.3f} or less")
    return "\n".join(lines)


def draw(path: Path) -> None:
    """Draw the lips in the middle of sounds, by name."""
    shapes = np.array([lips_of(sound, neighbours(sound)[0])[MARGIN_STEPS + STEPS // 2] for sound in DRAWN])
    painter = MouthPainter(shapes, (SIDE, SIDE * 2 // 3), next(iter(PALETTES.values())))
    height = SIDE * 2 // 3 + LABEL
    rows = -(-len(DRAWN) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * SIDE, rows * height), "white")
    pen = ImageDraw.Draw(sheet)
    for place, (sound, shape) in enumerate(zip(DRAWN, shapes, strict=True)):
        left, top = place % COLUMNS * SIDE, place // COLUMNS * height
        name = f"[{sound}]\n" + " ".join(f"{phone} {weight:.2f}" for phone, weight in mix_sound(sound).phones)
        pen.text((left + 4, top + 4), name, fill="black", font=text_font(12, name))
        sheet.paste(painter.paint(shape), (left, top + LABEL))
    sheet.quantize(128).save(path, optimize=True)


def fill(page: Path, name: str, table: str) -> None:
    """Write a table into its place in a page."""
    text = page.read_text(encoding="utf-8")
    place = re.compile(rf"(<!-- table {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    page.write_text(place.sub(lambda found: found[1] + table + "\n" + found[2], text), encoding="utf-8")


def cover(articles: dict[str, str]) -> None:
    """Print what the voices say, and what of it is no IPA."""
    from phonolips.errors import InputError
    from phonolips.speech.text.ipa import ipa_to_phones
    from phonolips.speech.text.voice import EspeakVoice
    from phonolips.speech.tts.espeak.library import PHONEMES_AS_IPA, open_library

    languages = EspeakVoice.supported_languages()
    every = " ".join(articles.values())
    letters = sorted({pair for word in every.lower().split() for pair in (word[:1], word[:2], word[-2:])})
    short = [*map(str, range(100)), *letters][:VOICE_WORDS]
    said: Counter[str] = Counter()
    unread: list[str] = []
    with open_library() as library:
        for code in languages:
            library.set_voice(code, 160)
            keys = [key for key in articles if code == key or code.startswith(f"{key}-")]
            text = articles[max(keys, key=len)] if keys else every
            for word in (*text.split(), *short):
                spoken = re.sub("[ˈˌ]", "", library.phonemes(word, PHONEMES_AS_IPA))
                try:
                    english = code.startswith("en")
                    said.update(label for each in spoken.split() for label in ipa_to_phones(each, english=english))
                except InputError as error:
                    unread.append(f"{code}: {error}")
    sounds = {label: count for label, count in said.most_common() if is_sound(label)}
    print(f"{len(languages)} voices, {sum(said.values())} sounds, of which {len(unread)} words could not be read")
    print("\n".join(unread[:20]))
    print(f"{len(sounds)} sounds that English lacks, {sum(sounds.values()) / sum(said.values()):.1%} of all:")
    print(", ".join(f"{label[1:-1]} {mix_sound(label[1:-1]).distance:.2f}" for label in sounds))


def compare_panphon(path: Path) -> None:
    """Print where panphon's features of a letter say something else."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = {row["ipa"]: row for row in csv.DictReader(file)}
    known = [letter for letter in LETTERS if letter in rows]
    print(f"{len(known)} of {len(LETTERS)} letters are in both")
    vowels = [letter for letter in known if letter in VOWEL_LETTERS]
    consonants = [letter for letter in known if letter not in VOWEL_LETTERS]
    value = {letter: read_sound(letter).value for letter in known}
    agrees = {
        "round": {v: (rows[v]["round"] == "+") == (value[v]("rounding") > 0) for v in vowels},
        "hi": {v: (rows[v]["hi"] == "+") == (value[v]("opening") < 0.25) for v in vowels},
        "lo": {v: (rows[v]["lo"] == "+") == (value[v]("opening") > 0.75) for v in vowels},
        "lab (vowels), against round": {v: (rows[v]["lab"] == "+") == (value[v]("rounding") > 0) for v in vowels},
        "lab (consonants)": {
            c: (rows[c]["lab"] == "+") == (read_sound(c).lips != APART or value[c]("rounding") >= 1) for c in consonants
        },
        "lab, not cont": {
            c: (rows[c]["lab"] == "+" and rows[c]["cont"] == "-") == (read_sound(c).lips == SHUT) for c in consonants
        },
        "cont": {c: (rows[c]["cont"] == "-") == (value[c]("stricture") >= 0.9) for c in consonants},
        "nas": {c: (rows[c]["nas"] == "+") == (value[c]("nasal") == 1) for c in consonants},
        "voi": {c: (rows[c]["voi"] == "+") == (value[c]("voice") == 1) for c in consonants},
    }
    for name, same in agrees.items():
        print(
            f"{name}: {sum(same.values())} of {len(same)}",
            " ".join(key for key, is_same in same.items() if not is_same),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", type=Path, default=Path("docs/sounds.md"))
    parser.add_argument("--picture", type=Path, default=Path("docs/sounds.png"))
    parser.add_argument("--coverage", type=Path)
    parser.add_argument("--panphon", type=Path)
    arguments = parser.parse_args()
    if arguments.coverage or arguments.panphon:
        if arguments.coverage:
            cover(json.loads(arguments.coverage.read_text(encoding="utf-8")))
        if arguments.panphon:
            compare_panphon(arguments.panphon)
        return
    fill(arguments.page, "sounds", sounds_table())
    fill(arguments.page, "lips", lips_table())
    draw(arguments.picture)


if __name__ == "__main__":
    main()
