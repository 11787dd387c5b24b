"""What looking less far ahead costs: models on held-out clips, pushed through a stream as they would be spoken.

    python tools/bench/low_delay.py --data PREPARED default low-delay low-delay-80

Lips are those of `phonolips.Stream` with rest="natural", 40 ms a push, of a speaker whom the model knows with that
name, else of the mean speaker in the speaker's own mean shape. Opening and width are compared with lips as registered
(moved to where the sync expert finds them, `prepare --sync`) and as tracked; skill and closures with the former.
Phone errors are those of the encoder on stored log-mel. r and skill are means over clips, with 95 % intervals.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from phonolips.corpus.records import Record, read_records
from phonolips.corpus.store.store import Store
from phonolips.errors import PhonolipsError
from phonolips.evaluation import metrics
from phonolips.evaluation.clips import TESTS, mean_shapes, padded_waveform
from phonolips.evaluation.metrics.statistics import bootstrap_interval
from phonolips.lips.measures import opening, width
from phonolips.model.bundle import PACKAGED
from phonolips.model.network import Network, read_network
from phonolips.model.stream import encode_mel, looks_ahead_seconds
from phonolips.synth.stream import Stream
from phonolips.timebase import FRAME_SAMPLES

SPEAKERS_ALONE = ("s1",)  # rows of their own; the others come up together
COLUMNS = ("model", "sees ahead, ms", "speaker", "clips", "opening r, registered", "width r", "opening r, tracked",
           "width r", "skill", "velocity ratio", "closures", "false closures", "PER")  # fmt: skip


def stream_lips(network: Network, speaker: str | None, mean_lip: np.ndarray | None, sound: np.ndarray) -> np.ndarray:
    """Return the lips of a sound float32 (samples,) that is pushed frame by frame: (frames, 40, 2)."""
    shape = {} if mean_lip is None else {"mean_lip": mean_lip}
    stream = Stream(network=network, speaker=speaker, rest="natural", **shape)  # type: ignore[arg-type]
    made = [stream.push(sound[first : first + FRAME_SAMPLES]).lips for first in range(0, len(sound), FRAME_SAMPLES)]
    return np.concatenate([*made, stream.close().lips])


def score_lips(network: Network, data: Path, records: Sequence[Record]) -> Iterator[dict[str, Any]]:
    """Score the lips of every clip that has some."""
    features, tracked = Store(data / "features"), Store(data / "lips")
    names = network.description.speakers
    everybody = [features.id_at(int(place)) for place in np.flatnonzero(features.lengths("lips"))]
    openings, seen = defaultdict(list), defaultdict(list)
    for clip in everybody:
        speaker, lips, found = (
            features.meta(clip)["speaker"],
            features.get(clip, "lips"),
            features.get(clip, "detected"),
        )
        openings[speaker].append(opening(lips[found]))
        seen[speaker].append((speaker, lips, found))
    for record in tqdm(records, desc="lips", unit="clip", disable=None):
        truth, found = features.get(record.id, "lips"), features.get(record.id, "detected")
        known = record.speaker in names
        shape = (
            network.lip_mean[names.index(record.speaker)]
            if known
            else mean_shapes(seen[record.speaker])[record.speaker]
        )
        sound = padded_waveform(record, len(truth))
        made = stream_lips(network, record.speaker if known else None, None if known else shape, sound)
        scores = metrics.lip_scores(
            made,
            truth,
            mean_lip=shape,
            labels=features.get(record.id, "labels").astype(np.int64),
            detected=found,
            thresholds=metrics.opening_thresholds(np.concatenate(openings[record.speaker])),
        )
        raw, kept = tracked.get(record.id, "lips"), tracked.get(record.id, "detected")
        for name, measure in (("opening", opening), ("width", width)):
            scores[f"tracked_{name}_r"] = metrics.correlation(measure(made)[kept], measure(raw)[kept])
        yield {"speaker": record.speaker, **scores}


def phone_error_rate(network: Network, data: Path, records: Sequence[Record]) -> float:
    """Return the phone errors in a hundred phones of all clips."""
    features, ngram = Store(data / "features"), network.phone_ngram()
    errors = phones = 0.0
    for record in tqdm(records, desc="phones", unit="clip", disable=None):
        posteriors = encode_mel(network, features.get(record.id, "mel")).posteriors
        labels = features.get(record.id, "labels").astype(np.int64)
        scores = metrics.encoder_scores(posteriors, labels, ngram=ngram, complete=record.complete)
        errors, phones = errors + scores["phone_errors"], phones + scores["phone_total"]
    return 100 * errors / phones


def describe(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the cells of the table that lips fill."""
    cells = []
    for key in ("opening_r", "width_r", "tracked_opening_r", "tracked_width_r"):
        values = np.array([row[key] for row in rows], float)
        low, high = bootstrap_interval(values)
        cells.append(f"{np.nanmean(values):.3f}" + (f" [{low:.3f}, {high:.3f}]" if "opening" in key else ""))
    cells += [f"{np.nanmean([row[key] for row in rows]):.2f}" for key in ("skill", "velocity_ratio")]
    for top, bottom in (("closure_hits", "closure_total"), ("false_closures", "false_closure_total")):
        hits, total = (sum(row[key] for row in rows) for key in (top, bottom))
        cells.append(f"{hits:.0f} of {total:.0f}")
    return cells


def main() -> None:
    """Print a table of models."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="model folders, or names of those in the package")
    parser.add_argument("--data", type=Path, required=True, help="the GRID recipe's prepared corpus")
    parser.add_argument("--most", type=int, default=10_000, help="clips of speech without lips, evenly drawn")
    arguments = parser.parse_args()
    data = arguments.data
    features = Store(data / "features")
    records = [one for one in read_records(data / "records.jsonl", TESTS) if one.id in features]
    filmed = [one for one in records if one.video]
    spoken = [one for one in records if not one.video and not one.is_read]
    spoken = spoken[:: max(1, len(spoken) // arguments.most)]
    print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    for name in arguments.models:
        network = read_network(PACKAGED / name if (PACKAGED / name).is_dir() else Path(name))
        head = f"| {name} | {1000 * looks_ahead_seconds(network):.1f} |"
        rows = list(score_lips(network, data, filmed))
        for who in (*SPEAKERS_ALONE, "others"):
            chosen = [
                (record, row) for record, row in zip(filmed, rows, strict=True) if who in ("others", record.speaker)
            ]
            if who == "others":
                chosen = [(record, row) for record, row in chosen if record.speaker not in SPEAKERS_ALONE]
            if chosen:
                error = phone_error_rate(network, data, [record for record, _ in chosen])
                cells = " | ".join(describe([row for _, row in chosen]))
                print(f"{head} {who} | {len(chosen)} | {cells} | {error:.1f} % |", flush=True)
        if spoken:
            error = phone_error_rate(network, data, spoken)
            print(f"{head} LibriSpeech | {len(spoken)} |{' |' * 8} {error:.1f} % |", flush=True)


if __name__ == "__main__":
    try:
        main()
    except PhonolipsError as error:
        sys.exit(f"{error}")
