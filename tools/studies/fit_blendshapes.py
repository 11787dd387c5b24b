#!/usr/bin/env python3
"""Fit the sizes of the ARKit shapes to real lips, and show what the map does.

    python tools/studies/fit_blendshapes.py fit --data exp/default/data
    python tools/studies/fit_blendshapes.py report --data exp/default/data --picture docs/blendshapes.png

`fit` prints SIZES for phonolips/export/blendshapes.py: the size of each shape is chosen so that its weight, at the
95th percentile over the frames of the phones that it belongs to (the mean of the speakers' percentiles, training
clips), is the one in TARGETS. Sizes and weights depend on each other, so it goes round several times.

`report` prints the error of the lips made from the weights again, on held-out clips, and the mean of each weight in
each phone class, which --picture draws.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from phonolips.corpus.records import read_records
from phonolips.corpus.store.store import Store
from phonolips.export.blendshapes import ARKIT_NAMES, SIZES, arkit_weights, lips_from_weights
from phonolips.lips.measures import opening, width
from phonolips.lips.shapes import neutral_mouth
from phonolips.phones.inventory import NUM_PHONES, SILENCE_ID, VISEMES
from phonolips.phones.sounds import phones_to_ids
from phonolips.timebase import MODEL_FPS, STEPS_PER_FRAME

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OPEN = ("AA", "AE", "AH", "AW", "AY", "EH", "EY")
ROUND = ("W", "UW", "AO", "OW", "R")
SPREAD = ("IY", "IH", "EY", "S", "Z")
# Shape -> its weight at the 95th percentile, and over which phones (all but silence where none are named). jawOpen
# at 0.45 in open vowels, and the others in proportion, is what face capture shows in speech at normal loudness. The
# shapes that are not here move lips by so little in speech that their size cannot be told: it stays what it was.
TARGETS: dict[str, tuple[float, tuple[str, ...]]] = {
    "jawOpen": (0.45, OPEN), "mouthPucker": (0.5, ROUND), "mouthStretch": (0.35, SPREAD),
    "mouthSmile": (0.25, SPREAD), "mouthSide": (0.15, ()),
}  # fmt: skip
PERCENTILE = 95
ROUNDS = 6
MOST_CLIPS = 60  # of a speaker
HELD_OUT = ("test_seen", "test_unseen")
SHUT = 0.01  # units of opening under which a mouth is shut


class Clip(NamedTuple):
    """Tracked lips (frames, 40, 2) at 25 fps, phone ids of its frames, and its phones as posteriors (steps, 40)."""

    name: str
    speaker: str
    lips: np.ndarray
    phones: np.ndarray
    posteriors: np.ndarray


def read_clips(data: Path, splits: Sequence[str]) -> list[Clip]:
    """Read the clips with lips of some splits of a prepared corpus, MOST_CLIPS of each speaker at most."""
    store = Store(data / "features")
    clips: list[Clip] = []
    counts: dict[str, int] = defaultdict(int)
    for record in read_records(data / "records.jsonl"):
        if record.split not in splits or record.id not in store or not store.rows(record.id, "lips"):
            continue
        counts[record.speaker] += 1
        if counts[record.speaker] > MOST_CLIPS:
            continue
        lips, labels = store.get(record.id, "lips"), np.asarray(store.get(record.id, "labels"))
        frames = min(len(lips), len(labels) // STEPS_PER_FRAME)
        posteriors = np.zeros((len(labels), NUM_PHONES), np.float32)
        known = np.flatnonzero(labels >= 0)
        posteriors[known, labels[known]] = 1.0
        middle = labels[STEPS_PER_FRAME // 2 :: STEPS_PER_FRAME][:frames]
        clips.append(Clip(record.id, record.speaker, np.array(lips[:frames]), middle, posteriors))
    return clips


def weights_of(clip: Clip, *, phones: bool = True) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Fit the weights of a clip; return them and the closed mouth."""
    rest = neutral_mouth(clip.lips, clip.phones == SILENCE_ID)
    posteriors = clip.posteriors if phones else None
    return arkit_weights(clip.lips, MODEL_FPS, posteriors=posteriors, rest=rest), rest


def peak(weights: list[tuple[Clip, dict[str, np.ndarray]]], names: Sequence[str], phones: Sequence[str]) -> float:
    """Average over speakers the 95th percentile of some shapes' weights in some phones."""
    found = defaultdict(list)
    for clip, values in weights:
        ids = phones_to_ids(phones)
        at = np.isin(clip.phones, ids) if ids else clip.phones != SILENCE_ID
        found[clip.speaker].append(np.max([values[name][at] for name in names], axis=0))
    peaks = [np.percentile(np.concatenate(parts), PERCENTILE) for parts in found.values() if sum(map(len, parts)) > 20]
    return float(np.mean(peaks))


def names_of(base: str) -> list[str]:
    """List the shapes that share a size."""
    if base.endswith("Side"):
        return [f"{base[:-4]}Left", f"{base[:-4]}Right"]
    return [name for name in ARKIT_NAMES if name.startswith(base)]


def fit(data: Path) -> dict[str, float]:
    """Change SIZES until the peaks are those in TARGETS; returns them."""
    clips = read_clips(data, ("train",))
    for turn in range(ROUNDS):
        weights = [(clip, weights_of(clip)[0]) for clip in clips]
        for base, (target, phones) in TARGETS.items():
            found = peak(weights, names_of(base), phones)
            print(f"round {turn + 1}: {base} {SIZES[base]:.3f} reaches {found:.3f} of {target}")
            SIZES[base] *= float(np.clip(found / target, 0.67, 1.5)) ** 0.7
    return SIZES


def explained(truth: np.ndarray, made: np.ndarray) -> float:
    """Compute R^2 over a clip: 1 - squared error / squared distance from the clip's mean."""
    return 1 - float(((truth - made) ** 2).sum() / ((truth - truth.mean(0)) ** 2).sum())


def report_errors(clips: list[Clip]) -> None:
    """Print how near the lips made from the weights come to the tracked ones, by speaker."""
    print("| speaker | clips | lips R^2 | lowest | opening R^2 | width R^2 | error | R^2, no phones | shut stay shut |")
    print("|---|---|---|---|---|---|---|---|---|")
    for speaker in sorted({clip.speaker for clip in clips}):
        rows = []
        for clip in (clip for clip in clips if clip.speaker == speaker):
            weights, rest = weights_of(clip)
            made = lips_from_weights(weights, rest)
            plain = lips_from_weights(weights_of(clip, phones=False)[0], rest)
            shut = opening(clip.lips) < SHUT
            rows.append(
                (
                    explained(clip.lips, made),
                    explained(opening(clip.lips), opening(made)),
                    explained(width(clip.lips), width(made)),
                    np.sqrt(((clip.lips - made) ** 2).sum(-1).mean()),
                    explained(clip.lips, plain),
                    (opening(made)[shut] < 2 * SHUT).mean() if shut.any() else np.nan,
                )
            )
        table = np.array(rows)
        mean = np.nanmean(table, axis=0)
        print(
            f"| {speaker} | {len(rows)} | {mean[0]:.3f} | {table[:, 0].min():.3f} | {mean[1]:.3f} | {mean[2]:.3f} "
            f"| {mean[3]:.4f} | {mean[4]:.3f} | {mean[5]:.1%} |"
        )


def class_means(clips: list[Clip]) -> tuple[list[str], np.ndarray]:
    """Average every weight in every phone class; the classes that occur, and (classes, shapes)."""
    sums, counts = np.zeros((len(VISEMES), len(ARKIT_NAMES))), np.zeros(len(VISEMES))
    for clip in clips:
        values = np.stack(list(weights_of(clip)[0].values()), axis=1)
        for index, phones in enumerate(VISEMES.values()):
            at = np.isin(clip.phones, phones_to_ids(phones))
            sums[index] += values[at].sum(0)
            counts[index] += at.sum()
    kept = counts > 0
    return [name for name, seen in zip(VISEMES, kept, strict=True) if seen], sums[kept] / counts[kept, None]


def draw_means(classes: list[str], means: np.ndarray) -> "Figure":
    """Draw (classes, shapes) as a table of circles, their area the mean weight."""
    from phonolips.show.plots import FAINT, INK, METHOD_COLOURS, RULE, new_figure

    figure = new_figure(9.2, 6.4, "Mean weight in each phone class, held-out clips")
    axes = figure.add_subplot()
    for row in range(len(ARKIT_NAMES)):
        axes.axhline(row, color=RULE, linewidth=0.5, zorder=0)
    for column, values in enumerate(means):
        for row, value in enumerate(values):
            axes.scatter(column, row, s=900 * value, color=METHOD_COLOURS[0], linewidths=0)
            if value >= 0.03:
                axes.annotate(f"{value:.2f}".lstrip("0"), (column + 0.22, row), fontsize=6.5, color=FAINT, va="center")
    axes.set_xticks(range(len(classes)), classes, rotation=35, ha="left", color=INK, fontsize=8)
    axes.set_yticks(range(len(ARKIT_NAMES)), ARKIT_NAMES, color=INK, fontsize=8)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.set_ylim(len(ARKIT_NAMES) - 0.4, -0.6)
    axes.set_xlim(-0.5, len(classes) - 0.3)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure


def main() -> None:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("fit", "report"))
    parser.add_argument("--data", type=Path, required=True, help="a prepared corpus")
    parser.add_argument("--picture", type=Path, help="draw the table of phone classes here")
    given = parser.parse_args()
    if given.command == "fit":
        print(json.dumps({name: round(size, 3) for name, size in fit(given.data).items()}))
        return
    clips = read_clips(given.data, HELD_OUT)
    report_errors(clips)
    classes, means = class_means(clips)
    print("\n| shape | " + " | ".join(classes) + " |\n" + "|---" * (len(classes) + 1) + "|")
    for name, row in zip(ARKIT_NAMES, means.T, strict=True):
        print(f"| {name} | " + " | ".join(f"{value:.2f}" for value in row) + " |")
    if given.picture:
        from phonolips.show.plots.style import save_figure

        save_figure(draw_means(classes, means), given.picture)


if __name__ == "__main__":
    main()
