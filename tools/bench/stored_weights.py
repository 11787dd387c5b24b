"""What storing weights otherwise changes: two folders of one model on the same recordings.

    python tools/release/ship_weights.py --store int8 phonolips/weights/default INT8
    python tools/bench/stored_weights.py INT8 RECORDING... [--against phonolips/weights/default] [--speaker s1]
                                         [--data PREPARED]

Posteriors and lips are those of `from_audio`; lips in eye distances. With a prepared corpus, the recordings are ids of
its clips, and opening and width are correlated with the tracked ones (Pearson's r over a clip, mean of the clips).
"""

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from phonolips.corpus.records import read_records
from phonolips.corpus.store.store import Store
from phonolips.errors import PhonolipsError
from phonolips.lips.measures import measure_lip_parameters
from phonolips.model.bundle import PACKAGED_MODEL
from phonolips.model.network import Network, read_network
from phonolips.synth import verbs

LARGE = 1e-3  # eye distances; frames that move by more are counted


class Difference(NamedTuple):
    """Differences of posteriors (steps, phones) and lips (frames, 40, 2); which steps have another phone."""

    posteriors: np.ndarray
    lips: np.ndarray
    phones: np.ndarray


def compare(first: Network, other: Network, sound: Path, speaker: str | None) -> tuple[Difference, list[np.ndarray]]:
    """Compare what two networks make of a recording; return the difference, and the lips of both."""
    one, two = (verbs.from_audio(sound, network=network, speaker=speaker) for network in (first, other))
    assert one.posteriors is not None
    assert two.posteriors is not None
    phones = one.posteriors.argmax(1) != two.posteriors.argmax(1)
    return Difference(two.posteriors - one.posteriors, two.lips - one.lips, phones), [one.lips, two.lips]


def follows(lips: np.ndarray, tracked: np.ndarray) -> list[float]:
    """Correlate opening and width of lips with those of tracked ones, both (frames, 40, 2)."""
    frames = min(len(lips), len(tracked))
    one, two = (measure_lip_parameters(values[:frames], ["opening", "width"]) for values in (lips, tracked))
    return [float(np.corrcoef(one[:, index], two[:, index])[0, 1]) for index in (0, 1)]


def report(differences: list[Difference]) -> str:
    """Return a line on all recordings."""
    posteriors, lips = (
        np.concatenate([part.ravel() for part in parts])
        for parts in zip(*((one.posteriors, one.lips) for one in differences), strict=True)
    )
    phones = np.concatenate([one.phones for one in differences])
    frames = np.concatenate([np.abs(one.lips).max((1, 2)) for one in differences])
    return (
        f"{len(differences)} recordings, {len(frames)} frames: posteriors differ by {np.abs(posteriors).max():.1e} at "
        f"most, {np.sqrt(np.mean(posteriors**2)):.1e} rms, the most probable phone in {phones.mean():.2%} of the "
        f"steps; lips by {np.abs(lips).max():.1e} at most, {np.sqrt(np.mean(lips**2)):.1e} rms, by more than "
        f"{LARGE:.0e} in {(frames > LARGE).sum()} frames"
    )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a model folder")
    parser.add_argument("recordings", nargs="+", help="sound files, or with --data ids of clips")
    parser.add_argument("--against", type=Path, default=PACKAGED_MODEL, help="the same model, stored otherwise")
    parser.add_argument("--speaker", help="whose lips, by name")
    parser.add_argument("--data", type=Path, help="a prepared corpus, with records.jsonl and lips/")
    options = parser.parse_args()
    try:
        first, other = read_network(options.against), read_network(options.model)
        sounds = {name: Path(name) for name in options.recordings}
        if options.data:
            records = {record.id: record for record in read_records(options.data / "records.jsonl")}
            unknown = [name for name in options.recordings if name not in records]
            if unknown:
                sys.exit(f"stored_weights: error: {options.data}: no clip {unknown[0]!r}")
            sounds = {name: Path(records[name].audio) for name in options.recordings}
        made = {name: compare(first, other, sound, options.speaker) for name, sound in sounds.items()}
        print(report([difference for difference, _ in made.values()]))
        if options.data:
            store = Store(options.data / "lips")
            rows = [[follows(lips, store.get(name, "lips")) for lips in both] for name, (_, both) in made.items()]
            for place, means in zip((options.against, options.model), np.mean(rows, 0), strict=True):
                print(f"{place}: opening r {means[0]:.4f}, width r {means[1]:.4f}")
    except PhonolipsError as error:
        sys.exit(f"stored_weights: error: {error}")


if __name__ == "__main__":
    main()
