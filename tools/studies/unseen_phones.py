"""Compare models on phones that the lips' training lacked: talking people whom they do not know, and contexts.

    python tools/studies/unseen_phones.py --videos ADDRESSES --tracks FOLDER --models BEFORE phonolips/weights/default

ADDRESSES holds videos of one face each, some with their words in transcripts.tsv (file, text). Their lips are tracked
once and kept in FOLDER. Words are aligned by the encoder, and where they are not known its own reading is the truth.
Every model gets the mean of the tracked lips as the speaker's shape. The lips of a clip are shifted, in halves of a
frame and for all models alike, to where their opening correlates best with what the first model makes of the sound.
The models must have the same encoder; BEFORE is the folder phonolips/weights/default as it was in an earlier commit.
"""

import argparse
import csv
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from phonolips.errors import PhonolipsWarning
from phonolips.face.track import save_track, track_video
from phonolips.lips.curve import resample_frames
from phonolips.lips.measures import opening, width
from phonolips.lips.rest import NATURAL
from phonolips.media import audio
from phonolips.model.network import Network, read_network
from phonolips.model.stream import encode
from phonolips.phones.intervals import Alignment
from phonolips.phones.inventory import NUM_PHONES, PHONE_IDS, SILENCE, VOWELS
from phonolips.speech.align.ctc import align_posteriors
from phonolips.speech.text.g2p import text_to_phones
from phonolips.synth import verbs
from phonolips.timebase import MODEL_FPS, samples_to_seconds

PHONES = ("UH", "SH", "ZH", "ER", "NG", "OY", "HH", "DH")
BESIDE = ("UW", "IY", "S", "Z", "CH")  # known phones to compare with, in contexts
WAYS = ("sound", "its phones alone", "aligned phones")
LAGS = np.arange(-8, 8.5, 0.5)  # frames; some of the videos are out of sync
CONTEXTS = {True: ("T", "S", "K", "L", "F", "P"), False: ("AA", "IY", "AH", "EH", "UW")}  # of a vowel, of a consonant
REST, BEFORE, INSIDE = 30, 8, 10  # steps of silence, of the neighbour, of the phone


@dataclass
class Clip:
    """One clip: its true lips at 25 fps and their mean, what the encoder makes of the sound, and the aligned phones."""

    lips: np.ndarray
    mean: np.ndarray
    sound: np.ndarray
    posteriors: np.ndarray
    lip_parameters: np.ndarray
    alignment: Alignment

    def said(self, phone: str) -> tuple[np.ndarray, int]:
        """Return bool (frames,), True where a phone is said (a short one: in one frame), and how often it is."""
        frames, count = np.zeros(len(self.lips), bool), 0
        centres = (np.arange(len(self.lips)) + 0.5) / MODEL_FPS
        for label, start, end in self.alignment.phones:
            if label == phone:
                count += 1
                inside = (centres >= start) & (centres < end)
                frames |= inside
                if not inside.any():
                    frames[min(len(frames) - 1, int(start * MODEL_FPS))] = True
        return frames, count


def read_clip(path: Path, tracks: Path, text: str | None, network: Network) -> Clip:
    """Track a video, encode its sound, align its phones, and shift its lips to the sound."""
    kept = tracks / f"{path.stem}.npz"
    if not kept.exists():
        save_track(track_video(path), kept, path)
    with np.load(kept) as track:
        lips = resample_frames(track["lips"], float(track["fps"]), float(MODEL_FPS))
    sound = audio.read(path)
    parts = list(encode(network, iter([sound]), voice_activity=True))
    posteriors = np.concatenate([part.posteriors for part in parts])
    moves = np.concatenate([part.lip_parameters for part in parts])
    mean = lips.mean(0)
    made = verbs.from_posteriors(
        posteriors, lip_parameters=moves, network=network, mean_lip=mean, waveform=sound, rest=NATURAL
    )
    frames = min(len(lips), len(made.lips))
    fits = [
        float(np.corrcoef(opening(shifted(lips, lag))[8 : frames - 8], opening(made.lips)[8 : frames - 8])[0, 1])
        for lag in LAGS
    ]
    alignment = made.alignment
    if text is not None:
        duration = samples_to_seconds(len(sound))
        alignment = align_posteriors(network.posteriors(sound), text_to_phones(text), duration=duration)
    late = float(LAGS[int(np.argmax(fits))])
    print(f"{path.stem}: {frames} frames, lips {1000 / MODEL_FPS * late:+.0f} ms late, {'' if text else 'no '}words")
    return Clip(shifted(lips, late)[:frames], mean, sound, posteriors, moves, alignment)


def shifted(lips: np.ndarray, late: float) -> np.ndarray:
    """Return lips `late` frames earlier, linearly between frames; the ends stand still."""
    frames = np.arange(len(lips))
    columns = [np.interp(frames + late, frames, column) for column in lips.reshape(len(lips), -1).T]
    return np.stack(columns, 1).reshape(lips.shape).astype(np.float32)


def make_lips(clip: Clip, network: Network, way: str) -> np.ndarray:
    """Return what a model makes of a clip."""
    if way == "aligned phones":
        made = verbs.from_alignment(
            clip.alignment, network=network, mean_lip=clip.mean, waveform=clip.sound, rest=NATURAL
        )
    else:
        moves = clip.lip_parameters if way == "sound" else None
        made = verbs.from_posteriors(
            clip.posteriors,
            lip_parameters=moves,
            network=network,
            mean_lip=clip.mean,
            waveform=clip.sound,
            rest=NATURAL,
        )
    return made.lips[: len(clip.lips)]


def people_tables(clips: list[Clip], models: dict[str, Network]) -> str:
    """Tabulate correlations over all frames, and errors on the frames of single phones, thousandths of a unit."""
    overall = ["| from | model | opening r | width r | skill |", "|---" * 5 + "|"]
    single = [
        "| phone | said | from | model | opening: truth | bias | error | width: truth | bias | error | squared error |",
        "|---" * 11 + "|",
    ]
    frames = np.array([len(clip.lips) for clip in clips])
    truth = np.concatenate([clip.lips for clip in clips])
    mean = np.concatenate([np.broadcast_to(clip.mean, clip.lips.shape) for clip in clips])
    for way in WAYS:
        for name, network in models.items():
            made = [make_lips(clip, network, way) for clip in clips]
            rs = [
                np.average(
                    [
                        np.corrcoef(measure(one), measure(clip.lips))[0, 1]
                        for one, clip in zip(made, clips, strict=True)
                    ],
                    weights=frames,
                )
                for measure in (opening, width)
            ]
            error = ((np.concatenate(made) - truth) ** 2).mean((1, 2))
            skill = 1 - error.sum() / ((truth - mean) ** 2).mean((1, 2)).sum()
            overall.append(f"| {way} | {name} | {rs[0]:.3f} | {rs[1]:.3f} | {skill:.3f} |")
            for phone in PHONES:
                found = [clip.said(phone) for clip in clips]
                where, count = np.concatenate([one for one, _ in found]), sum(number for _, number in found)
                if not count:
                    continue
                cells = []
                for measure in (opening, width):
                    true, apart = measure(truth[where]), measure(np.concatenate(made)[where]) - measure(truth[where])
                    values = (true.mean(), apart.mean(), np.sqrt((apart**2).mean()))
                    cells += [f"{1000 * value:.0f}" for value in values]
                cells.append(f"{1e4 * error[where].mean():.1f}")
                single.append(f"| {phone} | {count} | {way} | {name} | " + " | ".join(cells) + " |")
    return "\n".join([*overall, "", *single])


def contexts_table(models: dict[str, Network]) -> str:
    """Tabulate opening (least) and width in the middle of phones of 0.1 s between others."""
    lines = ["| phone | model | opening | least | width |", "|---" * 5 + "|"]
    rows = np.eye(NUM_PHONES, dtype=np.float32)
    for phone in (*PHONES, *BESIDE):
        for name, network in models.items():
            middles = []
            for context in CONTEXTS[phone in VOWELS]:
                around = [rows[PHONE_IDS[SILENCE]]] * REST + [rows[PHONE_IDS[context]]] * BEFORE
                posteriors = np.array([*around, *[rows[PHONE_IDS[phone]]] * INSIDE, *around[::-1]])
                lips = verbs.from_posteriors(posteriors, network=network, fps=100, rest=NATURAL).lips
                middles.append(lips[REST + BEFORE + INSIDE // 2 - 2 : REST + BEFORE + INSIDE // 2 + 3])
            open_, wide = opening(np.array(middles)), width(np.array(middles))
            lines.append(f"| {phone} | {name} | {open_.mean():.3f} | {open_.min():.3f} | {wide.mean():.3f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=Path, required=True)
    parser.add_argument("--tracks", type=Path, required=True)
    parser.add_argument("--models", type=Path, nargs="+", required=True)
    given = parser.parse_args()
    warnings.simplefilter("ignore", PhonolipsWarning)
    models = {folder.name: read_network(folder) for folder in given.models}
    given.tracks.mkdir(parents=True, exist_ok=True)
    words: dict[str, str] = {}
    if (given.videos / "transcripts.tsv").exists():
        with (given.videos / "transcripts.tsv").open(encoding="utf-8", newline="") as file:
            words = {row["file"]: row["text"] for row in csv.DictReader(file, delimiter="\t")}
    first = next(iter(models.values()))
    clips = [read_clip(path, given.tracks, words.get(path.name), first) for path in sorted(given.videos.glob("*.mp4"))]
    print(f"\n{people_tables(clips, models)}\n\n{contexts_table(models)}")


if __name__ == "__main__":
    main()
