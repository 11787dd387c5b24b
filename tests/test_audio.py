"""Reading sound of every kind, refusing what is none, and log-mel against another implementation."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import skip_without

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.media import audio as io
from phonolips.speech import mel as features


def tone(seconds: float, rate: int, hertz: float = 440.0, level: float = 0.3) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def encode(path: Path, waveform: np.ndarray, rate: int, codec: str) -> None:
    """Write a mono file with PyAV."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(waveform[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(
            format=stream.format.name, layout="mono", rate=rate, frame_size=stream.frame_size or 1024
        )
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2, 3, 6])
def test_any_rate_and_channels(tmp_path, rate, channels):
    path = tmp_path / "a.wav"
    wave = tone(1.0, rate)
    soundfile.write(path, np.stack([wave] * channels, 1), rate, subtype="PCM_16")
    got = io.read(path)
    assert got.dtype == np.float32
    assert len(got) == pytest.approx(16_000, abs=2)
    want = tone(1.0, 16_000)[: len(got)]
    assert np.abs(got[200:-200] - want[200 : len(got) - 200]).max() < 0.01


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.flac", "flac", 44_100),
        ("a.mp3", "libmp3lame", 44_100),
        ("a.m4a", "aac", 44_100),
        ("a.opus", "libopus", 48_000),
    ],
)
def test_compressed_formats(tmp_path, name, codec, rate):
    path = tmp_path / name
    encode(path, tone(2.0, rate), rate, codec)
    got = io.read(path)
    assert len(got) / 16_000 == pytest.approx(2.0, abs=0.08)
    assert np.sqrt((got**2).mean()) == pytest.approx(0.3 / np.sqrt(2), rel=0.1)


def test_ogg_vorbis(tmp_path):
    soundfile.write(tmp_path / "a.ogg", tone(2.0, 44_100), 44_100)
    assert len(io.read(tmp_path / "a.ogg")) / 16_000 == pytest.approx(2.0, abs=0.01)


def test_blocks_join_to_the_whole(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 44_100), 44_100)
    blocks = list(io.read_blocks(path, 1_000))
    assert {len(block) for block in blocks[:-1]} == {1_000}
    assert np.array_equal(np.concatenate(blocks), io.read(path))


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        io.read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_refuses_what_is_no_sound(tmp_path):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("hello, I am a text, not a sound\n" * 50)
    nan = tone(1.0, 16_000)
    nan[8_000] = np.nan
    soundfile.write(tmp_path / "nan.wav", nan, 16_000, subtype="FLOAT")
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 16_000)
    soundfile.write(tmp_path / "short.wav", np.zeros(100), 16_000)
    assert "no such file" in refusal(tmp_path / "absent.wav")
    assert "0 bytes" in refusal(tmp_path / "empty.wav")
    assert "not a sound or video" in refusal(tmp_path / "text.wav")
    assert "NaN" in refusal(tmp_path / "nan.wav")
    assert "0 ms" in refusal(tmp_path / "none.wav")
    assert "6 ms" in refusal(tmp_path / "short.wav")
    assert "folder" in refusal(tmp_path)


def test_a_video_without_sound_is_refused(tmp_path):
    from phonolips.media.video import write_video

    write_video(tmp_path / "a.mp4", (np.zeros((64, 64, 3), np.uint8) for _ in range(5)), 25)
    assert "no sound" in refusal(tmp_path / "a.mp4")


@pytest.mark.parametrize(("wave", "words"), [(np.zeros(16_000), "silent"), (np.sign(tone(1.0, 16_000)), "clipped")])
def test_odd_sound_is_warned_about(tmp_path, wave, words):
    soundfile.write(tmp_path / "a.wav", wave, 16_000)
    with pytest.warns(PhonolipsWarning, match=words):
        io.read(tmp_path / "a.wav")


def test_good_sound_is_not_warned_about(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(1.0, 16_000), 16_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        io.read(tmp_path / "a.wav")


def test_a_truncated_file_gives_what_is_there(tmp_path):
    encode(tmp_path / "a.mp3", tone(4.0, 44_100), 44_100, "libmp3lame")
    data = (tmp_path / "a.mp3").read_bytes()
    (tmp_path / "cut.mp3").write_bytes(data[: len(data) // 2])
    assert 1.0 < len(io.read(tmp_path / "cut.mp3")) / 16_000 < 2.5


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((2, 16_000), np.float32),
        np.zeros(16_000, np.int16),
        np.full(16_000, np.inf, np.float32),
        np.zeros(10, np.float32),
    ],
)
def test_arrays_are_checked(bad):
    with pytest.raises(InputError):
        io.check_waveform(bad)


def sounds() -> dict[str, np.ndarray]:
    """Make sounds of odd lengths and extreme loudness."""
    rng = np.random.default_rng(0)
    noise = {f"noise of {n} samples": rng.uniform(-0.3, 0.3, n) for n in (1, 160, 161, 479, 16_000, 33_333, 330_001)}
    levels = {f"noise at {level}": level * rng.normal(size=8_000) for level in (1e-30, 1e-6, 1e-3, 1.0, 1e3, 1e8)}
    square = np.sign(tone(0.5, 16_000, 100.0))
    odd = {"silence": np.zeros(8_000), "smallest numbers": np.full(8_000, 1e-42), "square": square}
    return {name: wave.astype(np.float32) for name, wave in {**noise, **levels, **odd}.items()}


@pytest.mark.parametrize(("name", "waveform"), sounds().items(), ids=sounds())
def test_log_mel_agrees_with_torchaudio(name, waveform):
    skip_without("train")
    import torch
    import torchaudio

    ours = features.log_mel(waveform)
    theirs = torchaudio.transforms.MelSpectrogram(
        16_000, n_fft=512, win_length=400, hop_length=160, f_min=20.0, f_max=7600.0, n_mels=80, center=False
    )
    # torchaudio puts the 400-sample window in the middle of 512, that is 56 samples in.
    rest = -len(waveform) % 160
    padded = np.pad(waveform, (features.LOOK_BACK_SAMPLES + 56, features.LOOK_AHEAD_SAMPLES + 56 + rest))
    expected = torch.log(theirs(torch.from_numpy(padded)) + features.FLOOR).T.numpy()
    assert ours.dtype == np.float32
    assert ours.shape == (-(-len(waveform) // 160), 80) == expected.shape
    assert np.abs(ours - expected).max() < 1e-4


@pytest.mark.parametrize("hertz", [50.0, 440.0, 3_000.0])
def test_log_mel_of_a_loud_tone_is_right_where_there_is_next_to_nothing(hertz):
    """Beside a loud tone what is left of float32 is about the floor; torch itself is off by ten times as much there."""
    waveform = tone(1.0, 16_000, hertz, 1.0)
    padded = np.pad(waveform.astype(np.float64), features.LOOK_BACK_SAMPLES)
    pieces = np.lib.stride_tricks.sliding_window_view(padded, 400)[::160]
    power = np.abs(np.fft.rfft(pieces * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)), n=512)) ** 2
    expected = np.log(power @ features.mel_filters().astype(np.float64) + features.FLOOR)
    assert np.abs(features.log_mel(waveform) - expected).max() < 2e-3


def test_log_mel_is_the_same_however_much_is_computed_at_once(monkeypatch):
    waveform = sounds()["noise of 33333 samples"]
    whole = features.log_mel(waveform)
    monkeypatch.setattr(features, "BLOCK_STEPS", 7)
    assert np.abs(features.log_mel(waveform) - whole).max() < 2e-6


def test_a_click_is_loudest_at_its_own_step():
    waveform = np.zeros(16_000, np.float32)
    waveform[160 * 37 + 80] = 1.0
    assert features.log_mel(waveform).mean(1).argmax() == 37


def test_the_last_step_may_be_padding():
    assert len(features.log_mel(np.zeros(161, np.float32))) == 2


def test_all_channels_are_read_at_their_own_rate(tmp_path):
    wave = np.random.default_rng(0).uniform(-0.5, 0.5, (22_050, 3)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", wave, 22_050, subtype="FLOAT")
    sound, rate = io.read_original(tmp_path / "a.wav")
    assert rate == 22_050
    assert np.array_equal(sound, wave)
