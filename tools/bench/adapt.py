"""How much of a person is needed: error of the lips against seconds of adaptation material.

    python tools/bench/adapt.py --data PREPARED --model FOLDER --speakers s30,s31 --out FILE.md --picture FILE.png

Material of 0 (the mean speaker), 1 frame (of a clip with its sound, or a picture of the mouth at rest), 3, 10, 30 and
60 s, as far as a speaker has clips. It is drawn several times; in each draw the same clips are scored with every
length, and none of them is in the longest material. A clip's scores are averaged over the draws; intervals are 95 %
bootstrap intervals over clips. Skill is measured against the speaker's true mean shape over all its clips, which
nothing but the row "own mean shape given" knows. A speaker whom the model has seen is marked: such figures say little.
"""

import argparse
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from phonolips.corpus.store.store import Store
from phonolips.errors import InputError
from phonolips.evaluation import report
from phonolips.evaluation.adaptation import encode_stored, say
from phonolips.evaluation.metrics import lips as metrics
from phonolips.model.adapt import EncodedClip, adapt, best_frame_speaker, rest_lips, rest_speaker
from phonolips.model.network import Network, read_network
from phonolips.model.speakers import LipSpeaker
from phonolips.storage import write_text
from phonolips.timebase import MODEL_FPS

SECONDS = (3, 10, 30, 60)
MEASURES = ("rms_error", "opening_r", "width_r", "skill", "shape_skill", "velocity_ratio")
NOTHING, FRAME, PICTURE, NAIVE, OWN = (
    "0 s (mean speaker)",
    "1 frame",
    "1 frame at rest, as a picture",
    "1 frame at rest, itself as the mean shape",
    "own mean shape given",
)
LEAST_TESTED = 1


class TestClip(NamedTuple):
    """A clip with its true phones (steps,)."""

    id: str
    encoded: EncodedClip
    labels: np.ndarray


def read_speakers(network: Network, data: Path, speakers: list[str]) -> dict[str, list[TestClip]]:
    """Encode all clips of some speakers."""
    features = Store(data / "features")
    clips: dict[str, list[TestClip]] = {speaker: [] for speaker in speakers}
    for clip in features:
        speaker = features.meta(clip)["speaker"]
        if speaker in clips and features.rows(clip, "lips") and features.get(clip, "detected").any():
            labels = features.get(clip, "labels").astype(np.int64)
            clips[speaker].append(TestClip(clip, encode_stored(network, features, clip), labels))
    for speaker, found in clips.items():
        if len(found) < 2:
            raise InputError(f"speaker {speaker} has {len(found)} clips with lips in {data}; expected at least 2")
    return clips


def sizes(clips: list[TestClip]) -> dict[str, int]:
    """Compute how many clips make up each length of material, as far as one is left to test."""
    seconds = float(np.mean([len(clip.encoded.lips) / MODEL_FPS for clip in clips]))
    wanted = {f"{length} s": max(1, round(length / seconds)) for length in SECONDS}
    return {label: count for label, count in wanted.items() if count + LEAST_TESTED <= len(clips)}


def true_mean_lip(clips: list[TestClip]) -> np.ndarray:
    """Average the detected lips of all clips, (40, 2)."""
    return np.concatenate([clip.encoded.lips[clip.encoded.detected] for clip in clips]).mean(0)


def bench(network: Network, speaker: str, clips: list[TestClip], draws: int, seed: int = 0) -> list[dict]:
    """Score every clip of a speaker with every amount of material; rows for `report.summarise`."""
    own = true_mean_lip(clips)
    mean = network.lip_speaker(None)
    scores: dict[tuple[str, int], list[dict[str, float]]] = defaultdict(list)

    def score(label: str, speaker: LipSpeaker, tests: list[int]) -> None:
        for index in tests:
            clip = clips[index]
            found = metrics.lip_scores(
                say(network, clip.encoded, speaker), clip.encoded.lips, mean_lip=own, labels=clip.labels,
                detected=clip.encoded.detected,
            )  # fmt: skip
            found["rms_error"] = found["error"] ** 0.5
            scores[label, index].append(found)

    order = np.random.default_rng(seed).permutation(len(clips)).tolist()
    lengths = sizes(clips)
    most, draws = max(lengths.values(), default=1), min(draws, len(clips))
    for draw in range(draws):
        first = draw * len(clips) // draws
        rolled = order[first:] + order[:first]
        tests, encoded = rolled[most:], [clips[index].encoded for index in rolled[:most]]
        score(NOTHING, mean, tests)
        score(OWN, replace(mean, name="own", mean_lip=own), tests)
        score(NAIVE, replace(mean, name="naive", mean_lip=rest_lips(encoded[0])), tests)
        score(PICTURE, rest_speaker(network, encoded[0]), tests)
        score(FRAME, best_frame_speaker(network, encoded[0]), tests)
        for label, count in lengths.items():
            score(label, adapt(network, encoded[:count]).speaker, tests)
    labels = [NOTHING, NAIVE, PICTURE, FRAME, *lengths, OWN]
    return [
        {"method": label, "seen": speaker in network.description.speakers, "speaker": speaker, "clip": clips[index].id}
        | {name: float(np.nanmean([one[name] for one in found])) for name in MEASURES}
        for label in labels
        for index in range(len(clips))
        if (found := scores.get((label, index)))
    ]


def draw_curves(summaries: list[report.Summary], path: Path) -> None:
    """Plot error and skill against the material, one line a speaker; dotted: the own mean shape given."""
    from phonolips.show.plots import INK, METHOD_COLOURS, new_figure, style_axes
    from phonolips.show.plots.style import save_figure

    order = [NOTHING, FRAME, *(f"{length} s" for length in SECONDS)]
    figure = new_figure(10, 4.2, "Lips of an unseen speaker against the material to adapt to")
    for axes, measure, title in zip(
        figure.subplots(1, 2), ("rms_error", "skill"), ("error (root mean square, eye distances)", "skill"), strict=True
    ):
        for index, (speaker, seen) in enumerate(dict.fromkeys((item.speaker, item.seen) for item in summaries)):
            colour = METHOD_COLOURS[index % len(METHOD_COLOURS)]
            mine = {item.method: item.estimates[measure] for item in summaries if item.speaker == speaker}
            places = [place for place, label in enumerate(order) if label in mine]
            values = [mine[order[place]] for place in places]
            means = np.array([value.mean for value in values])
            ends = np.array([[value.mean - value.low, value.high - value.mean] for value in values]).T
            shifted = np.array(places) + 0.06 * index
            axes.errorbar(
                shifted, means, np.nan_to_num(ends), color=colour, marker="o", markersize=4, capsize=2, linewidth=1.5,
                elinewidth=0.8, label=f"{speaker} (seen in training)" if seen else speaker,
            )  # fmt: skip
            axes.axhline(mine[OWN].mean, color=colour, linestyle=":", linewidth=1.0)
        if measure == "skill":
            axes.axhline(0, color=INK, linewidth=0.6)
            axes.set_ylim(bottom=max(axes.get_ylim()[0], -2.0))
        axes.set_xticks(range(len(order)), ["0", *order[1:]])
        axes.set_xlabel("material", fontsize=8, color=INK)
        axes.set_ylabel(title, fontsize=8, color=INK)
        axes.legend(frameon=False, fontsize=8)
        style_axes(axes)
    save_figure(figure, path)


def main() -> None:
    """Measure, and write the table and the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a prepared corpus")
    parser.add_argument("--model", type=Path, required=True, help="model folder")
    parser.add_argument("--speakers", default="s30,s31", help="whom to adapt to; not in the model, to say anything")
    parser.add_argument("--draws", type=int, default=8, help="draws of material for each length")
    parser.add_argument("--out", type=Path, required=True, help="table to write (.md)")
    parser.add_argument("--picture", type=Path, required=True, help="curve to draw (.png)")
    arguments = parser.parse_args()
    network = read_network(arguments.model)
    everybody = read_speakers(network, arguments.data, arguments.speakers.split(","))
    started = time.perf_counter()
    rows = [row for who, clips in everybody.items() for row in bench(network, who, clips, arguments.draws)]
    write_report(rows, everybody, arguments.draws, arguments.out, arguments.picture)
    print(f"{arguments.out} {arguments.picture} ({time.perf_counter() - started:.0f} s)")


def write_report(rows: list[dict], everybody: dict[str, list[TestClip]], draws: int, out: Path, picture: Path) -> None:
    """Write the table with what was available, and the picture."""
    summaries = report.summarise(rows)
    there = "\n".join(
        f"- {who}: {len(clips)} clips, {sum(len(clip.encoded.lips) for clip in clips) / MODEL_FPS:.0f} s in all; "
        f"material of {', '.join(f'{label} ({count} clips)' for label, count in sizes(clips).items())}; "
        f"{min(draws, len(clips))} draws"
        for who, clips in everybody.items()
    )
    text = (
        f"# Adaptation to a speaker\n\n{there}\n\nNo clip is scored with material that it is part of; every length is "
        "scored on the same clips. Skill and shape skill are measured against the speaker's true mean shape over all "
        "its clips; `rms_error` in eye distances.\n\n"
        f"{report.markdown_table(summaries, MEASURES)}\n"
    )
    write_text(out, text)
    draw_curves(summaries, picture)


if __name__ == "__main__":
    main()
