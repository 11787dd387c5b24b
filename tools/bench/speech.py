"""Measure whether phones sound where the TextGrid has them: spoken texts, aligned by aligners that do not know it.

    python tools/bench/speech.py [--backend espeak festival] [--voice NAME] [--out FILE] [--keep FOLDER]

Every text is spoken by `verbs.from_speech`; `sphinx` (pocketsphinx) and `ctc` (our own encoder) find the same phones in
the sound, and the starts of all phones and the end of the last are compared with the TextGrid's. The video is written;
its frames and its sound, as decoded, are compared in length with what was spoken. Aligners err too, so the figures are
upper bounds.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from phonolips.errors import InputError
from phonolips.media import audio
from phonolips.media.video import read_frames
from phonolips.model.network import Network, load_network
from phonolips.phones.compare import BOUNDARY_TOLERANCE_MS
from phonolips.phones.intervals import Alignment
from phonolips.phones.inventory import SILENCE, VOWELS
from phonolips.speech.align.ctc import align_posteriors
from phonolips.speech.align.sphinx import Sphinx
from phonolips.speech.tts import speak as speech
from phonolips.speech.words import SpokenWord, words_with_phones
from phonolips.storage import write_text
from phonolips.synth import verbs
from phonolips.synth.folder import VIDEO_FILE
from phonolips.timebase import MODEL_FPS, SAMPLE_RATE

TEXTS = (
    "bin blue at f two now",
    "lay green by a nine again",
    "place red in z zero please",
    "set white with p four soon",
    "bin red at m six please",
    "The quick brown fox jumps over the lazy dog, didn't it?",
    "Dr. Smith paid $12.50 for 3 tickets on May 5th.",
    "Put the big blue box under the table, near the fire, and leave it there.",
    "Please call me before 9:30 a.m. My number is 555-0172.",
    "Nobody noticed the young fisherman leave the harbour. It was 6 o'clock.",
    "In 1999, about 40% of them voted; the rest stayed at home.",
    "She sells sea shells, he buys old maps, and they both pay in cash.",
    "Bob and Pam popped up from behind a bumpy brown bush.",
    "The judge measured both boards twice: once in inches, once in feet.",
    "Wait! Who is there? Only the wind in the willow tree.",
    "My uncle keeps five chickens, two goats and a very old horse behind the garage.",
    "Milk, silk and film are hard to tell apart; so are pull, full and wool.",
    "The BBC said that the temperature fell to 12 degrees on Thursday.",
    "A loud noise in the kitchen woke the whole house up. Then it was quiet again.",
    "You must push hard to open the rusty iron gate!",
    "He thought the other brother would rather gather feathers.",
    "Five wise women gave the king a peculiar choice.",
    "Chapter 21. The ship left the shore on a cold, grey morning.",
    "We usually watch television together, unless there is a good show at the theatre.",
)
CLASSES = {"bilabial stop": "P B", "other stop": "T D K G CH JH", "nasal": "M N NG", "liquid or glide": "L R W Y"}


def words_of(alignment: Alignment) -> list[SpokenWord]:
    """Put the phones that sound in each word of an alignment into it."""
    grouped = words_with_phones(alignment)
    return [SpokenWord(word.label, tuple(phone.label for phone in phones)) for word, phones in grouped]


def lateness(found: Alignment, truth: Alignment) -> list[tuple[str, float]]:
    """Compute how late (ms) each phone of `found` begins, with its name, and the last one ends ("end")."""
    theirs, own = ([phone for phone in a.phones if phone.label != SILENCE] for a in (found, truth))
    late = [(true.label, 1000 * (other.start - true.start)) for other, true in zip(theirs, own, strict=True)]
    return [*late, ("end", 1000 * (theirs[-1].end - own[-1].end))]


def lengths(path: Path) -> tuple[float, float]:
    """Measure the pictures and the sound of a video file, in seconds, by decoding it."""
    return sum(1 for _ in read_frames(path)) / MODEL_FPS, len(audio.read(path)) / SAMPLE_RATE


def class_of(name: str) -> str:
    """Name the class of sounds of a phone, or "end"."""
    for group, phones in CLASSES.items():
        if name in phones.split():
            return group
    if name == "end":
        return name
    return "vowel" if name in VOWELS else "fricative"


def row(name: str, errors: Sequence[float]) -> str:
    """Write a name, the number of edges, the median lateness and error and the share within 20 ms."""
    found = np.array(errors)
    near = np.mean(np.abs(found) <= BOUNDARY_TOLERANCE_MS + 1e-6)
    return f"| {name} | {len(found)} | {np.median(found):+.1f} | {np.median(np.abs(found)):.1f} | {near:.1%} |"


def bench(backend: str, voice: str | None, rate: float, network: Network, keep: Path | None) -> list[str]:
    """Speak all texts with one backend; return lines of Markdown."""
    from tqdm import tqdm

    sphinx = Sphinx()
    late: dict[str, list[tuple[str, float]]] = defaultdict(list)
    failed: dict[str, int] = defaultdict(int)
    worst_frames, seconds, took = 0.0, 0.0, 0.0
    with tempfile.TemporaryDirectory() as temporary:
        for number, text in enumerate(tqdm(TEXTS, desc=backend, unit="text", dynamic_ncols=True, disable=None)):
            started = time.perf_counter()
            spoken = verbs.from_speech(text, backend=backend, voice=voice, rate=rate, network=network)
            took += time.perf_counter() - started
            words, sound = words_of(spoken.alignment), spoken.waveform
            if sound is None:
                raise RuntimeError(f"{backend} gave no sound for {text!r}")
            length = len(sound) / SAMPLE_RATE
            seconds += length
            finders: dict[str, Callable[[], Alignment]] = {
                "sphinx": partial(sphinx.align, sound, words),
                "ctc": partial(align_posteriors, network.posteriors(sound), words, only_words=True),
            }
            for name, find in finders.items():
                try:
                    late[name] += lateness(find(), spoken.alignment)
                except InputError:
                    failed[name] += 1
            folder = (keep or Path(temporary)) / f"{backend}-{number:02d}"
            spoken.save(folder)
            seen, encoded = lengths(folder / VIDEO_FILE)
            worst_frames = max(worst_frames, abs(seen - length) * MODEL_FPS, abs(encoded - length) * MODEL_FPS)
    lines = [
        f"### {backend}{f', voice {voice}' if voice else ''}, rate {rate}",
        "",
        f"{len(TEXTS)} texts, {seconds:.0f} s of sound and lips made in {took:.1f} s. The video's frames and sound, "
        f"as decoded, differ from what was spoken by at most {worst_frames:.2f} frames.",
        "",
        "| edges found by | edges | median lateness, ms | median error, ms | within 20 ms |",
        "|---|---|---|---|---|",
    ]
    for name, errors in late.items():
        lines.append(row(f"{name} ({failed[name]} failed)", [error for _, error in errors]))
    for name, errors in late.items():
        for group in sorted({class_of(phone) for phone, _ in errors}):
            lines.append(row(f"{name}, {group}", [error for phone, error in errors if class_of(phone) == group]))
    return [*lines, ""]


def main() -> None:
    """Read the options, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", nargs="+", default=["espeak"], choices=speech.BACKENDS)
    parser.add_argument("--voice", help="of the backend; default: its own choice")
    parser.add_argument("--rate", type=float, default=1.0)
    parser.add_argument("--model", type=Path, help="model folder; default: the one in the package")
    parser.add_argument("--out", type=Path, help="Markdown file; default: printed only")
    parser.add_argument("--keep", type=Path, help="folder for the results; default: thrown away")
    arguments = parser.parse_args()
    network = load_network(arguments.model)
    lines: list[str] = []
    for backend in arguments.backend:
        lines += bench(backend, arguments.voice, arguments.rate, network, arguments.keep)
    text = "\n".join(lines)
    if arguments.out:
        write_text(arguments.out, text)
    print(text, end="")


if __name__ == "__main__":
    main()
