"""How well the encoder recognises phones through noise, rooms and telephones: the test clips under each condition.

    python tools/bench/encoder.py --data PREPARED --model FOLDER --out FILE [--utterances 60] [--clips 60]

Noise is mixed onto the waveform at the stated ratio of the powers where somebody speaks; babble is the sum of
8 utterances of LibriSpeech training speakers. Scored are unseen LibriSpeech speakers, GRID's s1 (test clips), and
how well the opening of s1's lips follows (Pearson r over a clip) when they are made from that sound.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from math import gcd
from pathlib import Path

import numpy as np

from phonolips.corpus.records import Record, read_records
from phonolips.corpus.store.store import Store
from phonolips.errors import CorpusError
from phonolips.evaluation import metrics
from phonolips.lips.measures import opening
from phonolips.media.audio import read
from phonolips.model.network import load_network
from phonolips.phones.inventory import SILENCE_ID
from phonolips.storage import write_text
from phonolips.synth import verbs
from phonolips.timebase import SAMPLE_RATE, STEP_SAMPLES

VOICES = 8  # in the babble
TELEPHONE_HZ, TELEPHONE_RATE = (300.0, 3400.0), 8000
QUIET_DB = -40.0  # of full scale, mean power where somebody speaks
ROOM_SECONDS, ROOM_DB = 0.6, 0.0  # time to fall by 60 dB; sound of the room over direct sound
GRID_SPEAKER = "s1"


@dataclass
class Sound:
    """One test utterance: the clean waveform, whether somebody speaks at each sample, the labels."""

    record: Record
    waveform: np.ndarray
    speech: np.ndarray
    labels: np.ndarray


def power_of(waveform: np.ndarray, where: np.ndarray | None = None) -> float:
    """Compute the mean power, of the stated part where there is one."""
    part = waveform if where is None or not where.any() else waveform[where]
    return max(float(np.mean(part.astype(np.float64) ** 2)), 1e-12)


def add_noise(sound: Sound, noise: np.ndarray, ratio_db: float) -> np.ndarray:
    """Mix noise in at a ratio of the power of the speech over that of the noise; scale down where it would clip."""
    gain = np.sqrt(power_of(sound.waveform, sound.speech) / power_of(noise) / 10 ** (ratio_db / 10))
    mixed = sound.waveform + gain * noise
    return (mixed / max(1.0, float(np.abs(mixed).max()))).astype(np.float32)


def telephone(waveform: np.ndarray) -> np.ndarray:
    """Keep 300 to 3400 Hz, sampled 8000 times a second in between."""
    from scipy.signal import butter, resample_poly, sosfiltfilt

    shared = gcd(TELEPHONE_RATE, SAMPLE_RATE)
    narrow = resample_poly(waveform.astype(np.float64), TELEPHONE_RATE // shared, SAMPLE_RATE // shared)
    band = butter(4, TELEPHONE_HZ, "bandpass", fs=TELEPHONE_RATE, output="sos")
    wide = resample_poly(sosfiltfilt(band, narrow), SAMPLE_RATE // shared, TELEPHONE_RATE // shared)
    return np.clip(wide[: len(waveform)], -1, 1).astype(np.float32)


def reverberate(waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add a room: white noise that decays exponentially (Lebart et al. 2001), from 2 ms after the direct sound on."""
    from scipy.signal import fftconvolve

    times = np.arange(int(1.2 * ROOM_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.normal(size=len(times)) * 10 ** (-3 * times / ROOM_SECONDS)
    tail[: SAMPLE_RATE // 500] = 0.0
    tail *= np.sqrt(10 ** (ROOM_DB / 10) / np.sum(tail**2))
    tail[0] = 1.0
    wet = fftconvolve(waveform.astype(np.float64), tail)[: len(waveform)]
    return (wet / max(1.0, float(np.abs(wet).max()))).astype(np.float32)


def quiet(sound: Sound) -> np.ndarray:
    """Turn the level of the speech down to QUIET_DB."""
    return (sound.waveform * np.sqrt(10 ** (QUIET_DB / 10) / power_of(sound.waveform, sound.speech))).astype(np.float32)


class Babble:
    """Other people's talk, from utterances of training speakers."""

    def __init__(self, records: list[Record], rng: np.random.Generator) -> None:
        if len(records) < VOICES:
            raise CorpusError(f"{len(records)} LibriSpeech training utterances for babble; expected {VOICES} or more")
        chosen = [records[i] for i in rng.permutation(len(records))[: 5 * VOICES]]
        self.voices = [sound / np.sqrt(power_of(sound)) for sound in (read(Path(r.audio)) for r in chosen)]

    def __call__(self, samples: int, rng: np.random.Generator) -> np.ndarray:
        """Sum VOICES utterances of equal power, each from a random place on and over again."""
        total = np.zeros(samples)
        for index in rng.permutation(len(self.voices))[:VOICES]:
            voice = self.voices[index]
            total += np.resize(np.roll(voice, -int(rng.integers(len(voice)))), samples)
        return total


def make_conditions(babble: Babble) -> dict[str, Callable[[Sound, np.random.Generator], np.ndarray]]:
    """Name the conditions; each turns a sound into what the encoder gets."""
    conditions: dict[str, Callable[[Sound, np.random.Generator], np.ndarray]] = {"clean": lambda s, rng: s.waveform}
    for ratio in (20, 10, 5):
        conditions[f"babble, {ratio} dB"] = lambda s, rng, ratio=ratio: add_noise(
            s, babble(len(s.waveform), rng), ratio
        )  # type: ignore[misc]
    for ratio in (20, 10, 5):
        conditions[f"white noise, {ratio} dB"] = lambda s, rng, ratio=ratio: add_noise(
            s, rng.normal(size=len(s.waveform)), ratio
        )  # type: ignore[misc]
    conditions["telephone, 300 to 3400 Hz"] = lambda s, rng: telephone(s.waveform)
    conditions[f"room, {ROOM_SECONDS} s, {ROOM_DB:.0f} dB"] = lambda s, rng: reverberate(s.waveform, rng)
    conditions[f"quiet, {QUIET_DB:.0f} dBFS"] = lambda s, rng: quiet(s)
    return conditions


def load(record: Record, features: Store) -> Sound:
    """Read a clip's sound, cut or filled up to its labels."""
    labels = features.get(record.id, "labels").astype(np.int64)
    samples = len(labels) * STEP_SAMPLES
    waveform = read(Path(record.audio))[:samples]
    waveform = np.pad(waveform, (0, samples - len(waveform)))
    return Sound(record, waveform, np.repeat(labels > SILENCE_ID, STEP_SAMPLES), labels)


def interval(value: float, values: list[float], weights: list[float] | None = None, digits: int = 3) -> str:
    """Write a figure with its 95 % bootstrap interval."""
    low, high = metrics.bootstrap_interval(values, weights=weights)
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def ears_cells(rows: list[dict[str, float]]) -> list[str]:
    """Write phone error rate and step accuracy, pooled over utterances."""
    cells = []
    for top, bottom in (("phone_errors", "phone_total"), ("right_steps", "known_steps")):
        tops, bottoms = [row[top] for row in rows], [row[bottom] for row in rows]
        cells.append(interval(sum(tops) / max(1.0, sum(bottoms)), tops, bottoms) if rows else "-")
    return cells


def bench(data: Path, model: Path | None, utterances: int, clips: int, seed: int) -> str:
    """Score every condition; return the table as Markdown."""
    from tqdm import tqdm

    network = load_network(model)
    features = Store(data / "features")
    records = [record for record in read_records(data / "records.jsonl") if record.id in features]
    rng = np.random.default_rng(seed)
    unseen = [r for r in records if r.split == "test_unseen" and not r.video]
    unseen = [unseen[i] for i in sorted(rng.permutation(len(unseen))[:utterances].tolist())]
    own = [r for r in records if r.split == "test_seen" and r.speaker == GRID_SPEAKER and r.video]
    own = [own[i] for i in sorted(rng.permutation(len(own))[:clips].tolist())]
    if not unseen and not own:
        raise CorpusError(f"{data}: no unseen LibriSpeech utterance and no test clip of {GRID_SPEAKER} is prepared")
    babble = Babble([r for r in records if r.split == "train" and not r.video], rng)
    sounds = {"LibriSpeech": [load(r, features) for r in unseen], GRID_SPEAKER: [load(r, features) for r in own]}
    ngram = network.phone_ngram()
    lines = [
        f"| condition | LibriSpeech, {len(unseen)} utterances of unseen speakers: phone error rate | step accuracy "
        f"| GRID {GRID_SPEAKER}, {len(own)} clips: phone error rate | step accuracy | opening r |",
        "|---|---|---|---|---|---|",
    ]
    conditions = make_conditions(babble)
    total = len(conditions) * (len(unseen) + len(own))
    with tqdm(total=total, unit="clip", dynamic_ncols=True, disable=None) as bar:
        for number, (name, change) in enumerate(conditions.items()):
            bar.set_description(name)
            rows: dict[str, list[dict[str, float]]] = {group: [] for group in sounds}
            followed: list[float] = []
            for group, members in sounds.items():
                for index, sound in enumerate(members):
                    waveform = change(sound, np.random.default_rng((seed, number, index)))
                    if group == GRID_SPEAKER:
                        speaker = GRID_SPEAKER if GRID_SPEAKER in network.description.speakers else None
                        made = verbs.from_audio(waveform, speaker=speaker, network=network, rest="natural")
                        posteriors = made.posteriors
                        followed.append(opening_r(made.lips, features, sound.record))
                    else:
                        posteriors = network.posteriors(waveform)
                    encoded = posteriors[: len(sound.labels)]
                    rows[group].append(metrics.encoder_scores(encoded, sound.labels, ngram=ngram))
                    bar.update()
            lips = interval(float(np.nanmean(followed)), followed) if followed else "-"
            lines.append("| " + " | ".join([name, *(c for r in rows.values() for c in ears_cells(r)), lips]) + " |")
    lines += ["", "In brackets: 95 % bootstrap intervals over utterances."]
    return "\n".join(lines) + "\n"


def opening_r(lips: np.ndarray, features: Store, record: Record) -> float:
    """Correlate the lips' opening with the true one, over the frames where the mouth was found."""
    truth, found = features.get(record.id, "lips"), features.get(record.id, "detected")
    made, true = (opening(np.asarray(points))[found] for points in (lips[: len(truth)], truth))
    return float(np.corrcoef(made, true)[0, 1]) if made.std() > 0 and true.std() > 0 else float("nan")


def main() -> None:
    """Read the options, score, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a prepared corpus of GRID and LibriSpeech")
    parser.add_argument("--model", type=Path, help="model folder; default: the one in the package")
    parser.add_argument("--out", type=Path, help="Markdown file; default: printed only")
    parser.add_argument("--utterances", type=int, default=60, help="of unseen LibriSpeech speakers")
    parser.add_argument("--clips", type=int, default=60, help=f"test clips of {GRID_SPEAKER}")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of utterances and of the noise")
    arguments = parser.parse_args()
    text = bench(arguments.data, arguments.model, arguments.utterances, arguments.clips, arguments.seed)
    if arguments.out:
        write_text(arguments.out, text)
    print(text, end="")


if __name__ == "__main__":
    main()
