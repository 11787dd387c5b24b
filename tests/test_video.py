"""Video files: every frame read, exact rates, sound in place, hostile files refused in one line."""

import struct
import warnings
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.media import video as io


def moving_picture(frames: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Make smooth pictures whose brightness tells their number; uint8 (frames, height, width, 3)."""
    column = np.linspace(0, 40, width)[None, None, :, None]
    level = np.linspace(30, 200, frames)[:, None, None, None]
    return np.broadcast_to(level + column, (frames, height, width, 3)).astype(np.uint8)


def read_sound(path: Path) -> tuple[np.ndarray, int]:
    """Decode the sound track; samples and rate."""
    with av.open(str(path)) as container:
        pieces = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
        return np.concatenate(pieces), container.streams.audio[0].rate


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_round_trip_keeps_every_frame_in_order(tmp_path: Path, suffix: str) -> None:
    frames = moving_picture(40)
    io.write_video(tmp_path / f"a{suffix}", frames, 25)
    again = np.stack(list(io.read_frames(tmp_path / f"a{suffix}")))
    assert again.shape == frames.shape
    assert again.dtype == np.uint8
    assert np.abs(again.astype(int) - frames).mean() < 3
    assert list(tmp_path.iterdir()) == [tmp_path / f"a{suffix}"]


@pytest.mark.parametrize(
    ("fps", "exact"),
    [
        (25, Fraction(25)),
        (24.0, Fraction(24)),
        (29.97, Fraction(30000, 1001)),
        (23.976, Fraction(24000, 1001)),
        (Fraction(60000, 1001), Fraction(60000, 1001)),
        (12.5, Fraction(25, 2)),
    ],
)
def test_frame_rates_are_exact(tmp_path: Path, fps: float | Fraction, exact: Fraction) -> None:
    io.write_video(tmp_path / "a.mp4", moving_picture(30), fps)
    info = io.probe(tmp_path / "a.mp4")
    assert info.fps == exact
    assert info.frames == 30
    assert info.video_seconds == pytest.approx(30 / exact, abs=1e-3)


@pytest.mark.parametrize("fps", [0, -25, float("nan"), float("inf"), 100000])
def test_impossible_frame_rates(tmp_path: Path, fps: float) -> None:
    with pytest.raises(InputError, match=r"expected (a number of )?frames per second"):
        io.write_video(tmp_path / "a.mp4", moving_picture(3), fps)


@pytest.mark.parametrize("sample_rate", [16_000, 44_100])
def test_sound_is_where_it_was(tmp_path: Path, sample_rate: int) -> None:
    waveform = np.zeros(2 * sample_rate, np.float32)
    waveform[sample_rate // 2 :] = 0.4 * np.sin(np.arange(1.5 * sample_rate) * 2 * np.pi * 300 / sample_rate)
    io.write_video(tmp_path / "a.mp4", moving_picture(50), 25, waveform=waveform, sample_rate=sample_rate)
    sound, rate = read_sound(tmp_path / "a.mp4")
    assert np.argmax(np.abs(sound) > 0.1) / rate == pytest.approx(0.5, abs=0.002)
    info = io.probe(tmp_path / "a.mp4")
    assert info.has_audio
    assert info.audio_seconds == pytest.approx(2.0, abs=0.03)
    assert info.video_seconds == pytest.approx(2.0, abs=1e-3)
    spectrum = np.abs(np.fft.rfft(sound[rate // 2 :]))
    assert np.argmax(spectrum) * rate / len(sound[rate // 2 :]) == pytest.approx(300, abs=2)


@pytest.mark.parametrize("samples", [0, 1, 100, 80_000])
def test_sound_of_another_length_than_the_picture(tmp_path: Path, samples: int) -> None:
    io.write_video(tmp_path / "a.mp4", moving_picture(50), 25, waveform=np.full(samples, 0.1))
    assert len(list(io.read_frames(tmp_path / "a.mp4"))) == 50
    if samples > 50_000:
        assert io.probe(tmp_path / "a.mp4").audio_seconds == pytest.approx(samples / 16_000, abs=0.03)


def test_odd_sides_are_padded(tmp_path: Path) -> None:
    io.write_video(tmp_path / "a.mp4", moving_picture(5, 33, 41), 25)
    info = io.probe(tmp_path / "a.mp4")
    assert (info.height, info.width) == (34, 42)


def test_header_stands_before_the_pictures(tmp_path: Path) -> None:
    io.write_video(tmp_path / "a.mp4", moving_picture(20), 25)
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    def broken() -> Iterator[np.ndarray]:
        yield from moving_picture(10)
        raise RuntimeError("the source broke")

    path = tmp_path / "a.mp4"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="the source broke"):
        io.write_video(path, broken(), 25)
    with pytest.raises(InputError, match="not one frame"):
        io.write_video(path, iter(()), 25)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_wrong_outputs_and_frames(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected one of \.mp4"):
        io.write_video(tmp_path / "a.gif", moving_picture(3), 25)
    with pytest.raises(InputError, match="does not exist"):
        io.write_video(tmp_path / "no" / "a.mp4", moving_picture(3), 25)
    with pytest.raises(ValueError, match="expected uint8"):
        io.write_video(tmp_path / "a.mp4", moving_picture(3).astype(float), 25)
    with pytest.raises(ValueError, match="must be alike"):
        io.write_video(tmp_path / "a.mp4", [moving_picture(1)[0], moving_picture(1, 50)[0]], 25)
    with pytest.raises(ValueError, match="expected \\(samples,\\)"):
        io.write_video(tmp_path / "a.mp4", moving_picture(3), 25, waveform=np.zeros((2, 100)))
    assert list(tmp_path.iterdir()) == []


def test_unreadable_inputs_are_one_line(tmp_path: Path) -> None:
    import soundfile

    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("not a video\n" * 100)
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(50_000))
    soundfile.write(tmp_path / "sound.wav", np.zeros(16_000), 16_000)
    io.write_video(tmp_path / "good.mp4", moving_picture(20), 25)
    (tmp_path / "header.mp4").write_bytes((tmp_path / "good.mp4").read_bytes()[:700])
    names = ("missing.mp4", "empty.mp4", "text.mp4", "noise.mp4", "sound.wav", "header.mp4", ".")
    for name in names:
        for read in (io.probe, lambda path: list(io.read_frames(path))):
            with pytest.raises(InputError) as caught:
                read(tmp_path / name)
            assert "\n" not in str(caught.value)
            assert str(tmp_path / name) in str(caught.value)


def test_a_damaged_packet_is_skipped_and_said(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    io.write_video(path, moving_picture(60), 25)
    with av.open(str(path)) as container:
        positions = [packet.pos for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    data[positions[30] : positions[30] + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    with pytest.warns(PhonolipsWarning, match="1 damaged packet") as caught:
        frames = list(io.read_frames(path))
    assert len(caught) == 1
    assert 50 <= int(str(caught[0].message).split("; ")[1].split()[0]) <= 59
    assert len(frames) == 60  # the picture before stays, so that the rest keeps its time
    levels = [frame.mean() for frame in frames]
    assert np.allclose(
        levels[:29] + levels[45:],
        [frame.mean() for frame in (*moving_picture(60)[:29], *moving_picture(60)[45:])],
        atol=4,
    )


def test_a_file_cut_short_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    generator = np.random.default_rng(0)
    io.write_video(path, generator.integers(0, 255, (60, 48, 64, 3), dtype=np.uint8), 25)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.warns(PhonolipsWarning, match="frames were read"):
        frames = list(io.read_frames(path))
    assert 15 < len(frames) < 50


def test_rotation_is_respected(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    frames = np.zeros((5, 48, 64, 3), np.uint8)
    frames[:, :16, :16] = 250
    io.write_video(path, frames, 25)
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 44
    clockwise = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 48 << 16, 0, 1 << 30)
    assert data[matrix : matrix + 4] == struct.pack(">i", 1 << 16)
    data[matrix : matrix + 36] = clockwise
    path.write_bytes(data)
    upright = next(io.read_frames(path))
    info = io.probe(path)
    assert upright.shape == (info.height, info.width, 3) == (64, 48, 3)
    assert np.abs(upright.astype(int) - np.rot90(frames[0], -1)).mean() < 5


def test_reading_is_lazy_and_can_be_left(tmp_path: Path) -> None:
    io.write_video(tmp_path / "a.mp4", moving_picture(30), 25)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frames = io.read_frames(tmp_path / "a.mp4")
        next(frames)
        frames.close()


def test_grid_clips_give_every_frame(shared_data: Path) -> None:
    grid = shared_data / "grid"
    mpg = sorted(grid.rglob("*.mpg"))[:3]
    for path in [*mpg, grid / "s1" / "bbaf2n.mp4", grid / "s4" / "bbaf2a.mp4"]:
        frames = list(io.read_frames(path))
        assert len(frames) == 75
        assert frames[0].shape == (288, 360, 3)
    assert len(list(io.read_frames(grid / "s1" / "lrae3s.mp4"))) == 74
    assert mpg
    info = io.probe(mpg[0])
    assert info.frames is None
    assert (info.fps, info.width, info.height, info.has_audio) == (25, 360, 288, True)


@pytest.mark.parametrize(("channels", "rate"), [(1, 16_000), (2, 44_100), (6, 48_000), (8, 44_100)])
def test_channels_are_written_and_read_as_they_are(tmp_path: Path, channels: int, rate: int) -> None:
    from phonolips.media.audio import read_original

    times = np.arange(2 * rate) / rate
    tones = [0.3 * np.sin(2 * np.pi * (40 + 20 * channel) * times) for channel in range(channels)]  # a subwoofer's too
    waveform = np.stack(tones, axis=1).astype(np.float32)
    io.write_video(tmp_path / "a.mp4", moving_picture(50), 25, waveform=waveform, sample_rate=rate)
    sound, read_rate = read_original(tmp_path / "a.mp4")
    assert read_rate == rate
    assert sound.dtype == np.float32
    middle = slice(rate // 4, -rate // 4)
    for channel in range(channels):
        both = np.corrcoef(sound[: len(waveform)][middle, channel], waveform[middle, channel])
        assert both[0, 1] > 0.99


def test_channels_come_in_blocks_and_are_counted(tmp_path: Path) -> None:
    blocks = [np.full((8_000, 2), 0.1), np.full((24_000, 2), 0.2)]
    io.write_video(tmp_path / "a.mp4", moving_picture(50), 25, waveform=iter(blocks))
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert (container.streams.audio[0].channels, container.streams.audio[0].rate) == (2, 16_000)
    for bad in (np.zeros((100, 9)), np.zeros((100, 0)), np.zeros((10, 2, 2))):
        with pytest.raises(ValueError, match="expected"):
            io.write_video(tmp_path / "b.mp4", moving_picture(3), 25, waveform=bad)
    with pytest.raises(ValueError, match="expected"):
        io.write_video(tmp_path / "b.mp4", moving_picture(50), 25, waveform=iter([np.zeros((9, 2)), np.zeros(9)]))
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
