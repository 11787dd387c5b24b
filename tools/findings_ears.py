#!/usr/bin/env python3
"""Train small ears on more and less speech, for the learning curves of docs/findings.md.

    python tools/findings_ears.py --data exp/default/data --out exp/findings_ears

Every variant has the same number of updates but where it says otherwise, and is scored on speakers of LibriSpeech that
it has not heard and on GRID's held-out s1 clips. A run that was stopped goes on with the next variant.
"""

import argparse
import json
import logging
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from phonolips.config import Recipe, load_settings
from phonolips.corpus.store import Store
from phonolips.evaluation import metrics
from phonolips.model.network import Description, Network
from phonolips.training.ears import train_ears

SCORED_UTTERANCES = 100  # of the unseen speakers of LibriSpeech, drawn by a hash of their names
UPDATES = 500
BATCH = 32


@dataclass(frozen=True)
class Variant:
    """One training: share of LibriSpeech, with or without GRID, width against the small one's, updates."""

    name: str
    share: float
    grid: bool = True
    width: float = 1.0
    updates: int = UPDATES


VARIANTS = (
    Variant("GRID only", 0.0),
    Variant("GRID and 1/16 of LibriSpeech", 1 / 16),
    Variant("GRID and 1/4 of LibriSpeech", 1 / 4),
    Variant("GRID and LibriSpeech", 1.0),
    Variant("GRID and LibriSpeech, a quarter of the updates", 1.0, updates=UPDATES // 4),
    Variant("GRID and LibriSpeech, half the width", 1.0, width=0.5),
)


class Subset:
    """A store in which some training clips are missing; a share keeps whole speakers together."""

    def __init__(self, store: Store, variant: Variant) -> None:
        self.store = store
        self.get, self.meta, self.rows = store.get, store.meta, store.rows
        self.clips = [clip for clip in store if self._kept(clip, variant)]

    def _kept(self, clip: str, variant: Variant) -> bool:
        if self.store.meta(clip)["split"] != "train":
            return True
        if self.store.rows(clip, "lips"):
            return variant.grid
        return zlib.crc32(clip.encode()) / 2**32 < variant.share

    def __iter__(self) -> Iterator[str]:
        return iter(self.clips)

    def hours(self) -> float:
        """Count the hours of training speech."""
        return sum(self.rows(c, "mel") for c in self.clips if self.meta(c)["split"] == "train") / 360_000


def run(store: Store, variant: Variant, folder: Path, seed: int) -> dict[str, Any]:
    """Train a variant and score it."""
    fine, coarse = round(96 * variant.width), round(128 * variant.width)
    overrides = [
        f"network.audio_encoder.channels={fine}", f"network.audio_encoder.coarse_channels={coarse}",
        "ears.epochs=1", f"ears.epoch_batches={variant.updates}", f"ears.seed={seed}", f"ears.batch={BATCH}",
    ]  # fmt: skip
    recipe: Recipe = load_settings(Recipe, overrides=overrides)
    torch.manual_seed(seed)
    network = Network(Description(recipe.network))
    subset = Subset(store, variant)
    train_ears(network, Repeated(subset), recipe.ears, folder, device="cpu")  # type: ignore[arg-type]
    result: dict[str, Any] = {"variant": variant.name, "seed": seed, "hours": subset.hours()}
    result["updates"] = variant.updates
    result["parameters"] = sum(p.numel() for p in network.audio_encoder.parameters())
    for title, clips in scored(store).items():
        rows = []
        for clip in tqdm(clips, desc=title, leave=False, dynamic_ncols=True, disable=None):
            mel = torch.from_numpy(store.get(clip, "mel").astype(np.float32))[None]
            with torch.inference_mode():
                posteriors = network.audio_encoder.posteriors(mel)[0].numpy()
            labels = store.get(clip, "labels").astype(np.int64)
            bigram = network.audio_encoder.phone_bigram.numpy()
            rows.append(metrics.ear_scores(posteriors, labels, phone_bigram=bigram))
        for name, top, bottom in (("PER", "phone_errors", "phone_total"), ("accuracy", "right_steps", "known_steps")):
            result[f"{title} {name}"] = sum(r[top] for r in rows) / sum(r[bottom] for r in rows)
    return result


class Repeated(Subset):
    """A subset whose training clips are listed again and again, so that an epoch has batches enough."""

    def __init__(self, subset: Subset) -> None:
        self.store = subset.store
        self.get, self.meta, self.rows = subset.get, subset.meta, subset.rows
        train = [clip for clip in subset if subset.meta(clip)["split"] == "train"]
        valid = [clip for clip in subset if subset.meta(clip)["split"] == "valid"]
        self.clips = train * -(-2 * BATCH * UPDATES // len(train)) + valid[::4]


def scored(store: Store) -> dict[str, list[str]]:
    """Choose the clips to score."""
    unseen = [c for c in store if store.meta(c)["split"] == "test_unseen" and not store.rows(c, "lips")]
    unseen.sort(key=lambda clip: zlib.crc32(clip.encode()))
    s1 = [c for c in store if store.meta(c)["split"] == "test_seen" and store.meta(c)["speaker"] == "s1"]
    return {"LibriSpeech unseen": unseen[:SCORED_UTTERANCES], "GRID s1": s1}


def table(results: list[dict[str, Any]]) -> str:
    """Write the results as Markdown."""
    measures = ("LibriSpeech unseen PER", "LibriSpeech unseen accuracy", "GRID s1 PER", "GRID s1 accuracy")
    lines = ["| ears | hours | updates | parameters | " + " | ".join(measures) + " |", "|---" * 8 + "|"]
    for row in results:
        figures = " | ".join(f"{row[name]:.3f}" for name in measures)
        size = f"{row['parameters'] / 1e6:.2f} M"
        lines.append(f"| {row['variant']} | {row['hours']:.2f} | {row['updates']} | {size} | {figures} |")
    return "\n".join(lines)


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a prepared corpus with LibriSpeech in it")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    torch.set_num_threads(1)
    store = Store(given.data / "features")
    results = []
    for number, variant in enumerate(tqdm(VARIANTS, desc="variants", dynamic_ncols=True, disable=None)):
        file = given.out / f"{number}_{given.seed}.json"
        if not file.exists():
            result = run(store, variant, given.out / f"{number}_{given.seed}", given.seed)
            file.write_text(json.dumps(result))
        results.append(json.loads(file.read_text()))
    print(table(results))


if __name__ == "__main__":
    main()
