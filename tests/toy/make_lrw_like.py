"""Build a stand-in for LRW out of GRID: its folders, its .txt, 29 frames of 256x256 around one word in the middle.

LRW may not be passed on, so its recipe is shown on this. It is *not* LRW: a few speakers, from the front, in studio
light, who say 22 words in sentences of six. What it shares is the shape of everything: clips of 1.16 s cut from running
speech, a word in the middle, other words around it, nobody's name. Some clips are broken on purpose, and OUT/broken.tsv
says which: no face, two faces, a cut, a small face, a truncated file, silence, no sound track, too few frames.

    python tests/toy/make_lrw_like.py --grid GRID --alignments GRID_TEXTGRIDS --out DATA/lrw_like --per-word 100 --jobs 2

GRID's held-out clips (recipes/grid/splits) are `test` here too, its validation clips `val`; so a model may learn from
both corpora without training on a test clip.
"""

import argparse
import sys
import zlib
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from phonolips.corpus.grid import ADVERBS, COLOURS, COMMANDS, DIGITS, find_records
from phonolips.corpus.lrw import CLIP_SECONDS, FRAMES, ROOT
from phonolips.corpus.records import Record
from phonolips.errors import InputError, PhonolipsError
from phonolips.storage import write_text
from phonolips.timebase import MODEL_FPS, SAMPLE_RATE
from phonolips.workers.clips import map_clips

PROJECT = Path(__file__).resolve().parents[2]
SIDE = 256  # pixels
EYES = 68  # pixels between the eye centres, about as in LRW
MOUTH_BELOW = 0.45  # of the eye distance, from the eyes' middle to the crop's centre
SPLITS = {"train": "train", "valid": "val", "test_seen": "test", "test_unseen": "test"}
WORDS = [*COMMANDS.values(), *COLOURS.values(), *DIGITS.values(), *ADVERBS.values()]
SMALL_FACE = 40  # pixels, the whole crop of a face that is too small
SHORT_FRAMES = 20
KINDS = ("no face", "two faces", "cut", "small face", "truncated", "silent", "no sound", "short")
EIGHT_BIT = 255


class Window(NamedTuple):
    """One clip to be made: a word in a video, and what is to be broken about it ("" = nothing).

    Args:
        out: the mp4.
        word: in capitals.
        start, end: of the word in the video, seconds.
        first: the first frame of the window.
        broken: one of KINDS, or "".
    """

    out: Path
    word: str
    start: float
    end: float
    first: int
    broken: str = ""


class Source(NamedTuple):
    """A video, the windows to be cut from it, and another speaker's video for what needs two."""

    record: Record
    other: str
    windows: list[Window]


def words_of(record: Record, alignments: Path | None) -> list[tuple[str, float, float]]:
    """List (word, start, end): from the TextGrid where there is one, else the corpus' own times."""
    from phonolips.phones.textgrid import read_textgrid

    path = alignments / f"{record.id}.TextGrid" if alignments else None
    if path is not None and path.is_file():
        return [(word.label.lower(), word.start, word.end) for word in read_textgrid(path).speech_words()]
    return list(record.words)


def find_windows(
    records: Sequence[Record], alignments: Path | None, words: Sequence[str]
) -> tuple[dict[tuple[str, str], list[tuple[Record, Window]]], int]:
    """Find the windows around the words, by (word, split), and count those that would begin before their video."""
    early = 0
    found: dict[tuple[str, str], list[tuple[Record, Window]]] = defaultdict(list)
    for record in records:
        for word, start, end in words_of(record, alignments):
            first = round((start + end - CLIP_SECONDS) / 2 * MODEL_FPS)
            if word not in words or end - start >= CLIP_SECONDS:
                continue
            if first < 0:
                early += 1
            else:
                split = SPLITS[record.split]
                found[word.upper(), split].append((record, Window(Path(), word.upper(), start, end, first)))
    return found, early


def plan(
    records: Sequence[Record],
    out: Path,
    *,
    alignments: Path | None,
    words: Sequence[str],
    per_word: int,
    broken: int,
    seed: int = 0,
) -> tuple[list[Source], int]:
    """Choose which word of which video becomes which clip; the same arguments choose the same.

    Returns the sources, and how many words lie so early that their window would begin before the video.

    Args:
        records: of GRID.
        out: the folder that gets `lipread_mp4`.
        alignments: ready TextGrids.
        words: which words.
        per_word: at most so many training clips of each; test and val get all there are.
        broken: how many clips of each of KINDS are broken, besides.
        seed: another one chooses other clips.
    """
    found, early = find_windows(records, alignments, words)
    chosen: dict[str, list[Window]] = defaultdict(list)
    by_id = {record.id: record for record in records}
    spare: dict[str, list[tuple[Record, Window]]] = {}
    numbers: dict[str, int] = {}
    for (word, split), windows in sorted(found.items()):
        windows.sort(key=lambda item: zlib.crc32(f"{item[0].id}/{word}".encode(), seed))
        kept = windows[:per_word] if split == "train" else windows
        for number, (record, window) in enumerate(kept, start=1):
            path = out / ROOT / word / split / f"{word}_{number:05d}.mp4"
            chosen[record.id].append(window._replace(out=path))
        if split == "train":
            spare[word] = windows[len(kept) :] or kept
            numbers[word] = len(kept)
    there = sorted(spare)
    for index in range(broken * len(KINDS) if there else 0):
        word = there[index % len(there)]
        record, window = spare[word][index % len(spare[word])]
        numbers[word] += 1
        path = out / ROOT / word / "train" / f"{word}_{numbers[word]:05d}.mp4"
        chosen[record.id].append(window._replace(out=path, broken=KINDS[index % len(KINDS)]))
    speakers = sorted({record.speaker for record in records})
    first_of = {speaker: next(r for r in records if r.speaker == speaker) for speaker in speakers}

    def other(speaker: str) -> str:
        return first_of[speakers[(speakers.index(speaker) + 1) % len(speakers)]].video

    sources = [Source(by_id[name], other(by_id[name].speaker), windows) for name, windows in sorted(chosen.items())]
    return sources, early


class Pictures:
    """The frames of a video, and where the face is in each."""

    def __init__(self, video: Path) -> None:
        from phonolips.face.mesh import find_points
        from phonolips.lips.points import MEDIAPIPE_LIPS
        from phonolips.lips.space import fill_missing
        from phonolips.media.video import read_frames

        self.frames = list(read_frames(video))
        points, detected = find_points(self.frames, MODEL_FPS)
        anchors = fill_missing(points, detected)[:, len(MEDIAPIPE_LIPS) :]
        left, right = anchors[:, :2].mean(1), anchors[:, 2:4].mean(1)
        self.eyes, self.apart = (left + right) / 2, np.linalg.norm(right - left, axis=1)

    def crops(self, first: int, frames: int = FRAMES) -> list[np.ndarray]:
        """Cut the face out of some frames, with one crop for all, to SIDE x SIDE; beyond the picture its edge."""
        from PIL import Image

        apart, eyes = float(np.median(self.apart[first:][:frames])), np.median(self.eyes[first:][:frames], axis=0)
        side = round(apart * SIDE / EYES)
        left, top = np.round(eyes + np.array([0, MOUTH_BELOW * apart]) - side / 2).astype(int)
        pictures = []
        for frame in self.frames[first : first + frames]:
            padded = np.pad(frame, ((side, side), (side, side), (0, 0)), mode="edge")
            part = padded[top + side : top + 2 * side, left + side : left + 2 * side]
            pictures.append(np.asarray(Image.fromarray(part).resize((SIDE, SIDE), Image.Resampling.LANCZOS)))
        return pictures


def break_pictures(kind: str, pictures: list[np.ndarray], other: Pictures) -> list[np.ndarray]:
    """Spoil the pictures of a clip as its kind says; kinds that concern the sound or the file leave them."""
    from PIL import Image
    from scipy.ndimage import gaussian_filter

    def small(picture: np.ndarray, side: int) -> np.ndarray:
        return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.LANCZOS))

    if kind == "no face":
        return [gaussian_filter(picture, (SIDE / 8, SIDE / 8, 0)) for picture in pictures]
    if kind == "two faces":
        spoilt = []
        for picture, second in zip(pictures, other.crops(0, len(pictures)), strict=False):
            both = np.zeros_like(picture)
            both[SIDE // 4 : SIDE * 3 // 4, : SIDE // 2] = small(picture, SIDE // 2)
            both[SIDE // 4 : SIDE * 3 // 4, SIDE // 2 :] = small(second, SIDE // 2)
            spoilt.append(both)
        return spoilt
    if kind == "cut":
        return [*pictures[: FRAMES // 2], *other.crops(FRAMES // 2, len(pictures) - FRAMES // 2)]
    if kind == "small face":
        place = slice((SIDE - SMALL_FACE) // 2, (SIDE - SMALL_FACE) // 2 + SMALL_FACE)
        spoilt = [np.full_like(picture, EIGHT_BIT // 2) for picture in pictures]
        for canvas, picture in zip(spoilt, pictures, strict=True):
            canvas[place, place] = small(picture, SMALL_FACE)
        return spoilt
    return pictures[:SHORT_FRAMES] if kind == "short" else pictures


def describe_clip(window: Window, record: Record) -> str:
    """Write the text that lies beside a clip, in LRW's words."""
    return (
        f"Disk reference: {zlib.crc32(window.out.name.encode())}\n"
        f"Channel: stand-in made of GRID, {record.id}\n"
        "Program start: 2006-01-01 00:00:00 +0000\n"
        f"Clip start: {window.first / MODEL_FPS:.2f} seconds\n"
        f"Duration: {window.end - window.start:.2f} seconds\n"
    )


def make_clips(source: Source) -> int:
    """Make the clips of one video that are not there yet; return how many windows lay beyond the video's end."""
    from phonolips.media.audio import read
    from phonolips.media.video import write_video

    todo = [window for window in source.windows if not window.out.with_suffix(".txt").is_file()]
    if not todo:
        return 0
    pictures, waveform = Pictures(Path(source.record.video)), read(Path(source.record.video))
    other = Pictures(Path(source.other)) if any(window.broken for window in todo) else None
    beyond = 0
    for window in todo:
        frames = pictures.crops(window.first)
        if len(frames) < FRAMES:
            beyond += 1
            continue
        if other is not None:
            frames = break_pictures(window.broken, frames, other)
        start = round(window.first * SAMPLE_RATE / MODEL_FPS)
        sound = waveform[start : start + round(CLIP_SECONDS * SAMPLE_RATE)]
        sound = np.pad(sound, (0, round(CLIP_SECONDS * SAMPLE_RATE) - len(sound)))
        if window.broken == "silent":
            sound = np.zeros_like(sound)
        window.out.parent.mkdir(parents=True, exist_ok=True)
        write_video(window.out, frames, Fraction(MODEL_FPS), waveform=None if window.broken == "no sound" else sound)
        if window.broken == "truncated":
            whole = window.out.read_bytes()
            window.out.write_bytes(whole[: len(whole) // 2])
        write_text(window.out.with_suffix(".txt"), describe_clip(window, source.record))
    return beyond


# Nine parameters: they are the options of the command.
def make_lrw_like(
    grid: Path,
    out: Path,
    *,
    alignments: Path | None = None,
    splits: Path | None = None,
    words: Sequence[str] = tuple(WORDS),
    per_word: int = 100,
    broken: int = 10,
    seed: int = 0,
    jobs: int = 1,
) -> int:
    """Build the stand-in in OUT; return how many clips there are. What is there already is kept.

    Words whose window does not lie within the video are left out, and counted on stderr.

    Raises:
        CorpusError: GRID is not there. InputError: a word that GRID does not have.
    """
    unknown = sorted(set(words) - {*WORDS})
    if unknown:
        raise InputError(f"{unknown[0]!r} is none of the words; expected some of {' '.join(WORDS)}")
    records, _ = find_records(grid, splits=splits)
    sources, early = plan(records, out, alignments=alignments, words=words, per_word=per_word, broken=broken, seed=seed)
    late = 0
    for source, beyond, reason, _ in map_clips(make_clips, sources, jobs=jobs, description="stand-in", unit="video"):
        if reason:
            print(f"{source.record.id}: {reason}", file=sys.stderr)
        late += beyond or 0
    if early or late:
        print(f"left out: {early} words too near their video's start, {late} too near its end", file=sys.stderr)
    made = [window for source in sources for window in source.windows if window.out.is_file()]
    spoilt = sorted(
        (window.out.relative_to(out / ROOT).with_suffix("").as_posix(), window.broken)
        for window in made
        if window.broken
    )
    write_text(out / "broken.tsv", "".join(f"{name}\t{kind}\n" for name, kind in spoilt))
    return len(made)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grid", type=Path, required=True, help="GRID, or what tests/toy/make_toy_corpus.py made")
    parser.add_argument("--out", type=Path, required=True, help=f"gets {ROOT}/ and broken.tsv")
    parser.add_argument("--alignments", type=Path, help="TextGrids with word times; default: GRID's .align")
    parser.add_argument("--splits", type=Path, default=PROJECT / "recipes/grid/splits", help="GRID's split lists")
    parser.add_argument("--words", nargs="+", default=WORDS, help="default: GRID's commands, colours, digits, adverbs")
    parser.add_argument("--per-word", type=int, default=100, help="training clips of each word, at most")
    parser.add_argument("--broken", type=int, default=10, help="clips of each broken kind")
    parser.add_argument("--seed", type=int, default=0, help="another one chooses other clips")
    parser.add_argument("--jobs", type=int, default=1)
    options = vars(parser.parse_args(arguments))
    try:
        made = make_lrw_like(options.pop("grid"), options.pop("out"), **options)
    except (PhonolipsError, OSError) as error:
        print(f"make_lrw_like.py: {error}", file=sys.stderr)
        return 1
    print(f"{made} clips")
    return 0


if __name__ == "__main__":
    sys.exit(main())
