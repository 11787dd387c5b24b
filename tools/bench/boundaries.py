"""How exactly phone boundaries are found, on espeak-ng's speech, whose phone times are known to the sample.

    python tools/bench/boundaries.py [--model FOLDER] [--sentences 12] [--out FILE]

Every sentence is spoken by every voice at every rate. `ctc` aligns the known phones with our posteriors, `sphinx`
aligns them with pocketsphinx (where it is installed), `unaided` reads phones and times off our posteriors without
knowing the text: its errors are those of the phones that it names right, and their share stands beside them.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import groupby, product
from pathlib import Path

import numpy as np

from phonolips.errors import InputError
from phonolips.evaluation.metrics.statistics import bootstrap_interval
from phonolips.model.network import Network, load_network
from phonolips.phones import decode
from phonolips.phones.compare import BOUNDARY_TOLERANCE_MS, boundary_summary
from phonolips.phones.intervals import Alignment
from phonolips.phones.inventory import SILENCE, UNKNOWN
from phonolips.speech.align.ctc import align_posteriors
from phonolips.speech.align.sphinx import Sphinx
from phonolips.speech.tts.espeak.events import SpokenPhone, split_phones
from phonolips.speech.tts.espeak.plain import speak_plain
from phonolips.speech.words import SpokenWord
from phonolips.storage import write_text
from phonolips.timebase import SAMPLE_RATE, seconds_to_samples

VOICES = ("en-us", "en-gb-x-rp", "en-us+f3", "en-us+m7", "en-gb-x-rp+f2")
RATES = (130, 165, 210)  # words per minute
MARGIN_SECONDS = 0.3  # of near-silence before and after
MARGIN_LEVEL = 1e-4  # amplitude of the noise that lies under everything
SENTENCES = (
    "the quick brown fox jumps over the lazy dog",
    "she washed her dirty cup and put it by the window",
    "my uncle keeps five chickens behind the garage",
    "please call me before you leave for the airport",
    "a thin mist hung above the valley in the morning",
    "they bought fresh bread and cheese for their journey",
    "the judge asked how the boy had found the treasure",
    "we should measure both boards before we saw them",
    "an old van rolled slowly past the village church",
    "his voice shook when he read the final page aloud",
    "both brothers think the weather will change on thursday",
    "put the big blue box under the table near the fire",
    "nobody noticed the young fisherman leave the harbour",
    "good food and warm clothes make a long winter shorter",
    "the museum showed vivid pictures of unusual animals",
    "five wise women gave the king a peculiar choice",
    "each week the children paint their toys another colour",
    "a loud noise in the kitchen woke the whole house up",
    "you must push hard to open the rusty iron gate",
    "the singer began the song with a deep and joyful hum",
)
Interval = tuple[str, float, float]


def say(sentence: str, voice: str, rate: int, seed: int) -> tuple[np.ndarray, list[SpokenPhone]]:
    """Speak a sentence with a margin and a little noise; return the sound and its phones with their times."""
    waveform, spoken = speak_plain(sentence, voice, rate)
    margin = seconds_to_samples(MARGIN_SECONDS)
    noise = np.random.default_rng(seed).normal(0, MARGIN_LEVEL, len(waveform) + 2 * margin)
    sound = np.clip(np.pad(waveform, margin) + noise, -1, 1).astype(np.float32)
    shift = margin / SAMPLE_RATE
    return sound, [phone._replace(start=phone.start + shift, end=phone.end + shift) for phone in split_phones(spoken)]


def to_words(phones: Sequence[SpokenPhone]) -> list[SpokenWord]:
    """Group phones into words."""
    groups = [[phone.ipa for phone in group] for _, group in groupby(phones, key=lambda phone: phone.word)]
    return [SpokenWord(" ".join(group), tuple(group)) for group in groups]


def lateness(found: Alignment, truth: Sequence[Interval]) -> np.ndarray:
    """Compute how late (ms) each phone begins in an alignment of the same phones."""
    starts = [phone.start for phone in found.phones if phone.label not in (SILENCE, UNKNOWN)]
    return np.array([1000 * (start - true) for start, (_, true, _) in zip(starts, truth, strict=True)])


def read_unaided(posteriors: np.ndarray, network: Network, truth: Sequence[Interval]) -> np.ndarray:
    """Read phones without the text; return how late (ms) those begin that are named right."""
    read = decode.read_phones(posteriors, network.phone_ngram())
    found = [(phone.label, phone.start, phone.end) for phone in read.phones if phone.label != SILENCE]
    matcher = SequenceMatcher(None, [f[0] for f in found], [t[0] for t in truth], autojunk=False)
    pairs = [(b.a + i, b.b + i) for b in matcher.get_matching_blocks() for i in range(b.size)]
    return np.array([1000 * (found[a][1] - truth[b][1]) for a, b in pairs])


class Tally:
    """How late (ms) the phones of the utterances begin, by one method."""

    def __init__(self) -> None:
        self.errors: list[np.ndarray] = []
        self.said = self.failed = 0

    def row(self) -> list[str]:
        """Write utterances, failures, share of phones compared, lateness, median error, share within 20 ms."""
        everything = np.concatenate(self.errors) if self.errors else np.zeros(0)
        found = boundary_summary(np.abs(everything))
        close = [float((np.abs(e) <= BOUNDARY_TOLERANCE_MS + 1e-6).sum()) for e in self.errors]
        low, high = bootstrap_interval(close, weights=[float(len(e)) for e in self.errors])
        within = f"{found['boundary_within_20_ms']:.1%} ({low:.1%} to {high:.1%})"
        share = f"{len(everything) / max(1, self.said):.1%}"
        late = f"{np.median(everything):+.1f}" if len(everything) else "-"
        return [str(len(self.errors)), str(self.failed), share, late, f"{found['boundary_median_ms']:.1f}", within]


def bench(model: Path | None, sentences: int) -> str:
    """Speak, align, compare; return the tables as Markdown."""
    from tqdm import tqdm

    network = load_network(model)
    sphinx = Sphinx() if Sphinx.is_available() else None
    tallies: dict[tuple[str, str], Tally] = defaultdict(Tally)
    chosen = list(product(VOICES, RATES, SENTENCES[:sentences]))
    for number, (voice, rate, sentence) in enumerate(tqdm(chosen, unit="utterance", dynamic_ncols=True, disable=None)):
        sound, phones = say(sentence, voice, rate, number)
        truth = [(phone.ipa, phone.start, phone.end) for phone in phones]
        words = to_words(phones)
        posteriors = network.posteriors(sound)
        found: dict[str, np.ndarray | None] = {}
        try:
            found["ctc"] = lateness(align_posteriors(posteriors, words), truth)
        except InputError:
            found["ctc"] = None
        if sphinx is not None:
            try:
                found["sphinx"] = lateness(sphinx.align(sound, words), truth)
            except InputError:
                found["sphinx"] = None
        found["unaided"] = read_unaided(posteriors, network, truth)
        for method, errors in found.items():
            for group in ("all", voice, f"{rate} words/min"):
                tally = tallies[method, group]
                if errors is None:
                    tally.failed += 1
                else:
                    tally.errors.append(errors)
                    tally.said += len(truth)
    methods = list(dict.fromkeys(method for method, _ in tallies))
    lines = [
        "| method | utterances | failed | phones compared | median lateness, ms | median error, ms | within 20 ms |",
        "|---|---|---|---|---|---|---|",
        *("| " + " | ".join([method, *tallies[method, "all"].row()]) + " |" for method in methods),
        "",
        "| speech | " + " | ".join(f"{method}: median, ms | within 20 ms" for method in methods) + " |",
        "|---|" + "---|---|" * len(methods),
    ]
    for group in (*VOICES, *(f"{rate} words/min" for rate in RATES)):
        cells = [cell for method in methods for cell in tallies[method, group].row()[-2:]]
        lines.append("| " + " | ".join([group, *cells]) + " |")
    lines += ["", "Errors of the phones' starts. In brackets: 95 % bootstrap intervals over utterances."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Read the options, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="model folder; default: the one in the package")
    parser.add_argument("--sentences", type=int, default=12, help=f"for each voice and rate, 1 to {len(SENTENCES)}")
    parser.add_argument("--out", type=Path, help="Markdown file; default: printed only")
    arguments = parser.parse_args()
    if not 1 <= arguments.sentences <= len(SENTENCES):
        parser.error(f"--sentences {arguments.sentences}; expected 1 to {len(SENTENCES)}")
    text = bench(arguments.model, arguments.sentences)
    if arguments.out:
        write_text(arguments.out, text)
    print(text, end="")


if __name__ == "__main__":
    main()
