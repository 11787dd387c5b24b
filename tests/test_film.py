"""Films of a run: kinds of file, captions, any rate without drift, sound in step, bounded memory, bad input."""

import itertools
import tracemalloc
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from conftest import as_result
from PIL import Image

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.media import video
from phonolips.media.audio import read
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import PHONES
from phonolips.show import film as drawing
from phonolips.show.caption import Caption, captions_at, draw_caption, strip_height
from phonolips.show.film import render
from phonolips.show.palette import DARK, FLAT, WARM
from phonolips.synth.folder import Layer
from phonolips.synth.result import Result


def talking(frames: int, fps: float = 25.0) -> np.ndarray:
    """Make lips (frames, 40, 2) that open and shut three times a second."""
    angle = np.pi + np.arange(20) / 20 * 2 * np.pi
    ring = np.column_stack([np.cos(angle), np.sin(angle)])
    gap = 0.1 - 0.1 * np.cos(2 * np.pi * 3 * np.arange(frames) / fps)
    outer = ring * np.stack([np.full(frames, 0.4), 0.15 + gap / 2], 1)[:, None]
    inner = ring * np.stack([np.full(frames, 0.33), gap / 2], 1)[:, None]
    return np.concatenate([outer, inner], 1).astype(np.float32)


def made_up_run(frames: int = 50, fps: float = 25.0, *, spoken: bool = True, sound: Path | None = None) -> Result:
    """Make a run: half of it M, half of it AA, both in the word "ma"."""
    seconds = frames / fps
    phones = [Interval("M", 0, seconds / 2), Interval("AA", seconds / 2, seconds)]
    alignment = Alignment.build([Interval("ma", 0, seconds)], phones, seconds)
    posteriors = np.full((int(np.ceil(seconds * 100)), len(PHONES)), 0.001, np.float32)
    half = len(posteriors) // 2
    posteriors[:half, PHONES.index("M")], posteriors[half:, PHONES.index("AA")] = 0.8, 0.9
    posteriors[:, PHONES.index("B")] = 0.1
    lips = talking(frames, fps)
    layer = Layer(posteriors) if spoken else None
    return as_result(Path("lips.npz"), lips, fps, "mediapipe40", alignment if spoken else None, layer, sound)


def write_clicks(path: Path, seconds: float, every: float = 1.0) -> None:
    """Write a 16 kHz wav with a click at every whole `every` seconds."""
    import soundfile

    waveform = np.zeros(round(seconds * 16_000), np.float32)
    for start in np.arange(0, seconds - 0.01, every):
        waveform[round(start * 16_000) : round(start * 16_000) + 80] = 0.9
    soundfile.write(path, waveform, 16_000)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_films_hold_all_frames_and_sound_in_step(tmp_path: Path, suffix: str) -> None:
    write_clicks(tmp_path / "a.wav", 2.0)
    out = tmp_path / f"film{suffix}"
    assert render(made_up_run(sound=tmp_path / "a.wav"), out, size=(96, 64), fps=30) == out
    pictures = list(video.read_frames(out))
    assert (len(pictures), pictures[0].shape) == (60, (64, 96, 3))
    assert video.probe(out).fps == 30
    sound = read(out)
    for second in (0, 1):
        window = np.abs(sound[max(second * 16_000 - 1600, 0) : second * 16_000 + 1600]) > 0.3
        first = int(np.argmax(window)) + max(second * 16_000 - 1600, 0)
        assert abs(first - second * 16_000) < 32  # 2 ms
    assert abs(len(sound) / 16_000 - 2) < 1 / 30
    assert {path.name for path in tmp_path.iterdir()} == {"a.wav", out.name}


def test_no_drift_at_ntsc_rates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two minutes at 29.97, where the nearest whole rate would be 0.12 s off: the ends are at most a frame apart."""
    write_clicks(tmp_path / "a.wav", 120.0, every=30.0)
    run = made_up_run(3_000, sound=tmp_path / "a.wav")
    plain = Image.new("RGB", (16, 16))
    monkeypatch.setattr(
        drawing.MouthPainter, "paint", lambda self, points, articulators=None: plain
    )  # its look does not matter here
    out = render(run, tmp_path / "long.mp4", size=(16, 16), fps=29.97)
    with av.open(str(out)) as container:
        picture, sound = container.streams.video[0], container.streams.audio[0]
        ends = [float(stream.duration * stream.time_base) for stream in (picture, sound)]
        assert picture.frames == 3_597  # 120 s at 30000/1001, rounded up
    assert abs(ends[0] - 120) < 1 / 29.97
    assert abs(ends[0] - ends[1]) < 1 / 29.97
    played = read(out)
    assert abs(int(np.argmax(np.abs(played[90 * 16_000 - 800 :]) > 0.3)) - 800) < 32


def test_gif_keeps_time_and_colours(tmp_path: Path) -> None:
    out = render(made_up_run(25), tmp_path / "a.gif", size=(90, 75), fps=30, caption="phone")
    with Image.open(out) as gif:
        assert (gif.n_frames, gif.size, gif.info["loop"]) == (30, (90, 75), 0)
        delays, pictures = [], []
        for frame in range(gif.n_frames):
            gif.seek(frame)
            delays.append(gif.info["duration"])
            pictures.append(np.asarray(gif.convert("RGB")).astype(int))
    assert set(delays) == {30, 40}
    assert np.abs(np.cumsum(delays)[:-1] - np.arange(1, 30) / 30 * 1000).max() <= 5
    assert abs(sum(delays) - 1000) <= 10
    assert np.abs(pictures[0][0, 0] - WARM.skin).max() < 8
    shown = render(made_up_run(25), tmp_path / "a.png", size=(90, 75), pictures=30, fps=30, caption="phone")
    strip = np.asarray(Image.open(shown).convert("RGB")).astype(int)
    for frame in (0, 14, 29):
        assert np.abs(strip[:75, frame * 91 : frame * 91 + 90] - pictures[frame]).mean() < 4
    with Image.open(render(made_up_run(20, 60.0), tmp_path / "b.gif", size=(32, 32))) as gif:
        assert gif.n_frames == 17  # a third of a second at 50 frames a second, the most that a GIF shows


def test_strip_shows_opening_mouths_and_writing_below(tmp_path: Path) -> None:
    out = render(made_up_run(), tmp_path / "strip.png", size=(100, 80), pictures=5, palette=FLAT)
    strip = np.asarray(Image.open(out)).astype(int)
    assert strip.shape[1] == 5 * 101 - 1
    assert strip.shape[0] > 100
    assert (strip[80:].min(-1) < 120).any()
    silent = render(made_up_run(spoken=False), tmp_path / "plain.png", size=(100, 80), pictures=5)
    assert np.asarray(Image.open(silent)).shape[0] < strip.shape[0]


def test_captions_say_what_is_spoken() -> None:
    run = made_up_run()
    caption = captions_at(run, "posteriors")
    assert caption is not None
    early, late = caption(0.5), caption(1.9)
    assert (early.phone, late.phone, late.word) == ("M", "AA", "ma")
    assert [phone for phone, _ in early.posteriors[:2]] == ["M", "B"]
    assert late.posteriors[0] == ("AA", pytest.approx(0.9))
    assert caption(99.0).phone == "AA"
    unaligned = replace(run, alignment=None)
    played = captions_at(unaligned, "phone")
    assert played is not None
    assert played(0.5) == Caption("M")


@pytest.mark.parametrize("size", [(48, 48), (360, 360), (640, 200), (120, 300)])
def test_caption_bars_are_as_long_as_their_posteriors(size: tuple[int, int]) -> None:
    def ink(posterior: float) -> int:
        picture = Image.new("RGB", size, DARK.skin)
        draw_caption(picture, Caption("AA", "father", (("AA", posterior), ("AH", 0.0), ("B", 0.0))), DARK)
        drawn = np.asarray(picture).astype(int)
        assert (drawn[: size[1] - strip_height(size)] == DARK.skin).all()
        return int((np.abs(drawn - DARK.lower_lip).max(-1) < 3).sum())

    full, half = ink(1.0), ink(0.5)
    assert ink(0.0) == 0
    assert half == pytest.approx(full / 2, rel=0.2)


def test_sound_is_cut_filled_up_and_left_away(tmp_path: Path) -> None:
    write_clicks(tmp_path / "a.wav", 3.0)
    joined = np.concatenate(list(drawing.sound_blocks(tmp_path / "a.wav", 0.5, 1.0)))
    assert (len(joined), int(np.argmax(joined > 0.3))) == (16_000, 8_000)
    with pytest.warns(PhonolipsWarning, match=r"ends 1\.50 s before the lips"):
        filled = np.concatenate(list(drawing.sound_blocks(tmp_path / "a.wav", 2.5, 2.0)))
    assert (len(filled), filled[8_000:].any()) == (32_000, False)
    run = made_up_run(10, sound=tmp_path / "a.wav")
    assert not video.probe(render(run, tmp_path / "s.mp4", size=(32, 32), silent=True)).has_audio
    part = render(run, tmp_path / "p.mp4", size=(32, 32), seconds=(0.1, 0.3))
    assert video.probe(part).frames == 5
    assert abs(len(read(part)) / 16_000 - 0.2) < 0.04


def test_memory_does_not_grow_with_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = np.zeros((16, 16, 3), np.uint8)

    def peak(frames: int) -> int:
        run = made_up_run(frames, spoken=False)
        write_clicks(tmp_path / "a.wav", frames / 25)
        monkeypatch.setattr(drawing.MouthPainter, "paint", lambda self, points, articulators=None: small)
        painter = drawing.MouthPainter(run.lips[:10], (16, 16))
        scene = drawing._Scene(run, painter, (16, 16), WARM, None, Fraction(30), 0.0, frames)
        tracemalloc.start()
        sound = drawing.sound_blocks(tmp_path / "a.wav", 0, frames / 30)
        for _ in itertools.zip_longest(scene.pictures(), sound):
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(4_000) < 1.2 * peak(1_000)


def test_bad_input_is_refused_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    run = made_up_run(5)
    hole = made_up_run(5)
    hole.lips[3, 7] = np.nan
    out = tmp_path / "a.mp4"
    cases: list[tuple[Result, Path, dict, str]] = [
        (run, out, {"size": (0, 100)}, "size 0x100; expected 16 to 4096"),
        (run, out, {"size": (100, 5000)}, "expected 16 to 4096"),
        (run, out, {"size": (101, 100)}, "must be even; try 102x100"),
        (run, out, {"palette": "pink"}, "expected one of warm"),
        (run, out, {"caption": "all"}, "caption 'all'; expected one of none, phone"),
        (run, out, {"fps": 0}, "fps 0"),
        (run, out, {"seconds": (3, 4)}, "expected a part of 0 to 0.20"),
        (run, out, {"sound": tmp_path / "no.wav"}, "no such file"),
        (run, tmp_path / "a.avi", {}, "unknown kind of picture"),
        (run, tmp_path / "no" / "a.mp4", {}, "does not exist"),
        (run, tmp_path / "a.gif", {"fps": 60}, "at most 50"),
        (run, tmp_path / "a.png", {"pictures": 0}, "0 pictures of"),
        (run, tmp_path / "a.png", {"size": (4096, 4096)}, "in a strip"),
        (hole, out, {}, "1 of 5 frames hold values that are not finite, the first at frame 3"),
        (made_up_run(5, spoken=False), out, {"caption": "phone"}, "its phones are not known"),
        (made_up_run(5, spoken=False), out, {"caption": "posteriors"}, "no posteriors.npz beside it"),
    ]
    for bad, path, options, message in cases:
        with pytest.raises(InputError, match=message) as caught:
            render(bad, path, **({"pictures": 5} | options))
        assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_film_that_fails_half_way_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = render(made_up_run(5), tmp_path / "a.mp4", size=(32, 32))
    before = out.read_bytes()

    def failing(self: object, points: np.ndarray, articulators: object = None) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(drawing.MouthPainter, "paint", failing)
    for name in ("a.mp4", "a.gif", "a.png"):
        with pytest.raises(KeyboardInterrupt):
            render(made_up_run(5), tmp_path / name, size=(32, 32))
    assert out.read_bytes() == before
    assert list(tmp_path.iterdir()) == [out]


def test_a_real_recording_gives_its_sound(shared_data: Path, tmp_path: Path) -> None:
    clip = sorted((shared_data / "grid").rglob("*.mpg"))[0]
    run = made_up_run(75)
    out = render(run, tmp_path / "a.mp4", size=(240, 240), fps=29.97, caption="posteriors", sound=clip)
    info = video.probe(out)
    assert info.has_audio
    assert abs(info.video_seconds - info.audio_seconds) < 1 / 29.97
    assert abs(info.video_seconds - run.seconds) < 1 / 29.97
    wanted, found = read(clip)[:40_000], read(out)[:40_000]
    assert np.corrcoef(wanted, found)[0, 1] > 0.95
