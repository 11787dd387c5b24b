"""How exactly one known word is found in running speech that nobody transcribed, on held-out speech.

    python tools/bench/known_word.py --data PREPARED [--model FOLDER] [--words 3] [--out FILE]

PREPARED is a prepared corpus (`phonolips prepare`) whose TextGrids come from MFA. From every held-out clip some words
are taken; 29 frames (1.16 s) are cut around each, as LRW does, so that the encoder gets no more than that. The word's
window comes from MFA, and then each of its edges is moved by a whole number of frames, up to the stated one. All
methods get the phones that MFA found in the word; MFA's boundaries, which lie on a grid of 10 ms, are the truth.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from phonolips.corpus.records import Record, iterate_records
from phonolips.errors import InputError
from phonolips.evaluation.metrics.statistics import bootstrap_interval
from phonolips.media.audio import read
from phonolips.model import network as synth
from phonolips.model.network import Network
from phonolips.model.stream import encode_clips
from phonolips.phones.compare import boundary_summary
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import SILENCE, UNKNOWN
from phonolips.phones.textgrid import read_textgrid
from phonolips.speech.align.ctc import align_posteriors
from phonolips.speech.align.known_word import LEAST_WORD_CONFIDENCE, align_word
from phonolips.speech.words import SpokenWord
from phonolips.storage import write_text
from phonolips.timebase import MODEL_FPS, frames_to_samples, samples_to_seconds, seconds_to_steps, steps_to_seconds

CUT_FRAMES = 29  # of an LRW clip
CUT_SECONDS = CUT_FRAMES / MODEL_FPS
JITTERS = (0, 2, 4)  # frames by which each edge of a window may be wrong
LIBRISPEECH = "LibriSpeech"
FEWEST_LETTERS, FEWEST_GRID_LETTERS = 5, 3  # of a word; all of LRW's have 5, but few of GRID's
LONGEST_WORD_SECONDS = 0.9
SHORTEST_WINDOW_SECONDS = 0.06
METHODS = ("known word", "word alone", "whole transcript", "uniform")
NAMES = {
    "known word": "the word between wildcards",
    "word alone": "the word alone, in its window",
    "whole transcript": "whole clip and transcript",
    "uniform": "window cut into equal parts",
}


class Cut(NamedTuple):
    """One word in 1.16 s of its clip.

    Args:
        group: whose speech it is.
        spoken: the word with MFA's phones.
        edges: where MFA has its phones, seconds from the beginning of the cut, float64 (phones + 1,).
        sound: float32, CUT_FRAMES long.
        whole: edges of the phones by alignment of the whole clip with its transcript, likewise; None where it failed.
    """

    group: str
    spoken: SpokenWord
    edges: np.ndarray
    sound: np.ndarray
    whole: np.ndarray | None


def group_of(record: Record) -> str:
    """Name the group of held-out speech that a record belongs to; "" for all other records."""
    if record.id.startswith("librispeech/"):
        return LIBRISPEECH if record.split == "test_unseen" else ""
    if record.split == "test_unseen":
        return "GRID, unseen speakers"
    return "GRID, s1" if record.split == "test_seen" and record.speaker == "s1" else ""


def phones_inside(alignment: Alignment, word: Interval) -> list[Interval]:
    """List the phones of a word, without silence."""
    return [
        phone
        for phone in alignment.phones
        if phone.start > word.start - 1e-6 and phone.end < word.end + 1e-6 and phone.label != SILENCE
    ]


def edges_of(phones: Sequence[Interval]) -> np.ndarray:
    """List the starts of phones, and the end of the last."""
    return np.array([*(phone.start for phone in phones), phones[-1].end])


def transcript(alignment: Alignment) -> list[SpokenWord]:
    """List the words of a clip with the phones that MFA found; empty where MFA knew one of them not."""
    words = [SpokenWord(w.label, tuple(p.label for p in phones_inside(alignment, w))) for w in alignment.speech_words()]
    return [] if any(UNKNOWN in word.phones or not word.phones for word in words) else words


def cut_words(
    record: Record, group: str, textgrid: Path, network: Network, most: int, random: np.random.Generator
) -> Iterator[Cut]:
    """Cut some words out of a clip."""
    alignment = read_textgrid(textgrid)
    words = transcript(alignment)
    if not words:
        return
    sound = read(Path(record.audio))
    fewest = FEWEST_LETTERS if group == LIBRISPEECH else FEWEST_GRID_LETTERS
    span = frames_to_samples(CUT_FRAMES)
    usable = []
    for place, word in enumerate(alignment.speech_words()):
        first = frames_to_samples(round((word.start + word.end) / 2 * MODEL_FPS) - CUT_FRAMES // 2)
        whole = first >= 0 and first + span <= len(sound)
        if whole and len(word.label) >= fewest and word.duration <= LONGEST_WORD_SECONDS:
            usable.append((place, word, first))
    if not usable:
        return
    try:
        encoded = align_posteriors(network.posteriors(sound), words, only_words=True)
    except InputError:
        encoded = None
    for choice in random.permutation(len(usable))[:most]:
        place, word, first = usable[choice]
        shift = samples_to_seconds(first)
        found = None
        if encoded is not None:
            found = edges_of(phones_inside(encoded, encoded.speech_words()[place])) - shift
        edges = edges_of(phones_inside(alignment, word)) - shift
        yield Cut(group, words[place], edges, sound[first : first + span], found)


def jitter(edges: np.ndarray, frames: int, random: np.random.Generator) -> tuple[float, float]:
    """Move both edges of a word's window by up to so many frames; what would leave nothing of it stays."""
    moves = random.integers(-frames, frames + 1, 2) / MODEL_FPS
    start, end = max(0.0, float(edges[0] + moves[0])), min(CUT_SECONDS, float(edges[-1] + moves[1]))
    return (start, end) if end - start >= SHORTEST_WINDOW_SECONDS else (float(edges[0]), float(edges[-1]))


def find(method: str, cut: Cut, posteriors: np.ndarray, window: tuple[float, float]) -> np.ndarray | None:
    """Find the edges of a word's phones in seconds; None where the method fails."""
    start, end = window
    if method == "whole transcript":
        return cut.whole
    if method == "uniform":
        return np.linspace(start, end, len(cut.edges))
    try:
        if method == "known word":
            found = align_word(posteriors, cut.spoken, window, duration=CUT_SECONDS, least_confidence=0)
            return edges_of([phone for phone in found.phones if phone.label != UNKNOWN])
        first, last = seconds_to_steps(start), seconds_to_steps(end)
        found = align_posteriors(posteriors[first:last], [cut.spoken], only_words=True)
        return edges_of([phone for phone in found.phones if phone.label != SILENCE]) + steps_to_seconds(first)
    except InputError:
        return None


def is_refused(posteriors: np.ndarray, word: SpokenWord, window: tuple[float, float]) -> bool:
    """Return whether a word is refused in a window."""
    try:
        align_word(posteriors, word, window, duration=CUT_SECONDS)
    except InputError:
        return True
    return False


def row(errors: Sequence[np.ndarray | None]) -> str:
    """Write the cells of one method from its errors in milliseconds, a clip an array, None where it failed."""
    found = [error for error in errors if error is not None]
    if not found:
        return f"0 | {len(errors)} | - | - | - | -"
    summary = boundary_summary(np.concatenate(found))
    close = [float((error <= 20.0 + 1e-6).sum()) for error in found]
    low, high = bootstrap_interval(close, weights=[float(len(error)) for error in found])
    starts, ends = np.array([(error[0], error[-1]) for error in found]).T
    return (
        f"{len(found)} | {len(errors) - len(found)} | {summary['boundary_median_ms']:.0f} | "
        f"{summary['boundary_within_20_ms']:.1%} ({low:.1%} to {high:.1%}) | {starts.mean():.0f} | {ends.mean():.0f}"
    )


def bench(data: Path, model: Path | None, most: int) -> str:
    """Cut, align, compare; return the tables as Markdown."""
    from tqdm import tqdm

    network = synth.load_network(model)
    random = np.random.default_rng(5)
    held_out = [(r, group_of(r)) for r in iterate_records(data / "records.jsonl") if group_of(r)]
    cuts: list[Cut] = []
    for record, group in tqdm(held_out, unit="clip", dynamic_ncols=True, disable=None):
        textgrid = data / "alignments" / f"{record.id}.TextGrid"
        if textgrid.is_file():
            cuts += cut_words(record, group, textgrid, network, most, random)
    encoded = dict(encode_clips([cut.sound for cut in cuts], network))
    by_group: dict[str, list[int]] = defaultdict(list)
    for place, cut in enumerate(cuts):
        by_group[cut.group].append(place)

    lines = [
        "| speech | window wrong by up to | method | words | failed | median error, ms | within 20 ms | "
        "word's start, ms | word's end, ms |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    refusals = ["| speech | window wrong by up to | true words refused | wrong words refused |", "|---|---|---|---|"]
    for group, places in sorted(by_group.items()):
        for frames in JITTERS:
            windows = {place: jitter(cuts[place].edges, frames, random) for place in places}
            wrong = true = tried = 0
            for method in METHODS:
                errors: list[np.ndarray | None] = []
                for place in places:
                    edges = find(method, cuts[place], encoded[place], windows[place])
                    errors.append(None if edges is None else 1000 * np.abs(edges - cuts[place].edges))
                lines.append(f"| {group} | {frames} frames | {NAMES[method]} | {row(errors)} |")
            for place in places:
                other = cuts[random.choice(places)].spoken
                true += is_refused(encoded[place], cuts[place].spoken, windows[place])
                if other.word != cuts[place].spoken.word:
                    tried += 1
                    wrong += is_refused(encoded[place], other, windows[place])
            refusals.append(f"| {group} | {frames} frames | {true / len(places):.1%} | {wrong / max(1, tried):.1%} |")
    lines += [
        "",
        "Errors of all phone boundaries of the word, its start and end among them; the last two columns are means. "
        "In brackets: 95 % bootstrap intervals over words.",
        "",
        *refusals,
        "",
        f"A word is refused below a confidence of {LEAST_WORD_CONFIDENCE:g}; a wrong one is another word that was cut.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Read the options, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="prepared corpus, aligned by MFA")
    parser.add_argument("--model", type=Path, help="model folder; default: the one in the package")
    parser.add_argument("--words", type=int, default=3, help="at most so many of each clip")
    parser.add_argument("--out", type=Path, help="Markdown file; default: printed only")
    arguments = parser.parse_args()
    if arguments.words < 1:
        parser.error(f"--words {arguments.words}; expected at least 1")
    if not (arguments.data / "records.jsonl").is_file():
        parser.error(f"--data {arguments.data}: no records.jsonl; expected a prepared corpus")
    text = bench(arguments.data, arguments.model, arguments.words)
    if arguments.out:
        write_text(arguments.out, text)
    print(text, end="")


if __name__ == "__main__":
    main()
