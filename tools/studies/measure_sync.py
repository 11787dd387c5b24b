#!/usr/bin/env python3
"""Measure the sync expert on a prepared corpus: known shifts, the scores of the truth, and check-data's threshold.

    python tools/studies/measure_sync.py --data exp/default/data [--expert FOLDER]

Prints Markdown. The scores of methods are in results.md, from `phonolips evaluate`.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from phonolips.corpus.check import OUT_OF_SYNC_FRAMES
from phonolips.corpus.store.store import Store
from phonolips.model.sync import SyncExpert, SyncResult, load_sync_expert, offset
from phonolips.training.lips_clips import lip_clips

SHIFTS = tuple(range(-7, 8))
THRESHOLDS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)


def shifted(lips: np.ndarray, mel: np.ndarray, late: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut a clip so that its lips are late by so many frames (early, where negative)."""
    length = len(lips) - abs(late)
    first_lips, first_mel = max(0, -late), max(0, late)
    return lips[first_lips : first_lips + length], mel[4 * first_mel : 4 * (first_mel + length)]


def read_clip(store: Store, clip: str) -> tuple[np.ndarray, np.ndarray]:
    """Read lips and log-mel of one clip."""
    return np.array(store.get(clip, "lips")), store.get(clip, "mel").astype(np.float32)


def known_shifts(store: Store, expert: SyncExpert) -> None:
    """Print the share of known shifts that are found, a row a speaker."""
    head = "speaker | clips | exact | exact beside unshifted | within 1 frame | unshifted, ms | LSE-D | LSE-C"
    print(f"| {head} |")
    print("|---" * 8 + "|")
    rows: dict[tuple[str, str], list[tuple[list[int], SyncResult]]] = defaultdict(list)
    for split in ("test_seen", "test_unseen"):
        for clip in lip_clips(store, split):
            lips, mel = read_clip(store, clip)
            errors = [offset(*shifted(lips, mel, late), expert=expert).offset_frames - late for late in SHIFTS]
            rows[split, store.meta(clip)["speaker"]].append((errors, offset(lips, mel, expert=expert)))
    for (split, speaker), mine in rows.items():
        errors = np.array([part for part, _ in mine])
        results = [result for _, result in mine]
        beside = errors - np.array([[result.offset_frames] for result in results])
        milliseconds = [result.offset_ms for result in results]
        print(
            f"| {speaker} ({split[5:]}) | {len(mine)} | {(errors == 0).mean():.3f} | {(beside == 0).mean():.3f} "
            f"| {(abs(errors) <= 1).mean():.3f} "
            f"| {np.mean(milliseconds):+.0f} ± {np.std(milliseconds):.0f} "
            f"| {np.mean([r.distance for r in results]):.3f} | {np.mean([r.confidence for r in results]):.3f} |"
        )


def thresholds(store: Store, expert: SyncExpert) -> None:
    """Print how many clips check-data would list at several thresholds: as they are, shifted, and shuffled."""
    groups: dict[str, list[SyncResult]] = defaultdict(list)
    rng = np.random.default_rng(0)
    for split in ("train", "valid", "test_seen", "test_unseen"):
        kind = split if split.startswith("test") else "train and valid"
        names = lip_clips(store, split)
        for index, clip in enumerate(names):
            lips, mel = read_clip(store, clip)
            result = offset(lips, mel, expert=expert)
            groups[f"{kind}, as they are"].append(result)
            if abs(result.offset_frames) >= OUT_OF_SYNC_FRAMES:
                print(f"{clip}: {result.offset_frames:+d} frames, confidence {result.confidence:.3f}")
            if kind != "train and valid":
                late = int(rng.choice((-1, 1)) * rng.integers(2, 11))
                groups[f"{kind}, shifted by 2 to 10"].append(offset(*shifted(lips, mel, late), expert=expert))
                other = read_clip(store, names[(index + 1) % len(names)])[0]
                groups[f"{kind}, lips of another clip"].append(offset(other, mel, expert=expert))
    print(f"\n| listed where confidence is at least | {' | '.join(map(str, THRESHOLDS))} | lowest, median confidence |")
    print("|---" * (len(THRESHOLDS) + 2) + "|")
    for title, results in groups.items():
        sure = np.array([r.confidence if abs(r.offset_frames) >= OUT_OF_SYNC_FRAMES else -1.0 for r in results])
        confidence = np.array([r.confidence for r in results])
        cells = " | ".join(f"{(sure >= threshold).sum()}" for threshold in THRESHOLDS)
        print(f"| {title} ({len(results)}) | {cells} | {confidence.min():.2f}, {np.median(confidence):.2f} |")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a prepared corpus")
    parser.add_argument("--expert", type=Path, help="a sync expert's folder; default: the one in the package")
    options = parser.parse_args()
    store, expert = Store(options.data / "features"), load_sync_expert(options.expert)
    known_shifts(store, expert)
    print()
    thresholds(store, expert)


if __name__ == "__main__":
    main()
