#!/usr/bin/env python3
"""Ask one trained model what docs/findings.md wants to know of it.

    python tools/studies/findings_model.py text-audio --data exp/default/data --model exp/default/model/network
    python tools/studies/findings_model.py motion --data exp/default/data --model ... --picture docs/motion.png
    python tools/studies/findings_model.py residual --data exp/default/data --model ...

text-audio: how far apart are the lips from text and from sound, by class of phone, and do the two encoders agree
in the latent? motion: what does it cost to move as much as people do? Both on test clips, `--speaker s1`.
residual: what of the movement does the model miss from sound, on clips that it has learnt from and on others, and how
much of that is a constant of the clip, which the pose of the head explains?
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from phonolips.corpus.store.store import Store
from phonolips.evaluation import metrics
from phonolips.evaluation.adaptation import encode_stored
from phonolips.lips.liveliness import exaggerate
from phonolips.lips.measures import opening, width
from phonolips.model.bundle import read_weights
from phonolips.model.network import Network, read_network
from phonolips.model.stream import decode_lips, predict_lip_parameters
from phonolips.phones.decode import label_runs
from phonolips.phones.inventory import PHONES, SILENCE, SILENCE_ID, VISEMES
from phonolips.phones.posteriors import labels_to_posteriors
from phonolips.timebase import STEPS_PER_FRAME
from phonolips.training.lips_clips import lip_clips

LIVELINESS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
GAINS = (1.0, 1.1, 1.2, 1.3)


class Clip:
    """One test clip: truth, labels, encoder output, and lips made three ways."""

    def __init__(self, network: Network, store: Store, name: str) -> None:
        self.name, self.speaker = name, store.meta(name)["speaker"]
        self.labels = store.get(name, "labels").astype(np.int64)
        self.lips, self.detected, self.encoded, lip_parameters = encode_stored(network, store, name)
        self.from_text = labels_to_posteriors(self.labels)
        who = network.lip_speaker(self.speaker)
        self.mean_lip = who.mean_lip
        self.made = {}
        for title, rows, moves in (
            ("audio", self.encoded, lip_parameters),
            ("audio, phones only", self.encoded, predict_lip_parameters(network, self.encoded)),
            ("text, true durations", self.from_text, predict_lip_parameters(network, self.from_text)),
        ):
            self.made[title] = np.concatenate(list(decode_lips(network, rows, moves, who)))


def read_clips(network: Network, store: Store, split: str, speaker: str) -> list[Clip]:
    """Encode one speaker's clips of a split."""
    names = [name for name in lip_clips(store, split) if store.meta(name)["speaker"] == speaker]
    return [Clip(network, store, name) for name in tqdm(names, desc="clips", dynamic_ncols=True, disable=None)]


def interval(values: list[float] | np.ndarray, digits: int = 3) -> str:
    """Write a mean over clips with its 95 % bootstrap interval."""
    low, high = metrics.bootstrap_interval(np.asarray(values))
    return f"{np.nanmean(values):.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def class_errors(clips: list[Clip]) -> str:
    """Tabulate the error by viseme class, and how far text and audio are from each other."""
    classes = {phone: viseme for viseme, phones in VISEMES.items() for phone in phones} | {SILENCE: "silence"}
    rows: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    counts: dict[str, int] = defaultdict(int)
    for clip in clips:
        centre = clip.labels.reshape(-1, STEPS_PER_FRAME)[:, STEPS_PER_FRAME // 2]
        names = np.array([classes.get(PHONES[label] if label >= 0 else SILENCE, "other") for label in centre])
        for name in set(names):
            here = (names == name) & clip.detected
            if not here.any():
                continue
            counts[name] += int(here.sum())
            truth = clip.lips[here]
            base = ((clip.mean_lip - truth) ** 2).mean()
            for title, lips in clip.made.items():
                rows[name][title].append(float(((lips[here] - truth) ** 2).mean()))
            rows[name]["mean lip"].append(float(base))
            apart = opening(clip.made["audio"][here]) - opening(clip.made["text, true durations"][here])
            rows[name]["apart"].append(float(np.sqrt((apart**2).mean())))
    titles = [*clips[0].made, "mean lip"]
    lines = ["| class | frames | " + " | ".join(f"MSE, {title}" for title in titles) + " | openings apart (rms) |"]
    lines.append("|---|---|" + "---|" * (len(titles) + 1))
    for name in sorted(rows, key=lambda name: -counts[name]):
        cells = [f"{1e4 * np.mean(rows[name][title]):.2f}" for title in titles]
        lines.append(f"| {name} | {counts[name]} | " + " | ".join(cells) + f" | {np.mean(rows[name]['apart']):.4f} |")
    return "\n".join(lines) + "\n\nMSE in 1e-4 square units."


def agreement(model: Path, clips: list[Clip]) -> str:
    """Compare the latents of both encoders: cosine at the same step, and retrieval of the aligned phone."""
    table = read_weights(model)["bottleneck.phone_embedding.weight"]
    centred = table - table.mean(0)
    cosines, shuffled, hits, near, chances = [], [], [], [], []
    rng = np.random.default_rng(0)
    for clip in clips:
        encoded, from_text = clip.encoded @ centred, clip.from_text @ centred
        encoded = encoded / np.linalg.norm(encoded, axis=1, keepdims=True)
        from_text = from_text / np.linalg.norm(from_text, axis=1, keepdims=True)
        speech = clip.labels != SILENCE_ID
        cosines.append(float((encoded * from_text).sum(1)[speech].mean()))
        shuffled.append(float((encoded * from_text[rng.permutation(len(from_text))]).sum(1)[speech].mean()))
        runs = label_runs(clip.labels)
        latents = np.stack([from_text[start] for _, start, _ in runs])
        owner = np.concatenate([np.full(end - start, index) for index, (_, start, end) in enumerate(runs)])
        best = np.empty(len(encoded), np.int64)
        similarity = encoded @ latents.T
        for step in range(len(encoded)):  # of equal phones, the nearest in time
            equal = np.flatnonzero(similarity[step] >= similarity[step].max() - 1e-5)
            best[step] = equal[np.argmin(np.abs(equal - owner[step]))]
        kinds = np.array([label for label, _, _ in runs])
        hits.append(float((best == owner)[speech].mean()))
        near.append(float((kinds[best] == kinds[owner])[speech].mean()))
        chances.append(float(np.mean([(kinds == kinds[o]).mean() for o in owner[speech]])))
    return (
        "| latents of audio and text, steps of speech | |\n|---|---|\n"
        f"| cosine at the same step | {interval(cosines)} |\n"
        f"| cosine at a random step of the clip | {interval(shuffled)} |\n"
        f"| audio step finds a phone of the right kind in the clip's text | {interval(near)} |\n"
        f"| audio step finds the very phone that is being said | {interval(hits)} |\n"
        f"| a random phone of the clip is of the right kind | {interval(chances)} |"
    )


def motion(clips: list[Clip], picture: Path | None) -> str:
    """Tabulate and draw what liveliness and a plain gain buy and cost."""
    openings = np.concatenate([opening(clip.lips[clip.detected]) for clip in clips]).astype(np.float64)
    thresholds = metrics.opening_thresholds(openings)
    lines = [
        "| source | change | velocity ratio | skill | opening r | jitter / truth's | closure recall | false closure |"
    ]
    lines.append("|---|---|---|---|---|---|---|---|")
    curves: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for source in clips[0].made:
        for kind, amounts in (("liveliness", LIVELINESS), ("gain", GAINS)):
            for amount in amounts:
                scores = []
                for clip in clips:
                    lips = clip.made[source]
                    changed = (
                        exaggerate(lips, amount)
                        if kind == "liveliness"
                        else clip.mean_lip + amount * (lips - clip.mean_lip)
                    )
                    scores.append(
                        metrics.lip_scores(
                            changed, clip.lips, mean_lip=clip.mean_lip, labels=clip.labels, detected=clip.detected,
                            thresholds=thresholds,
                        )
                    )  # fmt: skip

                def mean(name: str, rows: list[dict[str, float]] = scores) -> float:
                    return float(np.nanmean([row[name] for row in rows]))

                recall = sum(r["closure_hits"] for r in scores) / max(1, sum(r["closure_total"] for r in scores))
                false = sum(r["false_closures"] for r in scores) / max(1, sum(r["false_closure_total"] for r in scores))
                jitter = mean("jitter") / mean("jitter_of_truth")
                lines.append(
                    f"| {source} | {kind} {amount:g} | {mean('velocity_ratio'):.3f} | {mean('skill'):.3f} | "
                    f"{mean('opening_r'):.3f} | {jitter:.2f} | {recall:.3f} | {false:.4f} |"
                )
                curves[source, kind].append((mean("velocity_ratio"), mean("skill")))
    if picture is not None:
        draw_motion(curves, picture)
    return "\n".join(lines)


def draw_motion(curves: dict[tuple[str, str], list[tuple[float, float]]], picture: Path) -> None:
    """Draw skill over velocity ratio, a line for each source and kind of change."""
    from phonolips.show.plots import FAINT, METHOD_COLOURS, new_figure, style_axes
    from phonolips.show.plots.style import save_figure

    figure = new_figure(6.5, 4.0, "What it costs to move as much as people do")
    axes = figure.subplots()
    sources = list(dict.fromkeys(source for source, _ in curves))
    for (source, kind), points in curves.items():
        colour = METHOD_COLOURS[sources.index(source)]
        style = "-o" if kind == "liveliness" else "--s"
        axes.plot(*zip(*points, strict=True), style, color=colour, markersize=3.5, label=f"{source}: {kind}")
    axes.axvspan(0.85, 1.1, facecolor="#e8f2e8", edgecolor=FAINT, linewidth=0.5, zorder=0, label="target")
    axes.set_xlabel("speed of the lips, share of the truth's")
    axes.set_ylabel("skill (R² against the mean shape)")
    axes.legend(fontsize=7.5, frameon=False)
    style_axes(axes)
    save_figure(figure, picture)


def residual(network: Network, data: Path, speaker: str) -> str:
    """Split what the model misses into a constant of each clip (in place, in shape) and the rest."""
    features, tracked = Store(data / "features"), Store(data / "lips")
    lines = [
        "| clips | | opening r | width r | skill | missed: the clip's place | the clip's shape | the rest |",
        "|---" * 8 + "|",
    ]
    shapes, poses = [], []
    for split in ("train", "valid", "test_seen"):
        shares: list[tuple[float, ...]] = []
        for clip in read_clips(network, features, split, speaker):
            error = (clip.made["audio"] - clip.lips)[clip.detected]
            constant = error.mean(0)
            place = constant.mean(0)
            parts = (np.square(place).mean(), np.square(constant - place).mean(), np.square(error - constant).mean())
            variance = np.square(clip.lips - clip.mean_lip)[clip.detected].mean()
            rs = [
                metrics.correlation(measure(clip.made["audio"])[clip.detected], measure(clip.lips)[clip.detected])
                for measure in (opening, width)
            ]
            shares.append((*rs, 1 - sum(parts) / variance, *(part / variance for part in parts)))
            shapes.append((constant - place).ravel())
            poses.append(tracked.get(clip.name, "pose")[tracked.get(clip.name, "detected")].mean(0))
        cells = " | ".join(interval(list(column)) for column in zip(*shares, strict=True))
        lines.append(f"| {split} | {len(shares)} | {cells} |")
    explained = 100 * explained_share(np.array(poses, np.float64), np.array(shapes, np.float64))
    return "\n".join(lines) + (
        f"\n\nOf the {len(poses)} clips' constants of shape, a linear map from the clip's mean yaw, pitch and roll "
        f"explains {explained:.0f} % (of clips left out, five folds)."
    )


def explained_share(causes: np.ndarray, effects: np.ndarray, folds: int = 5) -> float:
    """Compute how much of the variance of effects (clips, n) a linear map from causes (clips, m) explains, left out."""
    causes = np.column_stack([causes - causes.mean(0), np.ones(len(causes))])
    effects = effects - effects.mean(0)
    fold = np.arange(len(causes)) % folds
    missed = 0.0
    for left_out in (fold == number for number in range(folds)):
        weights = np.linalg.lstsq(causes[~left_out], effects[~left_out], rcond=None)[0]
        missed += float(np.square(effects[left_out] - causes[left_out] @ weights).sum())
    return 1 - missed / float(np.square(effects).sum())


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("text-audio", "motion", "residual"))
    parser.add_argument("--data", type=Path, required=True, help="a prepared corpus")
    parser.add_argument("--model", type=Path, required=True, help="model folder")
    parser.add_argument("--speaker", default="s1")
    parser.add_argument("--split", default="test_seen", help="valid, test_seen")
    parser.add_argument("--picture", type=Path, help="motion: .png to draw")
    given = parser.parse_args()
    torch.set_num_threads(1)
    network = read_network(given.model)
    if given.what == "residual":
        print(residual(network, given.data, given.speaker))
        return
    clips = read_clips(network, Store(given.data / "features"), given.split, given.speaker)
    if given.what == "motion":
        print(motion(clips, given.picture))
    else:
        print(class_errors(clips), agreement(given.model, clips), sep="\n\n")


if __name__ == "__main__":
    main()
