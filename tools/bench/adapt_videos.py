"""What seconds of a person's own video gain: opening and width of lips from sound, before and after `phonolips adapt`.

    python tools/bench/adapt_videos.py --videos ../shared/data/addresses --tracks FOLDER [--model FOLDER] --out FILE.md

The videos hold one face each; their names begin with the person's, up to the first underscore. Lips are tracked once
and kept in --tracks. Videos are cut into pieces of about five seconds, and the material is drawn among a person's: some
that follow each other, from another one on in every draw. Scored are all others of the person, joined where they follow
each other. The material is what `adapt` makes of it: its lag is the one that the sync expert is sure of. Scored pieces
lie at the lag where the openings of the unadapted model fit best, in halves of a frame, which favours that one if any.
A person with too little video for a length has no row for it; of one with less than 20 s, every piece is scored, with
the others as material.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from phonolips.errors import InputError
from phonolips.lips.curve import resample_frames, shift_frames
from phonolips.lips.measures import opening, width
from phonolips.media import audio
from phonolips.model.adapt import EncodedClip, adapt, best_frame_speaker, encode_clip
from phonolips.model.network import Network, load_network
from phonolips.model.speakers import LipSpeaker
from phonolips.model.stream import decode_lips
from phonolips.storage import write_text
from phonolips.timebase import MODEL_FPS, frames_to_steps

SECONDS = (10, 30, 60)
PIECE_SECONDS = 5.0
LEAST_LEFT_SECONDS = 4.0  # beside the material, to be scored
SHORT_SECONDS = 20.0
LEAST_SCORED_FRAMES = 40  # of a stretch; a correlation over less says little
LAGS = np.arange(-8, 8.5, 0.5)  # frames
MEASURES = ("opening r", "width r", "opening size", "skill")
UNADAPTED, FRAME, ADAPTED = "unadapted", "one frame", "adapted"


@dataclass
class Video:
    """A video: what `adapt` reads of it, lips at the lag of the scoring, (frames, 40, 2), and both lags in frames."""

    name: str
    encoded: EncodedClip
    truth: np.ndarray
    late: float

    @property
    def person(self) -> str:
        """Return whose it is."""
        return self.name.split("_")[0]


@dataclass(frozen=True)
class Piece:
    """Frames of a video."""

    video: str
    first: int
    last: int


def read_video(path: Path, tracks: Path, network: Network) -> Video:
    """Track a video, encode its sound, and find its lag in both ways."""
    from phonolips.face.track import save_track, track_video

    kept = tracks / f"{path.stem}.npz"
    if not kept.exists():
        save_track(track_video(path), kept, path)
    with np.load(kept) as track:
        lips, detected = (
            resample_frames(track[name].astype(np.float32), float(track["fps"]), float(MODEL_FPS))
            for name in ("lips", "detected")
        )
    encoded = encode_clip(network, lips, detected > 0.5, audio.read(path))
    tracked = lips[: len(encoded.lips)]
    made = opening(speak(network, encoded, network.lip_speaker(None)))
    inside = slice(int(LAGS.max()), -int(LAGS.max()))
    fits = [np.corrcoef(opening(shift_frames(tracked, -lag))[inside], made[inside])[0, 1] for lag in LAGS]
    late = float(LAGS[int(np.argmax(fits))])
    return Video(path.stem, encoded, shift_frames(tracked, -late), late)


def speak(network: Network, clip: EncodedClip, speaker: LipSpeaker) -> np.ndarray:
    """Predict the lips of a clip from its sound, (frames, 40, 2), before `lips.motion.enliven`."""
    return np.concatenate(list(decode_lips(network, clip.posteriors, clip.lip_parameters, speaker)))


def cut(videos: list[Video]) -> list[Piece]:
    """Cut a person's videos into pieces of about one length."""
    pieces = []
    for video in videos:
        count = max(1, round(len(video.truth) / MODEL_FPS / PIECE_SECONDS))
        edges = np.linspace(0, len(video.truth), count + 1).round().astype(int).tolist()
        pieces += [Piece(video.name, first, last) for first, last in pairwise(edges)]
    return pieces


def joined(pieces: list[Piece]) -> list[Piece]:
    """Join pieces that follow each other."""
    found: list[Piece] = []
    for piece in pieces:
        if found and (found[-1].video, found[-1].last) == (piece.video, piece.first):
            found[-1] = Piece(piece.video, found[-1].first, piece.last)
        else:
            found.append(piece)
    return found


def draw(pieces: list[Piece], seconds: float, draws: int) -> Iterator[tuple[list[Piece], list[Piece]]]:
    """Yield material of about so many seconds, and the rest; none where too little is left."""
    frames = [piece.last - piece.first for piece in pieces]
    total = sum(frames) / MODEL_FPS
    if total < SHORT_SECONDS:
        if seconds == min(SECONDS) and len(pieces) > 1:
            yield from ((pieces[:one] + pieces[one + 1 :], [pieces[one]]) for one in range(len(pieces)))
        return
    if total < seconds + LEAST_LEFT_SECONDS:
        return
    draws = min(draws, len(pieces))
    for number in range(draws):
        first = number * len(pieces) // draws
        rolled = pieces[first:] + pieces[:first]
        lengths = np.cumsum([piece.last - piece.first for piece in rolled]) / MODEL_FPS
        count = 1 + int(np.abs(lengths - seconds).argmin())
        yield joined(rolled[:count]), joined(rolled[count:])


def material_of(piece: Piece, videos: dict[str, Video]) -> EncodedClip:
    """Return the frames of a piece as `adapt` reads them."""
    clip, own = videos[piece.video].encoded, slice(piece.first, piece.last)
    steps = slice(frames_to_steps(piece.first), frames_to_steps(piece.last))
    return clip._replace(
        lips=clip.lips[own],
        detected=clip.detected[own],
        posteriors=clip.posteriors[steps],
        lip_parameters=clip.lip_parameters[own],
    )


def score(network: Network, speaker: LipSpeaker, pieces: list[Piece], videos: dict[str, Video]) -> dict[str, float]:
    """Score stretches of videos, weighted by their frames; skill is around each stretch's own mean shape."""
    made = {name: speak(network, videos[name].encoded, speaker) for name in {piece.video for piece in pieces}}
    rows, frames, missed, moved = [], [], 0.0, 0.0
    for piece in pieces:
        if piece.last - piece.first < LEAST_SCORED_FRAMES:
            continue
        own = slice(piece.first, piece.last)
        lips, truth = made[piece.video][own], videos[piece.video].truth[own]
        there, here = opening(truth), opening(lips)
        rows.append(
            (
                np.corrcoef(here, there)[0, 1],
                np.corrcoef(width(lips), width(truth))[0, 1],
                here.std() / there.std(),
            )
        )
        frames.append(len(lips))
        apart = lips - truth
        missed += float(np.square(apart - apart.mean(0)).sum())
        moved += float(np.square(truth - truth.mean(0)).sum())
    return dict(zip(MEASURES, (*np.average(rows, axis=0, weights=frames), 1 - missed / moved), strict=True))


def summarise(rows: list[dict[str, float]], unadapted: list[dict[str, float]]) -> dict[str, float]:
    """Average the scores of the draws, and count those that open better than the unadapted model."""
    better = sum(row[MEASURES[0]] > base[MEASURES[0]] for row, base in zip(rows, unadapted, strict=True))
    means = {name: float(np.mean([row[name] for row in rows])) for name in MEASURES}
    return means | {"draws": len(rows), "better": better}


def bench(network: Network, videos: dict[str, Video], draws: int) -> dict[tuple[str, int], dict[str, dict]]:
    """Score every person with every length; (person, seconds) -> way -> means over the draws."""
    people = defaultdict(list)
    for video in videos.values():
        people[video.person].append(video)
    found: dict[tuple[str, int], dict[str, dict]] = {}
    for person, theirs in people.items():
        pieces = cut(theirs)
        for seconds in SECONDS:
            rows: dict[str, list[dict[str, float]]] = defaultdict(list)
            for material, rest in draw(pieces, seconds, draws):
                clips = [material_of(piece, videos) for piece in material]
                ways = {
                    UNADAPTED: network.lip_speaker(None),
                    FRAME: best_frame_speaker(network, clips[0]),
                    ADAPTED: adapt(network, clips).speaker,
                }
                for way, speaker in ways.items():
                    rows[way].append(score(network, speaker, rest, videos))
            if rows:
                found[person, seconds] = {way: summarise(each, rows[UNADAPTED]) for way, each in rows.items()}
    return found


def table(found: dict[tuple[str, int], dict[str, dict]]) -> str:
    """Write a row for each person, length and way."""
    lines = [
        "| person | seconds | way | " + " | ".join(MEASURES) + " | opening r gained | draws, of which gained |",
        "|---" * (len(MEASURES) + 5) + "|",
    ]
    for (person, seconds), ways in found.items():
        for way, row in ways.items():
            gained = row[MEASURES[0]] - ways[UNADAPTED][MEASURES[0]]
            values = " | ".join(f"{row[name]:.3f}" for name in MEASURES)
            drawn = f"{gained:+.3f} | {row['draws']}, {row['better']}" if way != UNADAPTED else " | "
            lines.append(f"| {person} | {seconds} | {way} | {values} | {drawn} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=Path, required=True, help="a folder of .mp4, PERSON_...mp4")
    parser.add_argument("--tracks", type=Path, required=True, help="where their tracked lips are kept")
    parser.add_argument("--model", type=Path, help="model folder; without it the one in the package")
    parser.add_argument("--draws", type=int, default=6, help="draws of material for each length")
    parser.add_argument("--out", type=Path, required=True, help="table to write (.md)")
    arguments = parser.parse_args()
    network = load_network(arguments.model)
    started = time.perf_counter()
    paths = sorted(arguments.videos.glob("*.mp4"))
    if not paths:
        raise InputError(f"{arguments.videos}: no .mp4 in it; expected videos of one face each, PERSON_...mp4")
    videos = {path.stem: read_video(path, arguments.tracks, network) for path in paths}
    lags = ", ".join(f"{v.name} {v.encoded.late_ms:+.0f} / {1000 / MODEL_FPS * v.late:+.0f}" for v in videos.values())
    text = (
        "# Adaptation to people in videos\n\nLips late by, in ms, as the sync expert is sure of / as the openings fit: "
        f"{lags}.\n\n{table(bench(network, videos, arguments.draws))}\n"
    )
    write_text(arguments.out, text)
    print(text, f"{arguments.out} ({time.perf_counter() - started:.0f} s)", sep="\n")


if __name__ == "__main__":
    main()
