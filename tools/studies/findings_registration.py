#!/usr/bin/env python3
"""What it changes to lay a speaker's clips onto one place in the face and to bring them into sync.

    python tools/studies/findings_registration.py --data PREPARED --results RESULTS --model MODEL/network

RESULTS is what `phonolips evaluate --step synthesise` made of the same model on PREPARED, which was prepared with
`--sync`. The same synthesis is scored against the test clips' lips as they were tracked, laid onto one place, and
brought into sync, too. Prints Markdown: means over clips with 95 % bootstrap intervals over clips.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np

from phonolips.corpus.records import read_records
from phonolips.corpus.store.store import Store
from phonolips.evaluation import metrics
from phonolips.lips.space import mean_centre
from phonolips.model.network import read_network

METHODS = {"audio": "audio", "calm": "audio, liveliness 0", "text": "text, true durations"}
MEASURES = ("opening_r", "width_r", "skill", "shape_skill")
Lips = tuple[np.ndarray, np.ndarray]  # lips (frames, 40, 2) and detected (frames,)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a corpus prepared with --sync, 25 frames a second")
    parser.add_argument("--results", type=Path, required=True, help="its evaluation's folder")
    parser.add_argument("--model", type=Path, required=True, help="the model that was evaluated")
    given = parser.parse_args()
    tracked, features = Store(given.data / "lips"), Store(given.data / "features")
    made, network = Store(given.results / "synthesis"), read_network(given.model)
    by_speaker = defaultdict(list)
    for record in read_records(given.data / "records.jsonl", ("test_seen", "test_unseen")):
        if record.id in made:
            by_speaker[record.speaker].append(record.id)

    def as_tracked(clip: str) -> Lips:
        return tracked.get(clip, "lips"), tracked.get(clip, "detected")

    def in_sync(clip: str) -> Lips:
        return features.get(clip, "lips"), features.get(clip, "detected")

    def in_one_place(clip: str) -> Lips:
        lips, detected = as_tracked(clip)
        done, seen = in_sync(clip)
        return lips + (mean_centre(done, seen) - mean_centre(lips, detected)).astype(np.float32), detected

    truths: dict[str, Callable[[str], Lips]] = {
        "as tracked": as_tracked, "in one place": in_one_place, "in one place, in sync": in_sync,
    }  # fmt: skip
    print("| speaker | clips | method | truth | " + " | ".join(name.replace("_", " ") for name in MEASURES) + " |")
    print("|---" * (4 + len(MEASURES)) + "|")
    for speaker, clips in by_speaker.items():
        known = speaker in network.description.speakers
        for array, method in METHODS.items():
            for name, truth in truths.items():
                true = [truth(clip) for clip in clips]
                if known:
                    mean = network.lip_mean[network.speaker_row(speaker)]
                else:
                    mean = np.concatenate([lips[seen] for lips, seen in true]).mean(0)
                rows = [
                    metrics.lip_scores(
                        made.get(clip, array), lips, mean_lip=mean, detected=seen,
                        labels=features.get(clip, "labels").astype(np.int64),
                    )
                    for clip, (lips, seen) in zip(clips, true, strict=True)
                ]  # fmt: skip
                cells = []
                for measure in MEASURES:
                    values = [row[measure] for row in rows]
                    low, high = metrics.bootstrap_interval(values)
                    cells.append(f"{np.nanmean(values):.3f}" + (f" [{low:.3f}, {high:.3f}]" if len(clips) > 1 else ""))
                print(f"| {speaker} | {len(clips)} | {method} | {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
