"""Measure what phonolips makes of other languages.

    python tools/bench/languages.py voices            # tries every voice in a process of its own
    python tools/bench/languages.py detection         # is a language told, is English ever taken for another one
    python tools/bench/languages.py figures           # numbers by num2words and by the voices
    python tools/bench/languages.py lips [LANGUAGE ...]  # b, m and p closed; sound and lips in step

Texts: tests/text/languages (Article 1 of the Universal Declaration of Human Rights in 100 languages, short sentences
of 20 languages, English that looks foreign), and for `detection` the transcripts of GRID and LibriSpeech in --data.
"""

import argparse
import csv
import math
import os
import random
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.lips.measures import opening
from phonolips.media import audio
from phonolips.media.video import read_frames
from phonolips.model.network import load_network
from phonolips.model.stream import decode_lips
from phonolips.phones.intervals import Alignment
from phonolips.phones.inventory import BILABIALS, SILENCE
from phonolips.speech.align.ctc import align_posteriors
from phonolips.speech.text.detect import find_other_language, guess_language
from phonolips.speech.text.espeak_data import voice_names
from phonolips.speech.text.figures import _num2words
from phonolips.speech.text.g2p import text_to_phones
from phonolips.speech.text.languages import all_languages, canonical_language
from phonolips.speech.text.voice import load_voice
from phonolips.speech.words import SpokenWord, words_with_phones
from phonolips.synth import verbs
from phonolips.synth.arguments import pad_to_frames
from phonolips.synth.folder import VIDEO_FILE
from phonolips.synth.result import Result
from phonolips.timebase import MODEL_FPS, SAMPLE_RATE

ROOT = Path(__file__).parents[2]
TEXTS = ROOT / "tests" / "text" / "languages"
TEN = ("de", "fr-fr", "es", "it", "pt-br", "nl", "pl", "ru", "tr", "cmn")
MORE = ("ja", "ar", "hi", "sw", "ko", "he", "fi", "uk", "cs", "sv", "vi", "hu")
CLOSED = 0.019  # mouth-space units; below it a mouth of GRID's s1 counts as closed (evaluation/metrics/lips.py)
TRY_SECONDS = 60
LOUD_SHARE = 0.05  # of the 95 % quantile of the sound's level: less is silence
LEVEL_SAMPLES = 80  # 5 ms, over which the level is taken
NEAR_SECONDS = 0.02
NUMBERS = (0, 7, 12, 21, 80, 99, 101, 345, 1200, 2024, 31_000, 1_000_000, 2_500_000)

TRY_ONE = """
import sys, warnings
warnings.simplefilter("ignore")
code, text = sys.argv[1:3]
from phonolips.speech.text.languages import BROKEN_VOICES
from phonolips.speech.text import languages
languages.BROKEN_VOICES = frozenset()
from phonolips.speech.text import g2p
from phonolips.speech.text.g2p import text_to_phones
if code in BROKEN_VOICES:
    g2p.is_readable = lambda word, language: True
from phonolips.speech.tts.speak import speak_words
words = text_to_phones(text, language=code)
print(sum(len(word.phones) for word in words if word.word), end=" ", flush=True)
spoken = speak_words(words, language=code)
print(sum(phone.label != "sil" for phone in spoken.alignment.phones), f"{spoken.seconds:.1f}")
"""


def read_lines(name: str) -> list[str]:
    """Read the lines of a file of texts, without its remarks."""
    lines = (TEXTS / name).read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def read_articles() -> dict[str, str]:
    """Map the code of each language to Article 1 in it."""
    return {
        canonical_language(c): text
        for c, text in (
            line.split("\t") for line in read_lines("article1.tsv") if line.split("\t")[0] not in ("fo", "kaa", "kl")
        )
    }


def row(*cells: object) -> str:
    """Write a row of a Markdown table."""
    return f"| {' | '.join(map(str, cells))} |"


def bench_voices() -> Iterator[str]:
    """Try every voice on a paragraph, in a process of its own: one of them ends it."""
    articles = dict(line.split("\t") for line in read_lines("article1.tsv"))
    yield row("voice", "text of", "phones of the text", "phones spoken", "seconds", "or how it failed")
    yield "|---|---|---|---|---|---|"
    for code in sorted(voice_names()):
        base = code.split("-")[0]
        source = next((c for c in (code, code.lower(), base) if c in articles), None)
        source = source or next((c for c in articles if c.split("-")[0] == base), "it")
        command = [sys.executable, "-c", TRY_ONE, code, articles[source]]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TRY_SECONDS, cwd=ROOT)
        except subprocess.TimeoutExpired:
            yield row(code, source, "", "", "", f"not done after {TRY_SECONDS} s")
            continue
        cells = [*done.stdout.split(), "", "", ""][:3]
        errors = done.stderr.strip().splitlines()
        failure = f"exit {done.returncode}: {errors[-1] if errors else ''}" if done.returncode else ""
        yield row(code, source, *cells, failure)


def english_texts(data: Path) -> dict[str, list[str]]:
    """Read English texts of several kinds."""
    drawn = random.Random(0)
    sentences: list[str] = []
    for path in sorted(data.glob("librispeech/*/transcripts.tsv")):
        with path.open(encoding="utf-8", newline="") as file:
            sentences += [line["transcript"].strip().lower() for line in csv.DictReader(file, delimiter="\t")]
    pieces = []
    for sentence in sentences:
        words, count = sentence.split(), drawn.randint(1, 5)
        first = drawn.randrange(max(1, len(words) - count + 1))
        pieces.append(" ".join(words[first : first + count]))
    grid = {
        " ".join(line.split()[2] for line in path.read_text().splitlines() if line.split()[2] not in ("sil", "sp"))
        for path in data.glob("grid/*/*.align")
    }
    return {
        "GRID, sentences": sorted(grid),
        "LibriSpeech, sentences": sentences,
        "LibriSpeech, 1 to 5 words": pieces,
        "names, loan words, addresses, code": read_lines("english_that_looks_foreign.txt"),
    }


def bench_detection(data: Path) -> Iterator[str]:
    """Count what is told and what is mistaken."""
    yield row("English texts", "texts", "warned of", "taken for another language by auto", "ms a text")
    yield "|---|---|---|---|---|"
    wrong: list[str] = []
    for name, texts in english_texts(data).items():
        started = time.perf_counter()
        warned = [text for text in texts if find_other_language(text, "en-us")]
        milliseconds = 1000 * (time.perf_counter() - started) / max(1, len(texts))
        taken = [text for text in texts if guess_language(text) != "en-us"]
        wrong += [f"{name}: {'; '.join(warned)}"] if warned else []
        yield row(name, len(texts), len(warned), len(taken), f"{milliseconds:.2f}")
    yield ""
    yield from wrong
    yield ""
    yield row(
        "texts in another language", "texts", "warned of under en-us", "right under auto", "doubted under its own"
    )
    yield "|---|---|---|---|---|"
    short = [line.split("\t") for line in read_lines("short_sentences.tsv")]
    paragraphs = [list(pair) for pair in read_articles().items()]
    first_words = [
        [code, " ".join(text.split()[:10])] for code, text in paragraphs if code in {code for code, _ in short}
    ]
    for name, pairs in (
        ("1 to 5 words, 20 languages", short),
        ("10 words, the same languages", first_words),
        ("paragraphs, all languages", paragraphs),
    ):
        texts = [(canonical_language(code), text) for code, text in pairs]
        warned_of = sum(find_other_language(text, "en-us") is not None for code, text in texts)
        right = sum(guess_language(text).split("-")[0] == code.split("-")[0] for code, text in texts)
        doubted = sum(find_other_language(text, code) is not None for code, text in texts)
        yield row(name, len(texts), warned_of, right, doubted)


def bench_figures() -> Iterator[str]:
    """Compare how numbers are said: as figures by the voice, and as num2words writes them."""
    from phonemizer.separator import Separator

    yield row("language", f"of {len(NUMBERS)} numbers the same phones", "the same but for a phone or two", "others")
    yield "|---|---|---|---|"
    for code in all_languages():
        write = _num2words(code)
        if write is None or code.startswith("en") or "-x-" in code or code == "ja":
            continue
        try:
            written = [write(number) for number in NUMBERS]
        except (NotImplementedError, TypeError):  # num2words' own faults
            yield row(code, "num2words fails", "", "")
            continue
        lines = load_voice(code)._backend.phonemize(
            [*map(str, NUMBERS), *written], separator=Separator(phone="", word="", syllable=""), strip=True
        )
        same, near, others = 0, 0, []
        for number, voice, word in zip(NUMBERS, lines[: len(NUMBERS)], lines[len(NUMBERS) :], strict=True):
            alike = SequenceMatcher(None, voice, word, autojunk=False).ratio()
            same += voice == word
            near += voice != word and alike >= 0.8
            if alike < 0.8:
                others.append(f"{number}")
        yield row(code, same, near, ", ".join(others))


def words_of(alignment: Alignment) -> list[SpokenWord]:
    """Put the phones that sound in each word of an alignment into it."""
    grouped = words_with_phones(alignment)
    return [SpokenWord(word.label, tuple(phone.label for phone in phones)) for word, phones in grouped]


def count_closures(result: Result) -> tuple[int, int]:
    """Count the b, m and p of a result, and those in which the mouth is closed: within a frame of the phone."""
    heights = opening(result.lips)
    closed, total = 0, 0
    for phone in result.phones:
        if phone.label in BILABIALS:
            first = max(0, int(phone.start * result.fps + 1e-6) - 1)
            last = math.ceil(phone.end * result.fps - 1e-6) + 1
            total += 1
            closed += bool(heights[first:last].min() < CLOSED)
    return closed, total


def silences_of_p(result: Result) -> list[float]:
    """Compute how late (ms) the lips are shut in each p, against the middle of the silence in its sound."""
    waveform = result.waveform
    if waveform is None:
        raise RuntimeError("a spoken text has a sound")
    level = np.sqrt(np.convolve(waveform.astype(float) ** 2, np.ones(LEVEL_SAMPLES) / LEVEL_SAMPLES, "same"))
    silent = level < LOUD_SHARE * np.quantile(level, 0.95)
    times = (np.arange(len(result.lips)) + 0.5) / result.fps
    heights = opening(result.lips)
    late = []
    for phone in result.phones:
        if phone.label != "P":
            continue
        inside = np.arange(round(phone.start * SAMPLE_RATE), round(phone.end * SAMPLE_RATE))
        inside = inside[inside < len(silent)]
        quiet = inside[silent[inside]]
        frames = np.flatnonzero((times > phone.start - 1 / result.fps) & (times < phone.end + 1 / result.fps))
        if len(quiet) and len(frames):
            shut = times[frames][heights[frames] <= heights[frames].min() + 1e-3].mean()
            late.append(1000 * float(shut - (quiet[0] + quiet[-1]) / 2 / SAMPLE_RATE))
    return late


def bench_lips(languages: list[str]) -> Iterator[str]:
    """Measure closures from text and speech, and how sound and lips keep step."""
    network = load_network(None)
    articles = read_articles()
    yield row(
        "language", "b m p closed, from text", "as the decoder left them", "with --speak", "as the decoder left them",
        "phones of the text that are spoken so", "encoder's edges: median lateness, ms", "median error, ms",
        "within 20 ms", "p: lips shut after the middle of its silence, ms", "video against sound, frames",
    )  # fmt: skip
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for code in languages:
        text = articles[canonical_language(code)]
        cells: list[object] = [code]
        made: list[Result] = []
        for make in (verbs.from_text, verbs.from_speech):
            result = make(text, language=code, network=network)
            posteriors = pad_to_frames(result.need_posteriors())
            decoded = decode_lips(network, posteriors, result.lip_parameters, network.lip_speaker(None))
            open_ones = np.concatenate(list(decoded))
            for one in (result, Result(open_ones, float(MODEL_FPS), alignment=result.alignment)):
                closed, total = count_closures(one)
                cells.append(f"{closed} of {total}")
            made.append(result)
        yield row(*cells, *step_cells(text, code, made[1], network))


def step_cells(text: str, code: str, spoken: Result, network: object) -> list[str]:
    """Measure how sound, phones and lips of a spoken text keep step; cells of the table."""
    asked = [phone for word in text_to_phones(text, language=code) if word.word for phone in word.phones]
    heard = [phone.label for phone in spoken.phones if phone.label != SILENCE]
    same = SequenceMatcher(None, asked, heard, autojunk=False).ratio()
    try:
        found = align_posteriors(network.posteriors(spoken.waveform), words_of(spoken.alignment), only_words=True)
        theirs, own = (
            [phone.start for phone in alignment.phones if phone.label != SILENCE]
            for alignment in (found, spoken.alignment)
        )
        late = 1000 * (np.array(theirs) - np.array(own))
        near = np.mean(np.abs(late) <= 1000 * NEAR_SECONDS + 1e-6)
        edges = [f"{np.median(late):+.1f}", f"{np.median(np.abs(late)):.1f}", f"{near:.0%}"]
    except InputError as error:
        edges = [f"{error}"[:40], "", ""]
    silences = silences_of_p(spoken)
    with tempfile.TemporaryDirectory() as folder:
        spoken.save(Path(folder) / "spoken")
        video = Path(folder) / "spoken" / VIDEO_FILE
        frames, sound = sum(1 for _ in read_frames(video)), len(audio.read(video)) / SAMPLE_RATE * MODEL_FPS
    apart = max(abs(frames - spoken.seconds * MODEL_FPS), abs(sound - spoken.seconds * MODEL_FPS))
    p = f"{np.median(silences):+.0f} ({len(silences)})" if silences else "no p"
    return [f"{same:.0%}", *edges, p, f"{apart:.2f}"]


def main() -> None:
    """Read the options, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("voices", "detection", "figures", "lips"))
    parser.add_argument("languages", nargs="*", help="of lips; default: 22")
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("PHONOLIPS_DATA", ROOT.parent / "shared" / "data"))
    )
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", PhonolipsWarning)
    lines = {
        "voices": bench_voices,
        "detection": lambda: bench_detection(arguments.data),
        "figures": bench_figures,
        "lips": lambda: bench_lips(arguments.languages or [*TEN, *MORE]),
    }[arguments.what]()
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main()
