"""An edit keeps its recording's timing, aspect and sound: to the sample outside the changes."""

import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from conftest import skip_without

from phonolips.editing.edit import edit
from phonolips.editing.edited import Edited
from phonolips.editing.sound import Piece, SoundPlan, Voice, crossfade, write_exact
from phonolips.editing.timeline import Cut
from phonolips.errors import InputError
from phonolips.media.audio import read, read_original
from phonolips.media.video import probe, read_frames
from phonolips.phones.intervals import Alignment, Interval
from phonolips.synth.folder import read_result

TEXT, TO = "bin blue at f two now", "bin red at f two now"
FRAMES, FPS = 72, Fraction(30000, 1001)
EDGE_SECONDS = 0.02  # of a crossfade and what its rounding takes


def spelt() -> Alignment:
    """The sentence, its words of 0.3 s each from 0.2 s on."""
    said = (("bin", "B IH N"), ("blue", "B L UW"), ("at", "AE T"), ("f", "EH F"), ("two", "T UW"), ("now", "N AW"))
    words, phones, at = [], [], 0.2
    for word, spelling in said:
        names = spelling.split()
        words.append(Interval(word, at, at + 0.3))
        phones += [
            Interval(name, at + 0.3 * place / len(names), at + 0.3 * (place + 1) / len(names))
            for place, name in enumerate(names)
        ]
        at += 0.3
    return Alignment.build(words, phones, FRAMES / float(FPS))


def noise(seconds: float, rate: int, channels: int) -> np.ndarray:
    """Noise of its own on every channel, float32 (samples, channels)."""
    return np.random.default_rng(7).normal(0, 0.1, (round(seconds * rate), channels)).clip(-1, 1).astype(np.float32)


def write_film(
    path: Path,
    sound: np.ndarray,
    rate: int,
    *,
    codec: str = "pcm_s16le",
    late: float = 0.0,
    aspect: str = "",
    turned: bool = False,
) -> Path:
    """Film the portrait that comes with scikit-image, a pixel further to the left in every picture.

    `turned` films it as a telephone on its side does: the pictures lie, and the .mov says that they are to be turned.
    """
    from skimage.data import astronaut

    portrait = astronaut()
    with av.open(str(path), "w") as file:
        pictures = file.add_stream("libx264", rate=FPS, options={"crf": "12"})
        pictures.width, pictures.height, pictures.pix_fmt = 200 if aspect else 400, 400, "yuv420p"
        pictures.codec_context.time_base = 1 / FPS
        if aspect:
            pictures.sample_aspect_ratio = Fraction(aspect)
        voice = file.add_stream(codec, rate=rate, layout={1: "mono", 2: "stereo", 6: "5.1"}[sound.shape[1]])
        for index in range(FRAMES):
            view = np.rot90(portrait[:400, index : index + 400], int(turned))
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(view), format="rgb24")
            frame = frame.reformat(width=pictures.width, height=400)
            frame.pts, frame.time_base = index, 1 / FPS
            file.mux(pictures.encode(frame))
        file.mux(pictures.encode(None))
        whole = np.round(sound * 32767).astype(np.int16).reshape(1, -1)
        block = av.AudioFrame.from_ndarray(whole, format="s16", layout=voice.layout.name)
        block.sample_rate, block.time_base, block.pts = rate, Fraction(1, rate), round(late * rate)
        resampler = av.AudioResampler(voice.format.name, voice.layout.name, rate, frame_size=1024)
        for part in (*resampler.resample(block), *resampler.resample(None)):
            file.mux(voice.encode(part))
        file.mux(voice.encode(None))
    if turned:
        data = bytearray(path.read_bytes())
        matrix = data.index(b"tkhd") + 44  # of the first track, the pictures
        data[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 400 << 16, 0, 1 << 30)
        path.write_bytes(data)
    return path


@pytest.fixture
def edited(tmp_path, monkeypatch):
    """Edit a film with a made-up speaker, so that nothing is fitted; (Edited, folder)."""
    skip_without("face")

    def make(film: Path, *, speak: str | None = "espeak", face: bool = False) -> tuple[Edited, Path]:
        done = edit(film, TEXT, TO, alignment=spelt(), speaker="s1", speak=speak)
        done.save(tmp_path / "out", face=face)
        return done, tmp_path / "out"

    return make


def kept_parts(done: Edited, rate: int) -> tuple[slice, slice, int]:
    """Where the edited sound is the recorded one, before and after the change, and by how much the latter comes late."""
    (cut,) = done.cuts
    edge = round(EDGE_SECONDS * rate)
    before = slice(0, round(cut.new_start * rate) - edge)
    after = slice(round(cut.new_end * rate) + edge, round(done.seconds * rate))
    return before, after, round(cut.new_end * rate) - round(cut.old_end * rate)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*transcript fits the sound badly")
@pytest.mark.parametrize(
    ("codec", "rate", "channels", "late"),
    [
        ("pcm_s16le", 48_000, 2, 0.0),
        ("pcm_s16le", 44_100, 1, 0.35),
        ("pcm_s16le", 22_050, 2, 0.0),
        ("aac", 44_100, 2, 0),
    ],
)
def test_sound_is_the_recorded_one_to_the_sample(edited, tmp_path, codec, rate, channels, late):
    film = write_film(tmp_path / "film.mkv", noise(2.4 - late, rate, channels), rate, codec=codec, late=late)
    done, out = edited(film)
    recorded, found = read_original(film)
    assert found == rate
    written, written_rate = soundfile.read(out / "edited.wav", dtype="float32", always_2d=True)
    assert (written_rate, written.shape) == (rate, (round(done.seconds * rate), channels))
    assert soundfile.info(out / "edited.wav").subtype == ("FLOAT" if codec == "aac" else "PCM_16")
    before, after, shift = kept_parts(done, rate)
    assert shift == round(round(shift * FPS / rate) * rate / FPS), "moved by whole frames"
    assert np.array_equal(written[before], recorded[before])
    assert np.abs(recorded[before]).max() > 0.1
    assert not late or not written[: round((late - 0.001) * rate)].any(), "late sound stays late"
    source = recorded[after.start - shift : after.stop - shift]
    assert np.array_equal(written[after][: len(source)], source)
    assert not written[after][len(source) :].any(), "beyond the recorded sound there is silence"
    edge = round(2 * EDGE_SECONDS * rate)
    changed = written[before.stop + edge : after.start - edge]
    assert len(changed) > 0.1 * rate
    assert np.abs(changed).max() > 0.005
    assert np.array_equal(changed.min(1), changed.max(1)), "the voice is on all channels alike"
    assert read_result(out).sound == out / "edited.wav"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*transcript fits the sound badly")
def test_the_film_keeps_rate_channels_and_time(edited, tmp_path):
    film = write_film(tmp_path / "film.mov", noise(2.4, 44_100, 2), 44_100)
    done, out = edited(film, face=True)
    info = probe(out / "edited.mp4")
    assert (info.fps, info.width, info.height) == (FPS, 400, 400)
    assert sum(1 for _ in read_frames(out / "edited.mp4")) == len(done.lips)
    recorded, _ = read_original(film)
    heard, rate = read_original(out / "edited.mp4")
    assert (rate, heard.shape[1]) == (44_100, 2)
    before, after, shift = kept_parts(done, rate)
    for channel in range(2):
        for part, moved in ((before, 0), (after, shift)):
            assert lag(heard[part, channel], recorded[part.start - moved : part.stop - moved, channel]) == 0


@pytest.mark.filterwarnings("ignore:.*transcript fits the sound badly", "ignore:the new words are silent")
def test_the_sound_that_is_chosen_of_several_is_the_one_that_is_kept(edited, tmp_path, monkeypatch):
    film = write_film(tmp_path / "film.mkv", noise(2.4, 32_000, 1), 32_000)
    asked = []

    def read_second(path: Path, *, stream: int | None = None) -> tuple[np.ndarray, int]:
        asked.append(stream)
        return read_original(path)

    monkeypatch.setattr("phonolips.editing.edited.read_original", read_second)
    done, _ = edited(film, speak=None)
    Edited.save(replace(done, recording=replace(done.recording, audio_stream=1)), tmp_path / "other", face=False)
    assert asked == [None, 1]


def lag(one: np.ndarray, other: np.ndarray) -> int:
    """Return by how many samples `one` comes later than `other`, the peak of their cross-correlation."""
    size = 1 << (len(one) + len(other)).bit_length()
    peak = int(np.fft.irfft(np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size)), size).argmax())
    return peak - size if peak > size // 2 else peak


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*transcript fits the sound badly", "ignore:the new words are silent")
@pytest.mark.parametrize("how", [{"aspect": "2"}, {"turned": True}])
def test_pictures_come_out_as_they_were_seen(edited, tmp_path, how):
    """Pixels that are not square, and a telephone on its side."""
    film = write_film(tmp_path / "film.mov", noise(2.4, 48_000, 1), 48_000, codec="aac", **how)
    plain = write_film(tmp_path / "plain.mov", noise(2.4, 48_000, 1), 48_000, codec="aac")
    done, out = edited(film, speak=None, face=True)
    info = probe(out / "edited.mp4")
    assert (info.width, info.height) == (400, 400)
    one, other = (next(iter(read_frames(path))).astype(float) for path in (plain, out / "edited.mp4"))
    assert np.abs(one - other).mean() < 6
    with av.open(str(out / "edited.mp4")) as file:
        assert next(file.decode(video=0)).rotation == 0
        assert file.streams.video[0].sample_aspect_ratio in (None, 1)
    assert done.recording.fps == pytest.approx(float(FPS))


def test_a_recording_of_the_new_words_is_read_at_the_films_rate(tmp_path):
    tone = np.sin(2 * np.pi * 12_000 * np.arange(48_000) / 48_000).astype(np.float32) / 2
    soundfile.write(tmp_path / "new.wav", tone, 48_000, subtype="FLOAT")
    voice = Voice(read(tmp_path / "new.wav"), Alignment.build([], [Interval("sil", 0, 1)], 1.0), tmp_path / "new.wav")
    assert np.abs(voice.waveform[2000:-2000]).max() < 0.01, "16 kHz cannot hold it"
    joined = SoundPlan([Cut(0.2, 0.5, 0.2, 0.8)], voice, [0.1], 1.0, 1.0).join(
        np.zeros((48_000, 2), np.float32), 48_000
    )
    inside = joined[round(0.25 * 48_000) : round(0.75 * 48_000)]
    assert np.abs(inside).max() == pytest.approx(0.5, abs=0.01)
    assert np.array_equal(inside[:, 0], inside[:, 1])


@pytest.mark.parametrize("channels", [(), (1,), (3,)])
def test_crossfades_are_those_of_each_channel(channels):
    rng = np.random.default_rng(0)
    sounds = [rng.normal(0, 0.1, (2000, *channels)).astype(np.float32) for _ in range(2)]
    pieces = [Piece(0, 700, sounds[0], 0), Piece(700, 900, sounds[1], 50), Piece(900, 2100, sounds[0], 1000)]
    joined = crossfade(pieces, 2100, rate=8000)
    assert (joined.dtype, joined.shape) == (np.float32, (2100, *channels))
    assert np.array_equal(joined[: 700 - 80], sounds[0][: 700 - 80])
    assert np.array_equal(joined[980:1900], sounds[0][1080:2000])
    assert not joined[2000:].any()
    for index in np.ndindex(*channels):
        alone = [piece._replace(waveform=piece.waveform[(slice(None), *index)]) for piece in pieces]
        assert np.array_equal(crossfade(alone, 2100, rate=8000), joined[(slice(None), *index)])


@pytest.mark.parametrize(
    ("scale", "subtype"), [(1 << 15, "PCM_16"), (1 << 23, "PCM_24"), (None, "FLOAT"), (1 << 10, "PCM_16")]
)
def test_a_wav_holds_a_recordings_samples_as_they_are(tmp_path, scale, subtype):
    rng = np.random.default_rng(3)
    sound = rng.uniform(-1, 1, (300_000, 2)).astype(np.float32)
    if scale is not None:
        sound = (np.clip(np.round(sound * scale), -scale, scale - 1) / scale).astype(np.float32)
        sound[:2] = [[-1, -1], [(scale - 1) / scale] * 2]
    else:
        sound[0] = [1.25, -1.5]  # as AAC decodes a loud sound
    write_exact(tmp_path / "a.wav", sound, 44_100, sound)
    assert soundfile.info(tmp_path / "a.wav").subtype == subtype
    found, rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert rate == 44_100
    assert np.array_equal(found, sound)
    louder = sound + np.float32(0.3)  # what is mixed in need not fit
    write_exact(tmp_path / "b.wav", louder, 44_100, sound)
    assert np.abs(soundfile.read(tmp_path / "b.wav")[0]).max() <= (1 if scale else 1.6)


@pytest.mark.parametrize("name", ["edited.mp4", "edited.wav", "lips.mp4"])
def test_an_edit_does_not_write_over_its_input(tmp_path, name, command):
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match="would be overwritten; choose another `out`"):
        edit(tmp_path / name, TEXT, TO, tmp_path)
    code, _, err = command("edit", "--video", tmp_path / name, "--transcript", TEXT, "--to", TO, "--out", tmp_path)
    assert (code, err.count("would be overwritten; choose another --out")) == (1, 1)
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.filterwarnings("ignore:.*transcript fits the sound badly", "ignore:the new words are silent")
def test_an_edit_and_a_synthesis_clear_each_others_files(edited, tmp_path, command):
    out = tmp_path / "out"
    code, _, err = command("synth", "--text", "one", "--export", "srt,arkit", "--out", out)
    assert code == 0, err
    (out / "notes.srt").write_text("mine")
    film = write_film(tmp_path / "film.mkv", noise(2.4, 16_000, 1), 16_000)
    edited(film, speak=None)
    names = {path.name for path in out.iterdir()}
    made = {"edit.npz", "edited.wav", "comparison.png"}
    usual = {"lips.npz", "posteriors.npz", "phones.TextGrid", "posteriorgram.png", "lips.mp4", "notes.srt"}
    assert names == usual | made
    code, _, err = command("synth", "--text", "one", "--out", out)
    assert code == 0, err
    assert {path.name for path in out.iterdir()} == usual
