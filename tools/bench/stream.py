"""Measure a stream: its delay by stage, what a push costs, and what deciding early costs.

    OMP_NUM_THREADS=1 python tools/bench/stream.py --clips data/librispeech/test_clean [--count 24] [--seconds 60]

Prints the tables of docs/streaming.md. Times are CPU time of this process, with one thread; `count` clips are taken
evenly from all that lie under the folder, and `seconds` of them one after the other for the times.
"""

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from phonolips.export.blendshapes import arkit_weights
from phonolips.lips.liveliness import exaggerate
from phonolips.lips.shapes import neutral_mouth
from phonolips.media.audio import read
from phonolips.model.anticipation import AnticipateStage
from phonolips.model.motion import ClosureStage
from phonolips.model.network import Network, load_network
from phonolips.model.stream import EncodeStage, MelStage
from phonolips.phones.compare import labels_to_phones, phone_errors
from phonolips.phones.decode import best_path
from phonolips.phones.live import LivePhones
from phonolips.synth.batch import SOUND_SUFFIXES
from phonolips.synth.result import Result
from phonolips.synth.stream import Stream
from phonolips.synth.verbs import from_audio
from phonolips.timebase import MODEL_FPS, SAMPLE_RATE, STEPS_PER_FRAME, samples_to_seconds

ROUNDS = 3  # of everything that is timed; the least counts
AHEAD_FRAMES = (0, 1, 2, 3, 4, 8)
LAG_STEPS = (0, 10, 25, 36, 48, 50, 75, 100)
PUSH_MS = (40, 100, 200, 1000)


def cpu_seconds(call: Callable[[], object]) -> float:
    """Return the least CPU seconds that a call takes in ROUNDS of them."""
    least = np.inf
    for _ in range(ROUNDS):
        before = time.process_time()
        call()
        least = min(least, time.process_time() - before)
    return float(least)


def print_delays(network: Network) -> None:
    """Print how far each stage looks ahead, and the delay of some streams."""
    encoder = EncodeStage(network).ahead_steps
    print("| stage | looks ahead, ms |\n|---|---|")
    for name, milliseconds in (
        ("log-mel", 1000 * samples_to_seconds(MelStage.ahead_samples)),
        ("encoder, its lip parameters and voice activity", 10 * encoder),
        ("anticipation, where the mouth rests shut", 40 * AnticipateStage.ahead_frames),
        ("decoder", 40 * network.decoder.ahead_frames),
        ("closures", 40 * ClosureStage(MODEL_FPS).ahead_frames),
    ):
        print(f"| {name} | {milliseconds:g} |")
    print("\n| stream | `delay_seconds` |\n|---|---|")
    for name, options in (
        ("as it is", {}),
        ('`rest="natural"`', {"rest": "natural"}),
        ("`liveliness=0.3`, as speakers of the model have it", {"liveliness": 0.3}),
        ("the same, `exaggeration_ahead_frames=8`", {"liveliness": 0.3, "exaggeration_ahead_frames": 8}),
        ("`phone_lag_seconds=1`", {"phone_lag_seconds": 1.0}),
        ("`fps=30`", {"fps": 30}),
        ("`fps=50`", {"fps": 50}),
        ("`sample_rate=48_000`", {"sample_rate": 48_000}),
        ("`phones_only=True`", {"phones_only": True}),
    ):
        print(f"| {name} | {Stream(network=network, **options).delay_seconds:.3f} |")  # type: ignore[arg-type]


def print_costs(sound: np.ndarray, network: Network) -> None:
    """Print the CPU time of pushes of several lengths, and that of the whole at once."""
    print("\n| a push of | CPU ms, least | median | 95 % |\n|---|---|---|---|")
    for length in PUSH_MS:
        size, stream, taken = length * SAMPLE_RATE // 1000, Stream(network=network), []
        for first in range(0, len(sound), size):
            before = time.process_time()
            stream.push(sound[first : first + size])
            taken.append(1000 * (time.process_time() - before))
        warm = np.array(taken[len(taken) // 5 :])
        print(f"| {length} ms | {warm.min():.1f} | {np.median(warm):.1f} | {np.quantile(warm, 0.95):.1f} |")
    whole = cpu_seconds(lambda: from_audio(sound, network=network))
    print(f"| all {len(sound) / SAMPLE_RATE:.0f} s at once, `from_audio` | {1000 * whole:.0f} | | |")


def print_exaggeration(results: list[Result], amount: float) -> None:
    """Print how far lips are from those that are exaggerated with all of the window."""
    spread = np.concatenate([result.lips - result.lips.mean(0) for result in results]).std()
    print("\n| frames ahead | rms of the difference, of the lips' spread |\n|---|---|")
    for ahead in AHEAD_FRAMES:
        apart = [exaggerate(result.lips, amount, ahead) - exaggerate(result.lips, amount) for result in results]
        print(f"| {ahead} | {np.sqrt(np.square(np.concatenate(apart)).mean()) / spread:.1%} |")


def live_path(posteriors: np.ndarray, network: Network, lag: int) -> np.ndarray:
    """Decide the phones of steps that come frame by frame."""
    live = LivePhones(network.phone_ngram(), lag)
    pieces = np.split(posteriors, np.arange(STEPS_PER_FRAME, len(posteriors), STEPS_PER_FRAME))
    return np.concatenate([*(live.push(piece) for piece in pieces), live.push(posteriors[:0], last=True)])


def print_lags(results: list[Result], network: Network) -> None:
    """Print how many steps and phones differ from the best path of the whole, by the lag of their decision."""
    posteriors = [result.need_posteriors() for result in results]
    whole = [best_path(rows, ngram=network.phone_ngram()) for rows in posteriors]
    steps, phones = sum(map(len, whole)), sum(len(labels_to_phones(path)) for path in whole)
    print(f"\n{len(results)} clips, {steps} steps, {phones} phones\n")
    print("| lag, s | steps that differ | phones that differ |\n|---|---|---|")
    for lag in LAG_STEPS:
        paths = [live_path(rows, network, lag) for rows in posteriors]
        wrong = sum(int((path != best).sum()) for path, best in zip(paths, whole, strict=True))
        said = [(labels_to_phones(best), labels_to_phones(path)) for path, best in zip(paths, whole, strict=True)]
        edits = sum(phone_errors(best, path) for best, path in said)
        print(f"| {lag / 100:.2f} | {wrong / steps:.2%} | {edits / phones:.2%} |")


def print_rest(results: list[Result], network: Network) -> None:
    """Print how far ARKit weights that start from the mean lip are from those that look for the closed mouth."""
    rest = neutral_mouth(network.lip_speaker(None).mean_lip[None])
    apart = []
    for result in results:
        found, given = (
            np.stack(list(arkit_weights(result.lips, 25, posteriors=result.posteriors, rest=mouth).values()))
            for mouth in (None, rest)
        )
        apart.append(np.abs(found - given))
    joined = np.concatenate(apart, axis=1)
    print(f"\nARKit weights from the mean lip: {joined.mean():.4f} from those of the whole in the mean")


def take(folder: Path, count: int) -> Iterator[Path]:
    """Yield `count` clips, evenly from all that lie under a folder."""
    clips = sorted(path for path in folder.rglob("*") if path.suffix in SOUND_SUFFIXES)
    if not clips:
        raise SystemExit(f"{folder}: no clips ({', '.join(SOUND_SUFFIXES)})")
    yield from clips[:: max(1, len(clips) // count)][:count]


def main() -> None:
    """Measure and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True, help="folder of clips")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=60.0, help="of sound that is timed")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    network = load_network()
    sounds = [read(clip) for clip in take(arguments.clips, arguments.count)]
    joined = np.concatenate(sounds)
    print_delays(network)
    print_costs(np.resize(joined, round(arguments.seconds * SAMPLE_RATE)), network)
    results = [from_audio(sound, network=network, liveliness=0.0) for sound in sounds]
    print_exaggeration(results, network.description.settings.lips.liveliness)
    print_lags(results, network)
    print_rest(results, network)


if __name__ == "__main__":
    main()
