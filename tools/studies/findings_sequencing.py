"""How far phone-to-viseme sequencing lags the model: both on the test clips, with paired differences.

    python tools/studies/findings_sequencing.py --data PREPARED --results RESULTS [--speaker s1] [--seed 0]

RESULTS is the folder that `phonolips evaluate --step synthesise` wrote. The sequencing rows are fitted on all training
clips and are given the true phones and their true times; the model's row "text, true durations" gets the same, "audio"
only the sound. Prints two Markdown tables: means over clips, and the model minus each row clip by clip, both with 95 %
bootstrap intervals.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from phonolips.corpus.records import read_records
from phonolips.corpus.store.store import Store
from phonolips.errors import InputError
from phonolips.evaluation import baselines, metrics, report
from phonolips.evaluation.clips import Clip, mean_shapes
from phonolips.lips.measures import opening
from phonolips.training.lips_clips import lip_clips

SEQUENCING = (
    baselines.VisemeMean,
    baselines.VisemeTrajectories,
    baselines.PhoneMean,
    baselines.PhoneTrajectories,
    baselines.PhoneInContext,
)
MODEL = {
    "model, audio": "audio",
    "model, audio, liveliness 0": "calm",
    "model, text with true durations": "text",
}  # row -> array of the synthesis
MEASURES = (
    "opening_r",
    "width_r",
    "opening_lag_ms",
    "skill",
    "shape_skill",
    "velocity_ratio",
    "articulation_ratio",
    "closure_recall",
)
Scores = dict[str, list[dict[str, float]]]


def read_clips(features: Store, names: Sequence[str], mean_lips: dict[str, np.ndarray]) -> list[Clip]:
    """Read clips as the reference rows want them."""
    return [
        Clip(
            name,
            features.meta(name)["speaker"],
            np.array(features.get(name, "lips")),
            np.array(features.get(name, "detected")),
            features.get(name, "labels").astype(np.int64),
            features.get(name, "mel"),
            mean_lips[features.meta(name)["speaker"]],
        )
        for name in names
    ]


def score_rows(data: Path, results: Path, speaker: str) -> Scores:
    """Score every row on the test clips of one speaker; row -> one dict of scores a clip, in the order of the clips."""
    features, made = Store(data / "features"), Store(results / "synthesis")
    records = read_records(data / "records.jsonl", ["test_seen"])
    names = [r.id for r in records if r.speaker == speaker and r.id in made and r.id in features]
    if not names:
        raise InputError(f"{results}: no synthesised test clip of {speaker}; run 'phonolips evaluate' first")
    train_names = lip_clips(features, "train")
    mean_lips = mean_shapes(
        [(features.meta(c)["speaker"], features.get(c, "lips"), features.get(c, "detected")) for c in train_names]
    )
    train, tests = (read_clips(features, chosen, mean_lips) for chosen in (train_names, names))
    own = [opening(c.lips[c.detected]) for c in (*tests, *train) if c.speaker == speaker]
    thresholds = metrics.opening_thresholds(np.concatenate(own).astype(np.float64))
    predictions = {}
    for make in SEQUENCING:
        row = make()
        row.fit(train)
        predictions[row.name] = [row.predict(clip) for clip in tests]
    for title, array in MODEL.items():
        predictions[title] = [np.array(made.get(clip.id, array)) for clip in tests]
    return {
        title: [
            metrics.lip_scores(
                lips,
                clip.lips,
                mean_lip=clip.mean_lip,
                labels=clip.labels,
                detected=clip.detected,
                thresholds=thresholds,
            )
            for lips, clip in zip(row_lips, tests, strict=True)
        ]
        for title, row_lips in predictions.items()
    }


def difference(
    better: list[dict[str, float]], other: list[dict[str, float]], measure: str, seed: int
) -> tuple[float, float, float]:
    """Average one measure's difference over the clips that both rows give it for: (mean, low, high)."""
    top, bottom = report.POOLED.get(measure, (measure, ""))
    values = np.array([a[top] - b[top] for a, b in zip(better, other, strict=True)])
    weights = np.array([row[bottom] for row in better]) if bottom else np.ones(len(values))
    kept = ~np.isnan(values) & (weights > 0)
    low, high = metrics.bootstrap_interval(values, weights=weights, seed=seed)
    return float(values[kept].sum() / weights[kept].sum()), low, high


def main() -> None:
    """Print the two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a prepared corpus")
    parser.add_argument("--results", type=Path, required=True, help="what 'phonolips evaluate' wrote")
    parser.add_argument("--speaker", default="s1")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    options = parser.parse_args()
    scores = score_rows(options.data, options.results, options.speaker)
    rows = [
        {"method": title, "seen": True, "speaker": options.speaker, **clip}
        for title, clips in scores.items()
        for clip in clips
    ]
    print(report.markdown_table(report.summarise(rows, seed=options.seed), MEASURES))
    for model in MODEL:
        print(f"**{model[0].upper()}{model[1:]}, minus each row** (paired by clip)\n")
        print(f"| row | {' | '.join(MEASURES)} |")
        print("|---" * (len(MEASURES) + 1) + "|")
        for title, clips in scores.items():
            if title not in MODEL:
                cells = [difference(scores[model], clips, name, options.seed) for name in MEASURES]
                print(f"| {title} | " + " | ".join(f"{m:+.3g} [{a:+.3g}, {b:+.3g}]" for m, a, b in cells) + " |")
        print()


if __name__ == "__main__":
    main()
