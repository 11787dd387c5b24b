"""Whether a text that is not what is said is noticed: right and wrong texts for the same sounds.

    python tools/bench/text_fit.py --data DATA [--utterances 12] [--every] [--sphinx] [--out FILE]

DATA holds LibriSpeech (`librispeech/`, as `phonolips prepare` reads it), MFA's TextGrids of it (`librispeech_mfa/`),
GRID (`grid/`), and, where they are there, other talks (`addresses/` with `transcripts.tsv`). Texts are right, those of
another utterance, right in part, too long, or wrong in one place; noise is white or babble of 8 other voices. The
thresholds of `speech.align.align` were chosen on the speakers in TUNED_ON; the tables are of all other held-out ones.

`--every` counts refusals and warnings of the right texts of everything in DATA. `--sphinx` compares aligners.
"""

import argparse
import csv
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.metrics import roc_auc_score

from phonolips.corpus import grid, librispeech
from phonolips.corpus.records import Record
from phonolips.editing.recording import LEAST_EDIT_FIT, MOST_UNSAID_SECONDS
from phonolips.errors import InputError
from phonolips.media.audio import read
from phonolips.model.network import Network, load_network
from phonolips.phones.intervals import Alignment
from phonolips.phones.textgrid import read_textgrid
from phonolips.speech.align.align import LEAST_FIT, LEAST_WORD_FIT, find_crammed, open_sphinx, unsaid_seconds
from phonolips.speech.align.ctc import align_posteriors
from phonolips.speech.align.fit import TextFit, measure_fit
from phonolips.speech.text.g2p import text_to_phones
from phonolips.speech.words import SpokenWord, words_to_align
from phonolips.storage import write_text
from phonolips.timebase import samples_to_seconds

SPLITS = Path(__file__).resolve().parents[2] / "recipes" / "grid" / "splits"
TUNED_ON = {"672", "1284", "1995", "2830", "3729", "s1", "s26", "s31"}
LONGEST_SECONDS = 14.0
VOICES = 8  # in the babble
NOISES = {"babble, 10 dB": 10, "white noise, 10 dB": 10, "babble, 0 dB": 0, "white noise, 0 dB": 0}
NOISY_WRONG = "babble, 10 dB"  # in which another text is tried as well
PARTS = ("first half", "last half", "middle half", "a gap in the middle")
WRONG = ("another text", "words too many at the end", "words too many at the start", "words too many in the middle")
METHODS = ("ctc, without fillers", "ctc", "sphinx alone", "sphinx")
NEARLY = ("two words swapped", "one word wrong")
LIMITS = (0.02, 0.05, 0.08, 0.12, 0.2, 0.27, 0.35, 0.45)


class Trial(NamedTuple):
    """A sound and a text to find in it.

    Args:
        kind: what is wrong with the text or the sound; "right" is nothing.
        group: "LibriSpeech" or "GRID".
        posteriors: float32 (steps, phones).
        words: the text's.
        waveform: the sound.
        first, count: the words of the right text that these are, for a text that is a part of it.
        record: whose sound it is.
    """

    kind: str
    group: str
    posteriors: np.ndarray
    words: list[SpokenWord]
    waveform: np.ndarray
    first: int
    count: int
    record: Record


class Outcome(NamedTuple):
    """What is made of a trial; `fit` is None where the text has more phones than the sound has steps."""

    trial: Trial
    fit: TextFit | None
    alignment: Alignment | None

    @property
    def value(self) -> float:
        """Return the fit of the text, 0 where it is too long."""
        return 0.0 if self.fit is None else self.fit.fit

    @property
    def unsaid(self) -> float:
        """Return the seconds of speech beyond the text."""
        return 0.0 if self.alignment is None else unsaid_seconds(self.alignment)

    @property
    def refused(self) -> bool:
        """Return whether `align` refuses the text."""
        return self.fit is None or bool(find_crammed(self.fit))

    @property
    def not_edited(self) -> bool:
        """Return whether `edit` refuses the text."""
        return self.refused or self.value < LEAST_EDIT_FIT or self.unsaid > MOST_UNSAID_SECONDS


STATISTICS: dict[str, Callable[[Outcome], float]] = {
    "fit (geometric mean of posterior over greatest posterior)": lambda o: o.value,
    "mean posterior": lambda o: float(np.mean([w.confidence for w in o.fit.words])) if o.fit else 0.0,
    "share of words with a mean posterior over 0.1": lambda o: (
        float(np.mean([w.confidence > 0.1 for w in o.fit.words])) if o.fit else 0.0
    ),
    "worst word's mean posterior": lambda o: min(w.confidence for w in o.fit.words) if o.fit else 0.0,
    "worst word's fit": lambda o: min(w.fit for w in o.fit.words) if o.fit else 0.0,
}


# ---------------------------------------------------------------- trials


def find_records(data: Path, most: int, *, tuned: bool, seed: int) -> dict[str, list[Record]]:
    """Choose utterances of held-out speakers: those that the thresholds were tuned on, or the others."""
    random = np.random.default_rng(seed)
    talks, _ = librispeech.find_records(data / "librispeech", splits=SPLITS)
    clips, _ = grid.find_records(data / "grid", splits=SPLITS)
    chosen: dict[str, list[Record]] = {"LibriSpeech": [], "GRID": []}
    for group, records in (("LibriSpeech", talks), ("GRID", clips)):
        speakers: dict[str, list[Record]] = defaultdict(list)
        for record in records:
            held_out = record.split in ("test_seen", "test_unseen") and (record.speaker in TUNED_ON) == tuned
            if held_out and mfa_of(data, record).is_file():
                speakers[record.speaker].append(record)
        for _, own in sorted(speakers.items()):
            places = sorted(random.permutation(len(own))[: most if group == "LibriSpeech" else 4 * most].tolist())
            chosen[group] += [own[place] for place in places]
    return chosen


def mfa_of(data: Path, record: Record) -> Path:
    """Return the place of MFA's TextGrid of a record."""
    name = record.id.removeprefix("librispeech/")
    return data / ("grid_mfa" if name == record.id else "librispeech_mfa") / f"{name}.TextGrid"


def texts_of(words: list[str], other: list[str], random: np.random.Generator) -> Iterator[tuple[str, list[str], int]]:
    """Make texts of a right one and another: what is wrong, the words, and the right word that they begin with."""
    half, quarter = max(1, len(words) // 2), max(1, len(words) // 4)
    more = other[: max(3, len(words) // 3)]
    yield "another text", other, 0
    yield PARTS[0], words[:half], 0
    yield PARTS[1], words[half:], half
    yield PARTS[2], words[quarter:-quarter], quarter
    yield PARTS[3], [*words[: half - quarter // 2], *words[half - quarter // 2 + quarter :]], 0
    yield WRONG[1], [*words, *more], 0
    yield WRONG[2], [*more, *words], 0
    yield WRONG[3], [*words[:half], *more, *words[half:]], 0
    place = int(random.integers(len(words) - 1))
    yield NEARLY[0], [*words[:place], words[place + 1], words[place], *words[place + 2 :]], 0
    new = [word for word in other if word not in words and len(word) > 2] or ["banana"]
    place = int(random.integers(len(words)))
    yield NEARLY[1], [*words[:place], str(random.choice(new)), *words[place + 1 :]], 0


def add_noise(waveform: np.ndarray, noise: np.ndarray, ratio_db: float) -> np.ndarray:
    """Mix noise in at a ratio of the powers, of the sound where it is loud and of the noise."""
    level = np.convolve(waveform.astype(np.float64) ** 2, np.ones(400) / 400, "same")
    power = level[level > 0.04 * level.max()].mean()
    mixed = waveform + noise * np.sqrt(power / np.mean(noise**2) / 10 ** (ratio_db / 10))
    return (mixed / max(1.0, np.abs(mixed).max())).astype(np.float32)


def make_trials(data: Path, records: dict[str, list[Record]], network: Network, seed: int) -> Iterator[Trial]:
    """Encode every utterance, clean and in noise, and pair it with right and wrong texts."""
    talkers = records["LibriSpeech"]
    voices = [read(Path(record.audio)) for record in talkers[:: max(1, len(talkers) // (3 * VOICES))]]
    for group, members in records.items():
        for number, record in enumerate(members):
            waveform = read(Path(record.audio))
            if samples_to_seconds(len(waveform)) <= LONGEST_SECONDS and len(record.text.split()) >= 4:
                random = np.random.default_rng((seed, number))
                yield from trials_of(record, group, waveform, members, voices, network, random)


def trials_of(
    record: Record,
    group: str,
    waveform: np.ndarray,
    members: Sequence[Record],
    voices: Sequence[np.ndarray],
    network: Network,
    random: np.random.Generator,
) -> Iterator[Trial]:
    """Pair one utterance, clean and in noise, with right and wrong texts."""
    words = record.text.split()
    unlike = [other for other in members if not set(other.text.split()[:4]) & set(words[:4])] or members
    other = min(unlike, key=lambda o: (abs(len(o.text) - len(record.text)) // 12, random.random())).text.split()

    def trial(kind: str, posteriors: np.ndarray, text: list[str], first: int = 0) -> Trial:
        spoken = words_to_align(text_to_phones(" ".join(text)))
        return Trial(kind, group, posteriors, spoken, waveform, first, len(text), record)

    clean = network.posteriors(waveform)
    yield trial("right", clean, words)
    for kind, text, first in texts_of(words, other, random):
        yield trial(kind, clean, text, first)
    for kind, ratio in NOISES.items():
        noise = random.normal(size=len(waveform))
        if kind.startswith("babble"):
            chosen = [voices[place] for place in random.permutation(len(voices))[:VOICES]]
            turned = [np.roll(voice / np.std(voice), -int(random.integers(len(voice)))) for voice in chosen]
            noise = np.sum([np.resize(voice, len(waveform)) for voice in turned], 0)
        noisy = network.posteriors(add_noise(waveform, noise, ratio))
        yield trial(f"right, {kind}", noisy, words)
        if kind == NOISY_WRONG:
            yield trial(f"{WRONG[0]}, {kind}", noisy, other)


def decide(trial: Trial) -> Outcome:
    """Align a trial's text and measure its fit."""
    try:
        alignment = align_posteriors(trial.posteriors, trial.words, duration=samples_to_seconds(len(trial.waveform)))
    except InputError:
        return Outcome(trial, None, None)
    return Outcome(trial, measure_fit(trial.posteriors, alignment), alignment)


# ---------------------------------------------------------------- tables


def share(values: Sequence[bool]) -> str:
    """Write a share in percent."""
    return f"{np.mean(values):.0%}" if len(values) else "-"


def kinds_table(outcomes: Sequence[Outcome]) -> list[str]:
    """Say for each kind of text how it fits and what is done about it."""
    lines = [
        "| text | speech | trials | fit: median | 5th to 95th percentile | warned of | refused by `align` | "
        "refused by `edit` | words doubted | speech beyond the text, s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for kind in dict.fromkeys(o.trial.kind for o in outcomes):
        for group in dict.fromkeys(o.trial.group for o in outcomes):
            own = [o for o in outcomes if (o.trial.kind, o.trial.group) == (kind, group)]
            fits = [o.value for o in own]
            warned = [not o.refused and (o.value < LEAST_FIT or o.unsaid > 0) for o in own]
            doubted = [word.fit < LEAST_WORD_FIT for o in own if o.fit for word in o.fit.words]
            lines.append(
                f"| {kind} | {group} | {len(own)} | {np.median(fits):.2f} | {np.quantile(fits, 0.05):.2f} to "
                f"{np.quantile(fits, 0.95):.2f} | {share(warned)} | {share([o.refused for o in own])} | "
                f"{share([o.not_edited for o in own])} | {share(doubted)} | {np.mean([o.unsaid for o in own]):.2f} |"
            )
    return lines


def is_right(kind: str) -> bool:
    """Return whether a kind of trial has the right text."""
    return kind.startswith("right")


def auc_table(outcomes: Sequence[Outcome]) -> list[str]:
    """Compare statistics: areas under the ROC of right texts, clean and noisy, against each kind of wrong one."""
    right = [o for o in outcomes if is_right(o.trial.kind)]
    clean = [o for o in right if o.trial.kind == "right"]
    kinds = [k for k in dict.fromkeys(o.trial.kind for o in outcomes) if not is_right(k) and k not in PARTS]
    lines = ["| statistic | right texts | " + " | ".join(kinds) + " |", "|---|---|" + "---|" * len(kinds)]
    for name, statistic in STATISTICS.items():
        for title, good in (("clean", clean), ("clean and noisy", right)):
            cells = []
            for kind in kinds:
                bad = [o for o in outcomes if o.trial.kind == kind]
                truth = [1] * len(good) + [0] * len(bad)
                cells.append(f"{roc_auc_score(truth, [statistic(o) for o in (*good, *bad)]):.3f}")
            lines.append(f"| {name} | {title} | " + " | ".join(cells) + " |")
    return lines


def roc_table(outcomes: Sequence[Outcome]) -> list[str]:
    """Say for some limits of the fit how many right texts and how many wrong ones lie below."""
    groups = {
        "right": ("right",),
        "right, noise of 10 dB": tuple(f"right, {kind}" for kind, ratio in NOISES.items() if ratio == 10),
        "right, noise of 0 dB": tuple(f"right, {kind}" for kind, ratio in NOISES.items() if ratio == 0),
        "another text": (WRONG[0],),
        "another text, babble of 10 dB": (f"{WRONG[0]}, {NOISY_WRONG}",),
        "words too many": WRONG[1:],
        **{kind: (kind,) for kind in NEARLY},
    }
    lines = ["| fit below | " + " | ".join(groups) + " |", "|---|" + "---|" * len(groups)]
    for limit in LIMITS:
        cells = [share([o.value < limit for o in outcomes if o.trial.kind in kinds]) for kinds in groups.values()]
        lines.append(f"| {limit:g} | " + " | ".join(cells) + " |")
    return lines


def edges_of(alignment: Alignment) -> np.ndarray:
    """List the starts and ends of the words, (words, 2), seconds."""
    return np.array([(word.start, word.end) for word in alignment.speech_words()])


def align_by(method: str, outcome: Outcome) -> Alignment:
    """Align a trial by a method of METHODS."""
    trial = outcome.trial
    assert outcome.alignment is not None
    if method == "sphinx alone" or (method == "sphinx" and not outcome.unsaid):
        return open_sphinx().align(trial.waveform, trial.words)
    if method == "ctc, without fillers":
        seconds = samples_to_seconds(len(trial.waveform))
        return align_posteriors(trial.posteriors, trial.words, duration=seconds, only_words=True)
    return outcome.alignment


def edges_table(data: Path, outcomes: Sequence[Outcome], sphinx: bool) -> list[str]:
    """Compare word edges with MFA's, for right texts and for parts of them."""
    errors: dict[tuple[str, str], list[np.ndarray]] = defaultdict(list)
    failed: dict[tuple[str, str], int] = defaultdict(int)
    for outcome in outcomes:
        trial = outcome.trial
        if trial.kind not in ("right", *PARTS[:3]) or outcome.alignment is None:
            continue
        truth = edges_of(read_textgrid(mfa_of(data, trial.record)))[trial.first : trial.first + trial.count]
        kind = "right" if trial.kind == "right" else "a part of it"
        for method in METHODS if sphinx else METHODS[:2]:
            try:
                found = edges_of(align_by(method, outcome))
            except InputError:
                failed[kind, method] += 1
                continue
            if len(found) == len(truth):
                errors[kind, method].append(1000 * np.abs(found - truth))
    lines = [
        "| text | method | texts | failed | word edges: median error, ms | within 50 ms | "
        "start of the first and end of the last word: worst tenth, ms |",
        "|---|---|---|---|---|---|---|",
    ]
    for (kind, method), own in sorted(errors.items()):
        every = np.concatenate(own).ravel()
        outer = [max(item[0, 0], item[-1, 1]) for item in own]
        lines.append(
            f"| {kind} | {method} | {len(own)} | {failed[kind, method]} | {np.median(every):.0f} | "
            f"{np.mean(every <= 50 + 1e-6):.1%} | {np.quantile(outer, 0.9):.0f} |"
        )
    return lines


def every_table(data: Path, network: Network) -> list[str]:
    """Count what happens to the right texts of everything there is."""
    from tqdm import tqdm

    groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for record in grid.find_records(data / "grid", splits=SPLITS)[0]:
        groups[f"GRID {record.speaker}"].append((record.audio, record.text))
    for record in librispeech.find_records(data / "librispeech", splits=SPLITS)[0]:
        seen = "unseen" if record.split == "test_unseen" else "seen"
        groups[f"LibriSpeech, {seen} speakers"].append((record.audio, record.text))
    table = data / "addresses" / "transcripts.tsv"
    if table.is_file():
        with table.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        groups["talks"] = [(str(table.parent / row["file"]), row["text"]) for row in rows]
    lines = [
        "| speech | clips | fit: least | 1st percentile | median | warned of a bad fit | of speech beyond the text | "
        "most of it, s | refused by `align` | refused by `edit` |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for group, clips in groups.items():
        outcomes = []
        for audio, text in tqdm(clips, desc=group, unit="clip", dynamic_ncols=True, disable=None):
            waveform = read(Path(audio))
            words = words_to_align(text_to_phones(text))
            record = Record(audio, "", "train", text, audio)
            trial = Trial("right", group, network.posteriors(waveform), words, waveform, 0, 0, record)
            outcomes.append(decide(trial))
        fits, unsaid = [o.value for o in outcomes], [o.unsaid for o in outcomes]
        counts = [sum(f < LEAST_FIT for f in fits), sum(u > 0 for u in unsaid)]
        refused = [o for o in outcomes if o.not_edited]
        lines.append(
            f"| {group} | {len(clips)} | {min(fits):.2f} | {np.quantile(fits, 0.01):.2f} | {np.median(fits):.2f} | "
            f"{counts[0]} | {counts[1]} | {max(unsaid):.2f} | {sum(o.refused for o in outcomes)} | {len(refused)} |"
        )
        for outcome in refused:
            print(f"{group}: {outcome.trial.record.id}: fit {outcome.value:.3f}, {outcome.unsaid:.2f} s unsaid, "
                  f"{[w.word.label for w in find_crammed(outcome.fit)] if outcome.fit else 'too long'}")  # fmt: skip
    return lines


def bench(data: Path, model: Path | None, most: int, *, tuned: bool, sphinx: bool, seed: int) -> list[str]:
    """Make the trials, decide them, and return the tables as lines of Markdown."""
    from tqdm import tqdm

    network = load_network(model)
    records = find_records(data, most, tuned=tuned, seed=seed)
    trials = make_trials(data, records, network, seed)
    outcomes = [decide(trial) for trial in tqdm(trials, unit="trial", dynamic_ncols=True, disable=None)]
    counts = ", ".join(f"{len(own)} utterances of {group}" for group, own in records.items())
    return [
        f"{counts}, of {'the speakers that the thresholds were tuned on' if tuned else 'other speakers'}.",
        "",
        *kinds_table(outcomes),
        "",
        *roc_table(outcomes),
        "",
        *auc_table(outcomes),
        "",
        *edges_table(data, outcomes, sphinx),
        "",
    ]


def main() -> None:
    """Read the options, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with librispeech/, librispeech_mfa/ and grid/")
    parser.add_argument("--model", type=Path, help="model folder; default: the one in the package")
    parser.add_argument("--utterances", type=int, default=12, help="of each LibriSpeech speaker; four times of GRID's")
    parser.add_argument("--tuned", action="store_true", help="use the speakers that the thresholds were tuned on")
    parser.add_argument("--sphinx", action="store_true", help="compare pocketsphinx's word edges too")
    parser.add_argument("--every", action="store_true", help="only count what happens to all right texts")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of utterances, texts and noise")
    parser.add_argument("--out", type=Path, help="Markdown file; default: printed only")
    arguments = parser.parse_args()
    for name in ("librispeech", "grid"):
        if not (arguments.data / name).is_dir():
            parser.error(f"--data {arguments.data}: no folder {name!r} in it")
    if arguments.every:
        lines = every_table(arguments.data, load_network(arguments.model))
    else:
        lines = bench(
            arguments.data,
            arguments.model,
            arguments.utterances,
            tuned=arguments.tuned,
            sphinx=arguments.sphinx,
            seed=arguments.seed,
        )
    text = "\n".join(lines) + "\n"
    if arguments.out:
        write_text(arguments.out, text)
    print(text, end="")


if __name__ == "__main__":
    main()
