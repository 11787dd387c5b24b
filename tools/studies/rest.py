"""Measure the mouth at rest, onsets, closures and sizes, on people and sounds that the lips' training never saw.

    python tools/studies/rest.py --videos ADDRESSES --tracks FOLDER --sounds LIBRISPEECH/test_clean --out FOLDER

ADDRESSES and FOLDER are those of tools/studies/unseen_phones.py. Prints tables as Markdown, and draws onsets and a
pause: rest.png in the folder --out. Everything is made with the model in the package, or --model.
"""

import argparse
import csv
import random
import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
from unseen_phones import Clip, read_clip

from phonolips.errors import PhonolipsWarning
from phonolips.lips.measures import opening, width
from phonolips.lips.rest import RESTS
from phonolips.model.network import Network, load_network
from phonolips.phones.inventory import BILABIALS, PHONES, SILENCE, VOWELS
from phonolips.synth import verbs
from phonolips.synth.result import Result
from phonolips.timebase import frame_centres

PAUSE_SECONDS = 0.15  # least silence before a phone that counts as an onset
TIMES = np.arange(-240, 121, 40)  # ms around an onset
SHUT_OPENING = 0.019  # below it a mouth counts as closed
STILL_OPEN = 0.02  # in silence
SETTLED_SECONDS = 0.12  # from the beginning of a silence, and before its end
SOUNDS, SEED = 60, 1
GAINS = (1.0, 1.5, 2.0, 2.5, 3.0)
FPS = (25, 29.97, 60)
CONTEXTS = ("AA", "IY", "UW", "S", "T", "L", "K", "R", SILENCE)


def make(clip: Clip, network: Network, way: str, **options: object) -> np.ndarray:
    """Return what the model makes of a clip, of its sound or of its aligned phones."""
    if way == "text":
        made = verbs.from_alignment(clip.alignment, network=network, waveform=clip.sound, **options)
    else:
        moves = clip.lip_parameters
        made = verbs.from_posteriors(
            clip.posteriors, lip_parameters=moves, network=network, waveform=clip.sound, **options
        )
    return made.lips[: len(clip.lips)]


def onsets(lips: list[np.ndarray], clips: list[Clip]) -> dict[str, np.ndarray]:
    """Average openings around the first phones after pauses, as shares of each clip's 90th percentile."""
    found: dict[str, list[np.ndarray]] = {"vowels": [], "other consonants": []}
    for made, clip in zip(lips, clips, strict=True):
        heights = opening(made) / np.percentile(opening(made), 90)
        phones = clip.alignment.phones
        for pause, first in pairwise(phones):
            is_onset = pause.label == SILENCE and pause.end - pause.start >= PAUSE_SECONDS
            if is_onset and first.label not in {SILENCE, *BILABIALS}:
                kind = "vowels" if first.label in VOWELS else "other consonants"
                at = first.start + TIMES / 1000
                found[kind].append(np.interp(at, frame_centres(len(heights)), heights, left=np.nan, right=np.nan))
    return {f"{kind} ({len(rows)})": np.nanmean(rows, 0) for kind, rows in found.items()}


def onset_table(made: dict[str, list[np.ndarray]], clips: list[Clip]) -> tuple[str, dict[str, dict[str, np.ndarray]]]:
    """Tabulate `onsets` of several makers of lips; return the curves, too."""
    curves = {name: onsets(lips, clips) for name, lips in made.items()}
    lines = ["| before | lips | " + " | ".join(f"{time} ms" for time in TIMES) + " |", "|---" * (len(TIMES) + 2) + "|"]
    for kind in next(iter(curves.values())):
        for name, by_kind in curves.items():
            lines.append(f"| {kind} | {name} | " + " | ".join(f"{value:.2f}" for value in by_kind[kind]) + " |")
    return "\n".join(lines), curves


def open_in_silence(result: Result) -> tuple[int, int]:
    """Count frames that are settled in silence, and those of them that are still open."""
    times, heights = frame_centres(len(result.lips), result.fps), opening(result.lips)
    settled = np.zeros(len(times), np.bool_)
    for phone in result.phones:
        if phone.label == SILENCE:
            first = phone.start + (SETTLED_SECONDS if phone.start else 0)
            is_last = phone.end >= result.phones[-1].end
            settled |= (times > first) & (times < phone.end - (0 if is_last else SETTLED_SECONDS))
    return int(settled.sum()), int((heights[settled] > STILL_OPEN).sum())


def frames_of(result: Result, start: float, end: float) -> np.ndarray:
    """Return the numbers of the frames within a time; where there is none, of the nearest one, or of two as near."""
    times = frame_centres(len(result.lips), result.fps)
    inside = np.flatnonzero((times >= start) & (times < end))
    away = np.abs(times - (start + end) / 2)
    return inside if len(inside) else np.flatnonzero(away <= away.min() + 1e-6)


def sound_table(paths: list[Path], network: Network) -> str:
    """Tabulate closures heard, closures that nobody heard, and what is open in silence, in sounds."""
    lines = [
        "| rest | fps | p b m read | closed | under 60 ms | other phones shut | frames settled in silence | open |",
        "|---" * 8 + "|",
    ]
    for rest in RESTS:
        for fps in FPS:
            read, false, others, settled, still = [], 0, 0, 0, 0
            for path in paths:
                result = verbs.from_audio(path, network=network, fps=fps, rest=rest)
                heights = opening(result.lips)
                phones = result.phones
                for before, phone, after in zip(("", *phones), phones, (*phones[1:], ""), strict=False):
                    least = heights[frames_of(result, phone.start, phone.end)]
                    if phone.label in BILABIALS:
                        read.append((phone.end - phone.start, least.min() < SHUT_OPENING))
                    elif phone.label != SILENCE:
                        beside = {getattr(one, "label", SILENCE) for one in (before, after)}
                        if not beside & {SILENCE, *BILABIALS}:
                            others += 1
                            false += bool((least < SHUT_OPENING).all())
                one, other = open_in_silence(result)
                settled, still = settled + one, still + other
            seconds, closed = np.array(read).T
            short = closed[seconds < 0.0599].mean()
            lines.append(
                f"| {rest} | {fps:g} | {len(read)} | {100 * closed.mean():.1f} % | {100 * short:.1f} % | "
                f"{100 * false / others:.1f} % of {others} | {settled} | {100 * still / max(settled, 1):.1f} % |"
            )
    return "\n".join(lines)


def text_table(network: Network) -> str:
    """Tabulate closures of b, m and p between all phones, said from text at several rates."""
    lines = ["| fps | speaking rate | p b m said | closed |", "|---" * 4 + "|"]
    for fps in FPS:
        for rate in (1.0, 2.0):
            said = shut = 0
            for phone in PHONES[1:]:
                for bilabial in sorted(BILABIALS):
                    some = [part for context in CONTEXTS for part in (phone, bilabial, context)]
                    result = verbs.from_phones(some, network=network, fps=fps, rate=rate)
                    heights = opening(result.lips)
                    for one in result.phones:
                        if one.label in BILABIALS:
                            said += 1
                            shut += heights[frames_of(result, one.start, one.end)].min() < SHUT_OPENING
            lines.append(f"| {fps:g} | {rate:g} | {said} | {100 * shut / said:.2f} % |")
    return "\n".join(lines)


def size_table(clips: list[Clip], network: Network) -> str:
    """Tabulate sizes and fits by gain of the width, and by liveliness."""
    lines = ["| from | liveliness | width gain | width size | opening size | speed | skill |", "|---" * 7 + "|"]
    of_others = network.description.settings.lips.width_of_others
    for way in ("sound", "text"):
        for liveliness in (0.0, 0.3):
            for gain in GAINS:
                made = [
                    make(clip, network, way, mean_lip=clip.mean, rest="natural", liveliness=liveliness,
                         articulation={"width": gain / of_others})
                    for clip in clips
                ]  # fmt: skip
                sizes = [
                    np.average([ratio(one, clip.lips) for one, clip in zip(made, clips, strict=True)],
                               weights=[len(clip.lips) for clip in clips])
                    for ratio in (spread(width), spread(opening), speed)
                ]  # fmt: skip
                error = sum(((one - clip.lips) ** 2).sum() for one, clip in zip(made, clips, strict=True))
                skill = 1 - error / sum(((clip.mean - clip.lips) ** 2).sum() for clip in clips)
                lines.append(
                    f"| {way} | {liveliness} | {gain} | " + " | ".join(f"{size:.2f}" for size in sizes)
                    + f" | {skill:.3f} |"
                )  # fmt: skip
    return "\n".join(lines)


def spread(measure: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray, np.ndarray], float]:
    """Return a function that compares the standard deviations of a measure of two lips."""
    return lambda made, truth: float(measure(made).std() / measure(truth).std())


def speed(made: np.ndarray, truth: np.ndarray) -> float:
    """Compare how far points go in all."""
    return float(np.abs(np.diff(made, axis=0)).sum() / np.abs(np.diff(truth, axis=0)).sum())


def draw(curves: dict[str, dict[str, np.ndarray]], network: Network, path: Path) -> None:
    """Draw onsets, and the opening through a sentence with pauses, in both ways to rest."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(15, 4), width_ratios=(1, 1, 2))
    for axis, kind in zip(axes, next(iter(curves.values())), strict=False):
        for name, by_kind in curves.items():
            style, thick = ("k-", 2) if name == "people" else ("-", 1)
            axis.plot(TIMES, by_kind[kind], style, label=name, lw=thick)
        axis.axvline(0, color="grey", lw=0.5)
        axis.set(title=f"before {kind}", xlabel="ms from the phone's beginning", ylabel="opening / 90th percentile")
    axes[0].legend(fontsize=7)
    for rest in RESTS:
        made = verbs.from_text("Open it. Take five, please. Above all, keep calm.", network=network, rest=rest, fps=100)
        axes[2].plot(frame_centres(len(made.lips), made.fps), opening(made.lips), label=rest)
    for phone in made.phones:
        if phone.label == SILENCE:
            axes[2].axvspan(phone.start, phone.end, color="0.9")
        else:
            axes[2].text((phone.start + phone.end) / 2, -0.012, phone.label, fontsize=5, ha="center")
    axes[2].set(title="Open it. Take five, please. Above all, keep calm.", xlabel="s", ylabel="opening, eye distances")
    axes[2].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Print the tables, and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=Path, required=True)
    parser.add_argument("--tracks", type=Path, required=True)
    parser.add_argument("--sounds", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    given = parser.parse_args()
    warnings.simplefilter("ignore", PhonolipsWarning)
    network = load_network(given.model)
    given.tracks.mkdir(parents=True, exist_ok=True)
    given.out.mkdir(parents=True, exist_ok=True)
    with (given.videos / "transcripts.tsv").open(encoding="utf-8", newline="") as file:
        words = {row["file"]: row["text"] for row in csv.DictReader(file, delimiter="\t")}
    clips = [
        read_clip(path, given.tracks, words.get(path.name), network) for path in sorted(given.videos.glob("*.mp4"))
    ]
    made = {"people": [clip.lips for clip in clips]}
    for way in ("sound", "text"):
        for rest in RESTS:
            made[f"{way}, {rest}"] = [make(clip, network, way, rest=rest) for clip in clips]
    table, curves = onset_table(made, clips)
    print(f"\n{table}\n")
    draw(curves, network, given.out / "rest.png")
    print(f"{size_table(clips, network)}\n")
    print(f"{text_table(network)}\n")
    paths = sorted(path for path in given.sounds.rglob("*") if path.suffix in (".opus", ".flac", ".wav"))
    random.Random(SEED).shuffle(paths)
    print(sound_table(paths[:SOUNDS], network))


if __name__ == "__main__":
    main()
