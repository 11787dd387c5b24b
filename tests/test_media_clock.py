"""Sound and pictures lie where their time stamps say, in every kind of file that people bring."""

import warnings
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from media_files import RATE, number_of, tone, write_media

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.media import audio, video
from phonolips.media.placing import place
from phonolips.media.timing import even_period, even_rate

EVEN = [number / 25 for number in range(50)]


def onset(sound: np.ndarray, rate: int = 16_000) -> float:
    """Return when a sound begins, in seconds."""
    return int(np.argmax(np.abs(sound) > 0.05)) / rate


def quietly(path: Path) -> tuple[np.ndarray, list[int]]:
    """Read sound and pictures; any warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return audio.read(path), [number_of(picture) for picture in video.read_frames(path)]


def decode_all(path: Path) -> list[np.ndarray]:
    """Decode every picture, whatever its time."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


# ---------------------------------------------------------------- sound


@pytest.mark.parametrize(
    ("name", "codec", "accuracy"),
    [("a.mov", "pcm_s16le", 2e-4), ("a.mp4", "aac", 1.1e-3), ("a.mkv", "aac", 1.1e-3), ("a.webm", "libopus", 2e-3)],
)
def test_sound_that_starts_late_is_preceded_by_silence(tmp_path, name, codec, accuracy):
    pictures = "libvpx" if name.endswith("webm") else "libx264"
    path = tmp_path / name
    write_media(path, sounds=[tone(2)], sound_codec=codec, sound_start=0.6, picture_times=EVEN, picture_codec=pictures)
    sound, numbers = quietly(path)
    assert onset(sound) == pytest.approx(0.6, abs=accuracy)
    assert np.abs(sound[: int(0.59 * 16_000)]).max() < 2e-3  # what a codec lets ring before it begins
    assert len(sound) == pytest.approx(2.6 * 16_000, abs=400)
    assert np.abs(np.array(numbers) - np.arange(50)).max() <= 1  # a codec's greys
    original, rate = audio.read_original(path)
    assert onset(original[:, 0], rate) == pytest.approx(0.6, abs=accuracy)


def test_late_sound_without_pictures_starts_the_clock(tmp_path):
    sound = audio.read(write_media(tmp_path / "a.mka", sounds=[tone(1)], sound_codec="pcm_s16le", sound_start=0.6))
    assert len(sound) == 16_000


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "aac"), ("a.mkv", "aac"), ("a.mkv", "pcm_s16le"), ("a.ts", "aac")]
)
def test_lost_packets_become_silence_of_their_length(tmp_path, name, codec):
    wave = np.concatenate([tone(1.2), tone(0.8, 600)])
    whole = audio.read(write_media(tmp_path / f"w{name}", sounds=[wave], sound_codec=codec, picture_times=EVEN))
    gap = audio.read(
        write_media(tmp_path / name, sounds=[wave], sound_codec=codec, picture_times=EVEN, lost=(0.6, 0.9))
    )
    assert abs(len(gap) - len(whole)) <= 16  # stamps in milliseconds
    assert np.abs(gap[int(0.65 * 16_000) : int(0.85 * 16_000)]).max() < 1e-4
    later = slice(int(1.3 * 16_000), int(1.9 * 16_000))
    lags = range(-40, 41)
    fits = [float(np.dot(whole[later], np.roll(gap, lag)[later])) for lag in lags]
    assert abs(lags[int(np.argmax(fits))]) <= 16


def test_a_gap_of_one_packet_is_seen(tmp_path):
    sounds = {}
    for lost in (None, (0.6, 0.61)):
        path = write_media(tmp_path / f"{lost}.mkv", sounds=[tone(2)], sound_codec="libopus", lost=lost)
        sounds[lost] = audio.read(path)
    assert len(sounds[None]) == pytest.approx(len(sounds[0.6, 0.61]), abs=16)


@pytest.mark.parametrize(
    ("name", "codec", "pictures"),
    [
        *[("a.mkv", codec, "libx264") for codec in ("aac", "libopus", "libmp3lame", "flac")],
        *[("a.mp4", "aac", "libx264"), ("a.flv", "aac", "libx264"), ("a.ts", "mp2", "libx264")],
        *[("a.avi", "libmp3lame", "mpeg4"), ("a.mov", "pcm_s16le", "libx264"), ("a.mpg", "mp2", "mpeg1video")],
    ],
)
def test_rounded_stamps_tear_no_holes(tmp_path, name, codec, pictures):
    rate = 48_000 if codec == "libopus" else 44_100  # whose packets are no whole number of milliseconds
    path = tmp_path / name
    write_media(
        path, sounds=[tone(20, 300, rate)], sound_codec=codec, picture_times=EVEN, picture_codec=pictures, rate=rate
    )
    with av.open(str(path)) as container:
        decoded = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    found, _ = audio.read_original(path)
    scale = 32_768 if decoded.dtype == np.int16 else 1
    assert np.array_equal(found[:, 0], decoded.astype(np.float32) / scale)


def test_an_edit_list_is_obeyed_and_no_damage(tmp_path):
    path = write_media(tmp_path / "a.mp4", sounds=[tone(2)], picture_times=EVEN, shift=-1.0)
    sound, numbers = quietly(path)
    assert len(sound) == pytest.approx(16_000, abs=400)
    assert numbers == list(range(25, 50))
    assert video.probe(path).frames == 25


# ---------------------------------------------------------------- placing, piece by piece


def pieces(stamps: list[float], samples: int = 20, rate: int = 1_000) -> Iterator[tuple[float, np.ndarray]]:
    """Make pieces of sound that count their samples."""
    for number, stamp in enumerate(stamps):
        yield stamp, np.arange(number * samples, (number + 1) * samples, dtype=np.float32)[:, None] + 1


def placed(stamps: list[float], **options) -> np.ndarray:
    return np.concatenate(list(place(pieces(stamps), 1_000, "a", **options)))[:, 0]


def test_exact_stamps_change_nothing():
    assert np.array_equal(placed([0.02 * number for number in range(100)]), np.arange(1, 2_001))


def test_jitter_and_single_bad_stamps_move_nothing():
    rng = np.random.default_rng(0)
    stamps = 0.02 * np.arange(1_000) + rng.uniform(-0.009, 0.009, 1_000)
    stamps[0] = 0
    stamps[[100, 500]] += (7.0, -3.0)
    assert np.array_equal(placed(list(stamps)), np.arange(1, 20_001))


def test_an_overlap_is_left_out_once():
    stamps = [0.02 * number - (0.05 if number >= 50 else 0) for number in range(100)]
    expected = np.concatenate([np.arange(1, 1_001), np.arange(1_051, 2_001)])
    assert np.array_equal(placed(stamps), expected)


def test_sound_before_nought_is_left_out():
    assert np.array_equal(placed([0.02 * number - 0.7 for number in range(100)]), np.arange(701, 2_001))


def test_a_clock_that_runs_away_is_made_good_without_holes():
    drift = 1.0005  # 0.5 in a thousand: 30 ms a minute
    sound = placed([0.02 * drift * number for number in range(6_000)])
    assert len(sound) == pytest.approx(120_000 * drift, abs=12)
    assert sound.min() > 0
    assert np.abs(np.diff(sound)).max() < 1.2


def test_rounded_stamps_of_an_hour_do_not_drift():
    size, rate = 1_024, 44_100
    count = 3_600 * rate // size
    stamps = np.round(np.arange(count) * size / rate, 3)
    silent = np.zeros((size, 1), np.float32)
    total = sum(len(sound) for sound in place(((stamp, silent) for stamp in stamps), rate, "a"))
    assert total == count * size


def test_stamps_that_start_anew_are_a_break():
    stamps = [0.02 * (number % 100) for number in range(200)]
    assert np.array_equal(placed(stamps), np.arange(1, 4_001))
    forwards = [0.02 * number + (60 if number >= 50 else 0) for number in range(100)]
    with pytest.warns(PhonolipsWarning, match="jump by 60 s"):
        assert len(placed(forwards, breaks=True)) == 2_000
    assert len(placed(forwards)) == 62_000


def test_stamps_that_make_no_sense_do_not_fill_the_memory():
    stamps = [0.02 * number + (1e9 if number >= 50 else 0) for number in range(100)]
    with pytest.warns(PhonolipsWarning, match="jump by"):
        assert len(placed(stamps)) == 2_000


def test_pieces_without_stamps_follow_each_other():
    waiting = [(None, sound) for _, sound in pieces([0.0] * 10)]
    assert np.array_equal(np.concatenate(list(place(waiting, 1_000, "a")))[:, 0], np.arange(1, 201))


# ---------------------------------------------------------------- pictures


def test_pictures_that_start_late_are_held_and_the_sound_stays(tmp_path):
    path = write_media(tmp_path / "a.mp4", sounds=[tone(2)], picture_times=[time + 0.52 for time in EVEN])
    sound, numbers = quietly(path)
    assert onset(sound) < 0.002
    assert numbers == [0] * 13 + list(range(50))
    assert video.probe(path).frames == 63


def test_less_than_a_picture_is_not_held(tmp_path):
    path = write_media(tmp_path / "a.mkv", sounds=[tone(2)], picture_times=[time + 0.023 for time in EVEN])
    assert quietly(path)[1] == list(range(50))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.flv"])
def test_a_variable_rate_is_laid_out_evenly(tmp_path, name):
    times = [*EVEN[:20], *(0.8 + 0.12 * number for number in range(10))]
    path = write_media(tmp_path / name, picture_times=times)
    with pytest.warns(PhonolipsWarning, match="variable frame rate") as caught:
        numbers = [number_of(picture) for picture in video.read_frames(path)]
    assert len(caught) == 1
    assert video.probe(path).fps == 25
    expected = [*range(20), *np.repeat(np.arange(20, 30), 3)]
    assert numbers[: len(expected) - 2] == expected[:-2]  # how long the last one is shown not every format says
    assert video.probe(path).frames == len(numbers)
    assert list(video.new_frames(path)[:22]) == [*range(20), 20, 23]


def test_a_picture_that_was_dropped_leaves_the_rest_in_place(tmp_path):
    path = write_media(tmp_path / "a.mp4", picture_times=[*EVEN[:20], *EVEN[21:]])
    with pytest.warns(PhonolipsWarning, match="variable frame rate"):
        numbers = [number_of(picture) for picture in video.read_frames(path)]
    assert numbers == [*range(20), *range(19, 49)]


@pytest.mark.parametrize("fps", [Fraction(24_000, 1001), Fraction(30_000, 1001), Fraction(30), Fraction(60)])
@pytest.mark.parametrize("name", ["a.mkv", "a.flv", "a.mp4", "a.ts"])
def test_an_even_rate_in_rounded_stamps_stays_as_it_is(tmp_path, name, fps):
    path = write_media(tmp_path / name, picture_times=[float(number / fps) for number in range(50)], fps=fps)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frames = list(video.read_frames(path))
    assert len(frames) == 50
    assert all(map(np.array_equal, frames, decode_all(path)))
    assert video.probe(path).fps == pytest.approx(fps, rel=2e-4)
    assert video.new_frames(path) is None


def test_pictures_without_stamps_come_evenly(tmp_path):
    path = write_media(tmp_path / "a.h264", picture_times=EVEN)
    assert [number_of(picture) for picture in video.read_frames(path)] == list(range(50))
    assert video.probe(path).fps == 25


def test_even_pictures_are_told_from_uneven_ones():
    rng = np.random.default_rng(0)
    even = np.arange(3_000) / 30
    assert even_period(even) == pytest.approx(1 / 30)
    assert even_period(np.round(even, 3)) is not None
    assert even_period(even + rng.uniform(-0.009, 0.009, 3_000)) is not None
    assert even_period(np.delete(even, 1_500)) is None  # one picture is missing
    assert even_period(np.concatenate([even, 100 + np.arange(100) / 15])) is None
    assert even_rate(even, 1 / 30, Fraction(30)) == 30
    assert even_rate(even, 1 / 30, Fraction(25)) == 30  # what the file states is not so
    assert even_rate(np.array([0, 0.04, 0.08, 0.2, 0.32, 0.44]), None, None) == 25
    assert even_rate(np.array([0, 0.001, 0.002, 0.2, 0.32]), None, None) == 60


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.avi", "mpeg4")])
@pytest.mark.parametrize(("aspect", "width"), [(Fraction(1, 2), 32), (Fraction(4, 3), 85), (Fraction(1), 64)])
def test_pixels_come_out_square(tmp_path, name, codec, aspect, width):
    path = write_media(tmp_path / name, picture_times=EVEN[:5], picture_codec=codec, aspect=aspect)
    info = video.probe(path)
    assert (info.width, info.height) == (width, 48)
    assert next(video.read_frames(path)).shape == (48, width, 3)


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libvpx-vp9"), ("a.h264", "libx264"), ("a.ts", "libx264")])
def test_the_aspect_may_stand_in_the_container_or_in_the_codec_alone(tmp_path, name, codec):
    path = write_media(tmp_path / name, picture_times=EVEN[:5], picture_codec=codec, aspect=Fraction(1, 2))
    assert video.probe(path).width == 32


def test_an_absurd_aspect_is_damage(tmp_path):
    path = write_media(tmp_path / "a.mkv", picture_times=EVEN[:5], aspect=Fraction(1, 200))
    assert video.probe(path).width == 64


# ---------------------------------------------------------------- streams and channels


def two_sounds(path: Path, default: int) -> Path:
    """Write a tone of 300 Hz and one of 600 Hz as two streams, and mark one as default."""

    def mark(container) -> None:
        for number, stream in enumerate(container.streams.audio):
            stream.disposition = av.stream.Disposition.default if number == default else av.stream.Disposition(0)
            stream.metadata.update(language=("eng", "fra")[number], title=("Comments", "Film")[number])

    return write_media(path, sounds=[tone(1), tone(1, 600)], picture_times=EVEN[:25], prepare=mark)


def pitch(sound: np.ndarray) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(sound[:16_000]))) * 16_000 / 16_000)


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_the_default_sound_is_read_unless_another_is_chosen(tmp_path, name):
    for default in (0, 1):
        path = two_sounds(tmp_path / f"{default}{name}", default)
        assert pitch(audio.read(path)) == pytest.approx((300, 600)[default], abs=2)
        for number in (0, 1):
            assert pitch(audio.read(path, stream=number)) == pytest.approx((300, 600)[number], abs=2)
            sound, rate = audio.read_original(path, stream=number)
            assert np.argmax(np.abs(np.fft.rfft(sound[:rate, 0]))) == pytest.approx((300, 600)[number], abs=2)


def test_a_sound_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    path = two_sounds(tmp_path / "a.mkv", 0)
    with pytest.raises(InputError, match=r"`audio_stream` 2.*has 2.*0: .*Comments.*1: .*Film") as caught:
        audio.read(path, stream=2)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="audio_stream"):
        audio.read(path, stream=-1)


def stereo(path: Path, left: np.ndarray, right: np.ndarray) -> Path:
    soundfile.write(path, np.stack([left, right], 1), 16_000, subtype="FLOAT")
    return path


@pytest.mark.parametrize("factor", [-1.0, -0.9, -1.1])
def test_opposite_phases_do_not_cancel(tmp_path, factor):
    wave = np.random.default_rng(0).normal(0, 0.05, 25 * 16_000).astype(np.float32)
    other = np.float32(factor) * wave
    with pytest.warns(PhonolipsWarning, match="cancel each other") as caught:
        sound = audio.read(stereo(tmp_path / "a.wav", wave, other))
    assert len(caught) == 1
    assert np.array_equal(sound, other if abs(factor) > 1 else wave)


def test_ordinary_stereo_is_averaged(tmp_path):
    rng = np.random.default_rng(0)
    voice, left, right = (rng.normal(0, 0.1, 25 * 16_000).astype(np.float32) for _ in range(3))
    silent = np.zeros_like(voice)
    cases = [(voice, voice), (left, right), (voice, silent), (silent, voice), (voice + left, voice - left)]
    for number, (one, other) in enumerate([*cases, (voice, -0.3 * voice)]):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            sound = audio.read(stereo(tmp_path / f"{number}.wav", one, other))
        assert np.array_equal(sound, np.clip((one + other) / 2, -1, 1))


@pytest.mark.parametrize("channels", [2, 7, 8, 9, 16, 64, 255])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_any_number_of_channels(tmp_path, channels, subtype):
    wave = np.random.default_rng(0).uniform(-0.5, 0.5, (1_600, channels)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", wave, 16_000, subtype=subtype)
    sound, rate = audio.read_original(tmp_path / "a.wav")
    assert (sound.shape, rate) == (wave.shape, 16_000)
    assert np.abs(sound - wave).max() < 1e-4
    assert np.abs(audio.read(tmp_path / "a.wav") - wave.mean(1)).max() < 1e-4


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mkv", "aac"), ("a.mkv", "libopus"), ("a.flac", "flac"), ("a.mkv", "ac3")]
)
def test_surround_sound(tmp_path, name, codec):
    channels = 6 if codec == "ac3" else 8
    wave = np.stack([tone(1)] + [np.zeros(RATE, np.float32)] * (channels - 1), axis=1)
    path = write_media(tmp_path / name, sounds=[wave], sound_codec=codec)
    assert audio.read_original(path)[0].shape[1] == channels
    assert np.abs(audio.read(path)[2_000:14_000]).max() == pytest.approx(0.3 / channels, rel=0.1)


def test_a_rate_that_changes_on_the_way(tmp_path):
    parts = []
    for rate in (48_000, 24_000):
        write_media(tmp_path / "a.aac", sounds=[tone(1, 300, rate)], rate=rate)
        parts.append((tmp_path / "a.aac").read_bytes())
    (tmp_path / "a.aac").write_bytes(b"".join(parts))
    sound = audio.read(tmp_path / "a.aac")
    assert len(sound) == pytest.approx(2 * 16_000, abs=3_000)
    assert pitch(sound) == pytest.approx(300, abs=2)
    assert pitch(sound[-16_000:]) == pytest.approx(300, abs=2)


@pytest.mark.parametrize("rate", [1, 3, 999, 2_000_000])
def test_absurd_rates_are_refused(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", np.zeros(4_000), rate)
    with pytest.raises(InputError, match=f"{rate} samples per second; expected 1000 to 1000000"):
        audio.read(tmp_path / "a.wav")
