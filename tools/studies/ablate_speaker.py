"""Measure what should condition the lips of a speaker without a name: the lip shape, the voice, both, or nothing.

    python tools/studies/ablate_speaker.py --data PREPARED --out DIR [--epochs 8] [--seeds 1 2 3]

Trains the lips once for every choice and seed, on the same clips and the same encoder, and scores them on test clips:
speakers of the training by their name and as if they had none, speakers whom no training saw, and clips whose speaker
has no name. Every clip's own mean shape (a named speaker's of the training) is given, so that only the style is at
stake. What is trained already is not trained again. Writes speaker.csv (a row a clip); prints a table of all of it, and
what each choice gains over nothing, clip by clip.
"""

import argparse
import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch

from phonolips.corpus.store.store import Store
from phonolips.evaluation import metrics, report
from phonolips.evaluation.adaptation import encode_stored
from phonolips.model.bundle import PACKAGED_MODEL
from phonolips.model.network import Description, Network, read_network
from phonolips.model.speakers import MEAN_SPEAKER, LipSpeaker
from phonolips.synth import verbs
from phonolips.training.lips import train_lips
from phonolips.training.lips_clips import lip_positions
from phonolips.training.networks.network import TrainableNetwork, read_trainable
from phonolips.training.order import evenly
from phonolips.training.settings import Recipe, load_settings

CHOICES = {"nothing": [], "shape": ["shape"], "voice": ["voice"], "shape and voice": ["shape", "voice"]}
MEASURES = ("opening_r", "width_r", "skill", "shape_skill")
MOST_TESTS = 400  # clips of each kind that are scored


def train(given: argparse.Namespace, store: Store, choice: str, seed: int) -> Network:
    """Train the lips with one choice, or load them."""
    folder = given.out / f"{choice.replace(' ', '_')}-{seed}"
    if (folder / "network" / "model.json").is_file():
        return read_network(folder / "network")
    words = [
        f"lips.epochs={given.epochs}",
        f"lips.seed={seed}",
        f"network.speaker_from=[{','.join(CHOICES[choice])}]",
        "lips.most_valid_clips=200",
    ]
    recipe: Recipe = load_settings(Recipe, overrides=words)
    encoder = read_trainable(given.model or PACKAGED_MODEL)
    recipe.network.audio_encoder = encoder.description.settings.audio_encoder
    codes, names = store.column("speaker")
    speakers = sorted({names[code] for code in np.unique(codes[lip_positions(store, "train")])} - {""})
    torch.manual_seed(seed)
    network = TrainableNetwork(Description(recipe.network, [MEAN_SPEAKER, *speakers]))
    network.audio_encoder.load_state_dict(encoder.audio_encoder.state_dict())
    train_lips(network, store, recipe.lips, folder, device=given.device, stored_outputs=given.out / "encoder_outputs")
    network.save(folder / "network")
    return read_network(folder / "network")


def score(store: Store, network: Network, choice: str, seed: int) -> list[dict[str, Any]]:
    """Score one training on every kind of test clip."""
    rows = []
    codes, names = store.column("speaker")
    for split in ("test_seen", "test_unseen"):
        positions = lip_positions(store, split)
        nobody = codes[positions] == (names.index("") if "" in names else -1)
        for kind in (positions[~nobody], positions[nobody]):
            for position in evenly(kind, MOST_TESTS).tolist():
                rows += score_clip(store, network, store.id_at(position), choice, seed)
    return rows


def score_clip(store: Store, network: Network, clip: str, choice: str, seed: int) -> list[dict[str, Any]]:
    """Score one clip with its speaker's row, if there is one, and as somebody without a name."""
    speaker = store.meta(clip)["speaker"]
    encoded = encode_stored(network, store, clip)
    own = encoded.lips[encoded.detected].mean(0)
    ways: dict[str, LipSpeaker] = {}
    if speaker in network.description.speakers:
        named = network.lip_speaker(speaker)
        own = named.mean_lip
        ways[f"{speaker}, by name"] = named
    label = f"{speaker}, without a name" if speaker else "clips around one word"
    ways[label] = network.unnamed_speaker(own, store.get(clip, "mel").astype(np.float32))
    rows = []
    for way, who in ways.items():
        made = verbs.from_posteriors(
            encoded.posteriors,
            lip_parameters=encoded.lip_parameters,
            speaker=who,
            network=network,
            liveliness=0,
            rest="natural",
        ).lips
        scores = metrics.lip_scores(
            made,
            encoded.lips,
            mean_lip=own,
            labels=store.get(clip, "labels").astype(np.int64),
            detected=encoded.detected,
        )
        head = {"method": choice, "seen": speaker in network.description.speakers, "speaker": way, "clip": clip}
        rows.append(head | {"seed": seed} | {name: scores[name] for name in MEASURES})
    return rows


def gains(rows: list[dict[str, Any]], measure: str) -> str:
    """Make a Markdown table of what each choice gains over nothing, clip by clip, with 95 % bootstrap intervals."""
    found = {(row["speaker"], row["seed"], row["clip"], row["method"]): row[measure] for row in rows}
    choices = list(CHOICES)[1:]
    lines = [f"| {measure}, less that of nothing | clips | {' | '.join(choices)} |", "|---" * (2 + len(choices)) + "|"]
    for speaker in dict.fromkeys(row["speaker"] for row in rows):
        clips = [key[1:3] for key in found if key[0] == speaker and key[3] == "nothing"]
        cells = []
        for choice in choices:
            pairs = [(found.get((speaker, *clip, choice), np.nan), found[speaker, *clip, "nothing"]) for clip in clips]
            gained = np.array([value - without for value, without in pairs])
            gained = gained[np.isfinite(gained)]
            low, high = metrics.bootstrap_interval(gained)
            cells.append(f"{gained.mean():+.3f} [{low:+.3f}, {high:+.3f}]" if len(gained) > 1 else "-")
        lines.append(f"| {speaker} | {len(clips)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Train, score, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a prepared corpus, such as the LRW recipe's")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="whose encoder; default: the model in the package")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    store = Store(given.data / "features")
    rows: list[dict[str, Any]] = []
    for seed in given.seeds:
        for choice in CHOICES:
            rows += score(store, train(given, store, choice, seed), choice, seed)
            report.write_csv(rows, given.out / "speaker.csv")
    scored = [{name: value for name, value in row.items() if name != "seed"} for row in rows]
    print(report.markdown_table(report.summarise(scored), MEASURES))
    for measure in ("opening_r", "skill"):
        print("\n" + gains(rows, measure))


if __name__ == "__main__":
    main()
