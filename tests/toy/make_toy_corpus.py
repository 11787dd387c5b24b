"""Make a small GRID-like corpus out of nothing copied: a warped public-domain face that espeak-ng dubs.

The face is NASA's photograph of Eileen Collins, which scikit-image carries as `skimage.data.astronaut()`
(public domain). Its lower lip and jaw are moved after the phones that espeak-ng says it speaks, so the lips
carry what the sound says, and every word and phone time is known exactly.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from phonolips.corpus.grid import SLOTS, sentence_of
from phonolips.errors import InputError, PhonolipsError
from phonolips.media.video import write_video
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import PHONE_TO_VISEME, SILENCE, VISEME_NAMES
from phonolips.phones.textgrid import write_textgrid
from phonolips.speech.tts.espeak.events import SpokenPhone, split_phones
from phonolips.speech.tts.espeak.plain import speak_plain
from phonolips.storage import write_text
from phonolips.timebase import GRID_ALIGN_UNITS_PER_SECOND, MODEL_FPS, SAMPLE_RATE, frame_centres

FRAMES = 75
CLIP_SECONDS = FRAMES / MODEL_FPS
HEIGHT, WIDTH = 288, 360  # pixels, as GRID's
ALIGN_END = 74_500  # 1/25000 s; where GRID's own files end
MPEG_SAMPLE_RATE = 44_100  # samples per second in GRID's .mpg files
NOISE_AMPLITUDE = 3e-4
FIRST_WORD_SECONDS = (0.40, 0.60)
SMOOTHING_SECONDS = 0.03  # standard deviation of the lips' inertia
CURVE_RATE = 500  # points per second of the curves before they are sampled at the frames

# What the lips do for each viseme: opening as a share of the widest, and width against the neutral mouth.
MOUTH_SHAPES: dict[str, tuple[float, float]] = {
    "silence": (0.0, 1.0),
    "bilabial": (0.0, 0.97),
    "labiodental": (0.15, 1.0),
    "dental": (0.35, 1.0),
    "alveolar": (0.35, 1.03),
    "velar": (0.5, 1.0),
    "postalveolar": (0.35, 0.86),
    "rounded glide": (0.3, 0.84),
    "open": (1.0, 1.0),
    "mid": (0.75, 1.03),
    "spread": (0.5, 1.06),
    "rounded": (0.5, 0.82),
}

# Where the mouth is in the photograph (512 x 512 pixels): the lines between lips and teeth, left to right.
INNER_LIP_X = (203.3, 206.0, 209.0, 212.8, 217.4, 223.2, 229.0, 233.7, 237.4, 240.4, 243.4)
UPPER_LIP_Y = (139.9, 140.1, 140.7, 141.5, 142.4, 143.2, 142.9, 142.3, 141.8, 141.6, 141.5)
LOWER_LIP_Y = (139.9, 143.2, 145.5, 147.7, 149.3, 150.1, 149.7, 148.5, 146.6, 144.6, 141.5)
WIDEST_OPENING = 13.0  # pixels of the photograph, at the middle of the mouth
WARPED_BOX = (178.0, 110.0, 270.0, 200.0)  # left, top, right, bottom: all that moves lies in here
STIFF_JAW, SOFT_JAW = 14.0, 42.0  # pixels below the lower lip up to which all, and none, of the skin moves
MOUTH_COLOUR = (62.0, 22.0, 26.0)


class Actor(NamedTuple):
    """One speaker of the toy corpus: a voice and a view of the face.

    Args:
        name: such as s101.
        voice, rate, pitch: as espeak-ng has them; words per minute; 0 to 100.
        left, top: corner of the view in the photograph, pixels.
        width: width of the view, pixels of the photograph.
        mirrored: whether left and right are swapped.
        brightness: factor on the picture.
        suffix: kind of video file.
    """

    name: str
    voice: str
    rate: int
    pitch: int
    left: float
    top: float
    width: float
    mirrored: bool
    brightness: float
    suffix: str


ACTORS = (
    Actor("s101", "en-us", 150, 45, 98.0, 22.0, 250.0, False, 1.0, ".mp4"),
    Actor("s102", "en-us+f3", 140, 60, 110.0, 34.0, 225.0, True, 0.9, ".mpg"),
    Actor("s103", "en-us+m3", 160, 35, 86.0, 14.0, 275.0, True, 1.08, ".mp4"),
    Actor("s104", "en-us+f2", 155, 70, 104.0, 30.0, 240.0, False, 0.85, ".mp4"),
)


def intended_lips(phones: Sequence[tuple[str, float, float]], frames: int = FRAMES) -> np.ndarray:
    """Compute what the lips of the toy face are meant to do.

    Args:
        phones: (ARPAbet phone, start, end) in seconds; gaps are silence.
        frames: number of video frames at 25 fps.

    Returns:
        float64 (frames, 2): opening from 0 (shut) to 1, and width as a factor on the neutral width.
    """
    from scipy.ndimage import gaussian_filter1d

    times = (np.arange(round(frames / MODEL_FPS * CURVE_RATE)) + 0.5) / CURVE_RATE
    curves = np.tile(MOUTH_SHAPES["silence"], (len(times), 1))
    for phone, start, end in phones:
        shape = MOUTH_SHAPES[VISEME_NAMES[PHONE_TO_VISEME[phone]]]
        curves[(times >= start) & (times < end)] = shape
    curves = gaussian_filter1d(curves, SMOOTHING_SECONDS * CURVE_RATE, axis=0, mode="nearest")
    centres = frame_centres(frames)
    return np.stack([np.interp(centres, times, curves[:, column]) for column in range(2)], axis=1)


class Face:
    """The photograph as one actor shows it, with a mouth that can be set.

    Args:
        photograph: uint8 (512, 512, 3), RGB.
        actor: who it is.
    """

    def __init__(self, photograph: np.ndarray, actor: Actor) -> None:
        self._photograph = photograph.astype(np.float64)
        self._actor = actor
        scale = actor.width / WIDTH
        x = actor.left + (np.arange(WIDTH) + 0.5) * scale
        y = actor.top + (np.arange(HEIGHT) + 0.5) * scale
        self._neutral = self._sample(*np.meshgrid(x, y))
        left, top, right, bottom = WARPED_BOX
        self._columns = slice(*np.searchsorted(x, (left, right)))
        self._rows = slice(*np.searchsorted(y, (top, bottom)))
        self._x, self._y = np.meshgrid(x[self._columns], y[self._rows])
        self._pixel = scale

    def _sample(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        from scipy.ndimage import map_coordinates

        return np.stack(
            [map_coordinates(self._photograph[..., c], (y, x), order=1, mode="nearest") for c in range(3)], axis=-1
        )

    def draw(self, opening: float, width: float) -> np.ndarray:
        """Draw the face with a mouth of this opening (0 to 1) and width (factor); uint8 (288, 360, 3) RGB."""
        left, top, right, bottom = WARPED_BOX
        middle = (INNER_LIP_X[0] + INNER_LIP_X[-1]) / 2
        half = (INNER_LIP_X[-1] - INNER_LIP_X[0]) / 2
        mouth_y = float(np.mean(UPPER_LIP_Y))
        beside = np.abs(self._x - middle) / ((right - left) / 2)
        reach = np.where(self._y < mouth_y, mouth_y - top, bottom - mouth_y)
        away = np.abs(self._y - mouth_y) / reach
        nearness = np.cos(np.clip(beside, 0, 1) * np.pi / 2) ** 2 * np.cos(np.clip(away, 0, 1) * np.pi / 2) ** 2
        x = middle + (self._x - middle) * (1 + (1 / width - 1) * nearness)
        upper, lower = (np.interp(x, INNER_LIP_X, line) for line in (UPPER_LIP_Y, LOWER_LIP_Y))
        inside = np.clip(1 - ((x - middle) / half) ** 2, 0, None)
        moved_lower = upper + opening * WIDEST_OPENING * inside
        depth = np.clip((self._y - moved_lower - STIFF_JAW) / (SOFT_JAW - STIFF_JAW), 0, 1)
        shift = (moved_lower - lower) * np.cos(depth * np.pi / 2) ** 2
        y = np.where(self._y > moved_lower, self._y - shift, np.minimum(self._y, upper))
        picture = self._sample(x, y)
        cover = np.clip((self._y - upper) / self._pixel, 0, 1) * np.clip((moved_lower - self._y) / self._pixel, 0, 1)
        picture += cover[..., None] * (np.array(MOUTH_COLOUR) - picture)
        whole = self._neutral.copy()
        whole[self._rows, self._columns] = picture
        if self._actor.mirrored:
            whole = whole[:, ::-1]
        return np.clip(np.round(whole * self._actor.brightness), 0, 255).astype(np.uint8)


def _choose_names(count: int, random: np.random.Generator) -> list[str]:
    """Choose different sentence names; the letter a is left out, as espeak-ng reads it as an article."""
    choices = [[letter for letter in slot if name != "letter" or letter != "a"] for name, slot in SLOTS]
    names: list[str] = []
    while len(names) < count:
        name = "".join(str(random.choice(letters)) for letters in choices)
        if name not in names:
            names.append(name)
    return names


def _speak_sentence(
    sentence: list[str], actor: Actor, random: np.random.Generator
) -> tuple[np.ndarray, list[SpokenPhone]]:
    """Speak a sentence somewhere in three seconds of faint noise; return it with its ARPAbet phones."""
    spoken, ipa = speak_plain(" ".join(sentence), actor.voice, actor.rate, actor.pitch)
    phones = split_phones(ipa)
    samples = round(CLIP_SECONDS * SAMPLE_RATE)
    lead = round(random.uniform(*FIRST_WORD_SECONDS) * SAMPLE_RATE)
    if {phone.word for phone in phones} != set(range(len(sentence))):
        raise InputError(f"espeak-ng did not say the {len(sentence)} words of {' '.join(sentence)!r}")
    if lead + len(spoken) > samples:
        raise InputError(f"{actor.name}: {' '.join(sentence)!r} lasts {len(spoken) / SAMPLE_RATE:.2f} s; too long")
    waveform = random.normal(0, NOISE_AMPLITUDE, samples)
    waveform[lead : lead + len(spoken)] += spoken
    delay = lead / SAMPLE_RATE
    moved = [phone._replace(start=phone.start + delay, end=phone.end + delay) for phone in phones]
    return waveform.astype(np.float32), moved


def _words_of(sentence: list[str], phones: list[SpokenPhone]) -> list[Interval]:
    words = []
    for index, word in enumerate(sentence):
        own = [phone for phone in phones if phone.word == index]
        words.append(Interval(word, own[0].start, own[-1].end))
    return words


def _write_align(words: list[Interval], path: Path) -> None:
    """Write word times as GRID does: whole 1/25000 s, `sil` at the ends, `sp` between words."""
    lines: list[str] = []
    edge = 0
    for word in words:
        start, end = (round(time * GRID_ALIGN_UNITS_PER_SECOND) for time in word[1:])
        if start > edge:
            lines.append(f"{edge} {start} {'sp' if lines else 'sil'}")
        lines.append(f"{start} {end} {word.label}")
        edge = end
    lines.append(f"{edge} {ALIGN_END} sil")
    write_text(path, "\n".join(lines) + "\n")


def _write_mpeg(path: Path, pictures: Iterator[np.ndarray], waveform: np.ndarray) -> None:
    """Write MPEG-1 video and MP2 sound, as GRID's own files have them, atomically."""
    import av
    from scipy.signal import resample_poly

    sound = resample_poly(waveform, MPEG_SAMPLE_RATE // 100, SAMPLE_RATE // 100)
    pcm = np.round(np.clip(sound, -1, 1) * 32767).astype(np.int16)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with av.open(str(temporary), "w", format="mpeg") as container:
        video = container.add_stream("mpeg1video", rate=MODEL_FPS)
        video.width, video.height, video.pix_fmt, video.bit_rate = WIDTH, HEIGHT, "yuv420p", 1_500_000
        audio = container.add_stream("mp2", rate=MPEG_SAMPLE_RATE, layout="mono")
        audio.bit_rate = 128_000
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, MODEL_FPS)
            container.mux(video.encode(frame))
            first = index * MPEG_SAMPLE_RATE // MODEL_FPS
            piece = pcm[None, first : (index + 1) * MPEG_SAMPLE_RATE // MODEL_FPS]
            block = av.AudioFrame.from_ndarray(piece, format="s16", layout="mono")
            block.sample_rate, block.pts, block.time_base = MPEG_SAMPLE_RATE, first, Fraction(1, MPEG_SAMPLE_RATE)
            container.mux(audio.encode(block))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    os.replace(temporary, path)


def _write_splits(clips: dict[str, list[str]], folder: Path) -> None:
    """Write the split lists: the last of several speakers is unseen; each other one gives one clip away."""
    speakers = list(clips)
    seen = speakers[:-1] or speakers
    held_out: dict[str, list[str]] = {"seen_test.txt": [], "seen_valid.txt": []}
    for index, speaker in enumerate(seen):
        held_out["seen_valid.txt" if index % 2 else "seen_test.txt"].append(f"{speaker}/{clips[speaker][0]}")
    if len(seen) == 1:
        held_out["seen_valid.txt"] += [f"{seen[0]}/{name}" for name in clips[seen[0]][1:2]]
    lists = {"unseen_speakers.txt": [name for name in speakers if name not in seen], **held_out}
    for name, lines in lists.items():
        write_text(folder / name, "".join(line + "\n" for line in lines))


def make_corpus(
    out: Path,
    *,
    clips: int = 8,
    speakers: int = 2,
    seed: int = 0,
    alignments_out: Path | None = None,
    splits_out: Path | None = None,
) -> list[str]:
    """Write a toy corpus; return the ids of its clips, such as s101/bbaf2n.

    Clip `i` is spoken by speaker `i % speakers`. With at least two clips a speaker (four where there are
    fewer than three speakers) and two speakers, no split is empty.

    Args:
        out: gets SPEAKER/NAME.mp4 (or .mpg) and SPEAKER/NAME.align.
        clips: how many, at least one a speaker.
        speakers: 1 to 4.
        seed: of the choice of sentences, their place in the clip and the noise.
        alignments_out: gets SPEAKER/NAME.TextGrid; default: `toy_mfa` beside `out`.
        splits_out: gets the split lists; None writes none.

    Raises:
        InputError: a number is out of range.
    """
    from skimage.data import astronaut

    if not 1 <= speakers <= len(ACTORS):
        raise InputError(f"--speakers is {speakers}; expected 1 to {len(ACTORS)}")
    if clips < speakers:
        raise InputError(f"--clips is {clips}; expected at least one for each of {speakers} speakers")
    alignments = alignments_out or out.parent / "toy_mfa"
    random = np.random.default_rng(seed)
    photograph = astronaut()
    actors = ACTORS[:speakers]
    faces = {actor.name: Face(photograph, actor) for actor in actors}
    made: dict[str, list[str]] = {actor.name: [] for actor in actors}
    for index, name in enumerate(_choose_names(clips, random)):
        actor = actors[index % speakers]
        sentence = sentence_of(name)
        waveform, phones = _speak_sentence(sentence, actor, random)
        words = _words_of(sentence, phones)
        folder = out / actor.name
        folder.mkdir(parents=True, exist_ok=True)
        lips = intended_lips([phone[:3] for phone in phones])
        pictures = (faces[actor.name].draw(opening, width) for opening, width in lips)
        video = folder / f"{name}{actor.suffix}"
        if actor.suffix == ".mpg":
            _write_mpeg(video, pictures, waveform)
        else:
            write_video(video, pictures, MODEL_FPS, waveform=waveform, sample_rate=SAMPLE_RATE)
        _write_align(words, folder / f"{name}.align")
        intervals = [Interval(*phone[:3]) for phone in phones if phone.ipa != SILENCE]
        grid = Alignment.build(words, intervals, CLIP_SECONDS)
        write_textgrid(grid, alignments / actor.name / f"{name}.TextGrid")
        made[actor.name].append(name)
    if splits_out is not None:
        _write_splits(made, splits_out)
    return [f"{speaker}/{name}" for speaker, names in made.items() for name in names]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the corpus")
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--speakers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--alignments-out", type=Path, help="folder of the TextGrids; default: OUT/../toy_mfa")
    parser.add_argument("--splits-out", type=Path, help="folder for split lists; default: none are written")
    options = parser.parse_args(arguments)
    try:
        made = make_corpus(**vars(options))
    except (PhonolipsError, OSError) as error:
        print(f"make_toy_corpus.py: {error}", file=sys.stderr)
        return 1
    print(f"{options.out}: {len(made)} clips of {options.speakers} speakers")
    return 0


if __name__ == "__main__":
    sys.exit(main())
