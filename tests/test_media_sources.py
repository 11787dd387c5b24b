"""Where recordings come from: any name, pipes, photos of any kind; and what is refused in one line."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import skip_without
from media_files import tone, write_media
from PIL import Image

from phonolips import from_audio
from phonolips.errors import InputError
from phonolips.face.photo import is_photo, read_photo
from phonolips.media import audio, video
from phonolips.synth.options import Options

ODD_NAMES = (
    *("take: 3", "12:30 talk", "http:x", "concat:a|b", "pipe:1", "file:x", "subfile,,start,0,end,9,,:x", "-v"),
    *("100%", "frame%03d", "a*b?[c]", "été 日本", "a b\tc", "'quoted\""),
)


def pictures(count: int) -> np.ndarray:
    return np.full((count, 32, 48, 3), 90, np.uint8)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_name_is_never_a_protocol(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    soundfile.write(tmp_path / f"{name}.wav", tone(1, 300, 16_000), 16_000, format="WAV")
    assert len(audio.read(Path(f"{name}.wav"))) == 16_000
    assert len(audio.read_original(Path(f"{name}.wav"))[0]) == 16_000
    for suffix in (".mp4", ".mkv"):
        video.write_video(Path(name + suffix), pictures(5), 25, waveform=tone(0.2, 300, 16_000))
        assert len(list(video.read_frames(Path(name + suffix)))) == 5
        assert video.probe(Path(name + suffix)).has_audio
    video.write_gif(Path(f"{name}.gif"), pictures(5), 25, pictures(1))
    assert len(list(video.read_frames(Path(f"{name}.gif")))) == 5
    assert sorted(os.listdir(tmp_path)) == sorted(name + suffix for suffix in (".wav", ".mp4", ".mkv", ".gif"))


def test_a_name_that_is_no_text(tmp_path):
    path = tmp_path / os.fsdecode(b"bad\xff.wav")
    try:
        path.write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes only names that are UTF-8")
    with path.open("wb") as file:
        soundfile.write(file, tone(1, 300, 16_000), 16_000, format="WAV")
    assert len(audio.read(path)) == 16_000


PLAYLISTS = {
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n",
    "m3u": "#EXTM3U\n{target}\n",
    "ffconcat": "ffconcat version 1.0\nfile '{target}'\n",
    "concat": "file '{target}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "mpd": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{target}</BaseURL></MPD>\n',
}


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("suffix", ["", ".mp4", ".wav"])
def test_playlists_open_nothing(tmp_path, kind, suffix):
    soundfile.write(tmp_path / "secret.wav", tone(1, 300, 16_000), 16_000)
    path = tmp_path / f"a{suffix or f'.{kind}'}"
    path.write_text(PLAYLISTS[kind].format(target=tmp_path / "secret.wav"))
    for read in (audio.read, audio.read_original, video.probe, lambda file: list(video.read_frames(file))):
        with pytest.raises(InputError, match="is a playlist") as caught:
            read(path)
        assert "\n" not in str(caught.value)
    with path.open("rb") as file, pytest.raises(InputError, match="not a sound or video"):
        list(audio.read_blocks(file))


def test_a_text_is_no_film(tmp_path):
    (tmp_path / "a.nfo").write_text("\x1b[31mHello\n" * 100)
    with pytest.raises(InputError, match=r"not a readable video|no video stream"):
        video.probe(tmp_path / "a.nfo")


# ---------------------------------------------------------------- pipes


@pytest.fixture
def wave(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "a.wav", tone(1, 300, 16_000), 16_000)
    return tmp_path / "a.wav"


def read_through(path: Path, content: bytes) -> np.ndarray:
    """Read a FIFO's sound while somebody writes it."""
    writer = threading.Thread(target=path.write_bytes, args=(content,))
    writer.start()
    try:
        return audio.read(path)
    finally:
        writer.join()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_read_again_from_its_copy(tmp_path, wave):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    sound = read_through(fifo, wave.read_bytes())
    assert np.array_equal(sound, audio.read(wave))
    assert np.array_equal(audio.read(fifo), sound)
    assert np.array_equal(audio.read_original(fifo)[0], audio.read_original(wave)[0])
    result = from_audio(fifo)
    assert result.read_sound() is not None
    with pytest.raises(InputError, match="no video stream") as caught:
        video.probe(fifo)
    assert str(caught.value).startswith(f"{fifo}: ")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_comes_through_a_pipe_is_called_by_its_name(tmp_path):
    for name, content, words in (("empty", b"", "0 bytes"), ("text", b"words\n" * 99, "not a sound or video")):
        os.mkfifo(tmp_path / name)
        with pytest.raises(InputError, match=words) as caught:
            read_through(tmp_path / name, content)
        assert str(caught.value).startswith(f"{tmp_path / name}: ")


def test_an_open_file_that_cannot_seek(wave):
    reading, writing = os.pipe()
    writer = threading.Thread(target=lambda: os.fdopen(writing, "wb").write(wave.read_bytes()))
    writer.start()
    with os.fdopen(reading, "rb") as file:
        assert np.array_equal(np.concatenate(list(audio.read_blocks(file))), audio.read(wave))
    writer.join()


def run(words: list[str], folder: Path, **options) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TMPDIR": str(folder / "temporary"), "OMP_NUM_THREADS": "1"}
    (folder / "temporary").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "phonolips", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, **options)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
@pytest.mark.parametrize("piped", [True, False])
def test_the_standard_input_is_a_recording(tmp_path, wave, name, piped):
    if name != "-" and not os.path.exists(name):
        pytest.skip("no /dev/stdin here")
    source = subprocess.Popen(["cat", str(wave)], stdout=subprocess.PIPE) if piped else None
    with wave.open("rb") as file:
        words = ["synth", "--audio", name, "--no-pictures", "--out", "o"]
        done = run(words, tmp_path, stdin=source.stdout if source is not None else file)
    if source is not None:
        source.wait()
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "o" / "lips.npz") as piped_lips:
        assert np.array_equal(piped_lips["lips"], from_audio(wave).lips)
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.slow
def test_nothing_through_the_standard_input_is_one_line(tmp_path):
    for stdin, content in ((subprocess.DEVNULL, None), (None, "")):
        more = {"stdin": stdin} if content is None else {"input": content}
        done = run(["synth", "--audio", "-", "--no-pictures", "--out", "o"], tmp_path, **more)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert "error: -: " in done.stderr
        assert not (tmp_path / "o").exists()


# ---------------------------------------------------------------- a chosen sound, from the verbs


def test_the_chosen_sound_is_kept_beside_its_lips(tmp_path):
    from phonolips.synth.files import Request, synthesise

    waves = [tone(1), tone(1, 600)]
    path = write_media(tmp_path / "a.mkv", sounds=waves, sound_codec="pcm_s16le")
    for number, hertz in enumerate((300, 600)):
        out = tmp_path / f"{number}"
        synthesise(Request(out=out, audio=path, audio_stream=number, pictures=False))
        sound, rate = soundfile.read(out / "speech.wav")
        assert np.argmax(np.abs(np.fft.rfft(sound[:rate]))) == pytest.approx(hertz, abs=2)
    with pytest.raises(InputError, match="`audio_stream` 2"):
        synthesise(Request(out=tmp_path / "2", audio=path, audio_stream=2, pictures=False))
    with pytest.raises(InputError, match="`audio_stream` 0: goes with `audio`"):
        synthesise(Request(out=tmp_path / "2", phones="B IY", audio_stream=0))
    assert not (tmp_path / "2").exists()


def test_the_chosen_sound_goes_with_a_batch():
    assert "audio_stream" not in Options().as_json()  # batches that began before it could be chosen go on
    assert Options(audio_stream=1).as_json()["audio_stream"] == 1


# ---------------------------------------------------------------- photos


PHOTO_KINDS = ("png", "jpg", "webp", "avif", "bmp", "tiff", "gif", "ppm", "tga")


@pytest.mark.parametrize("kind", PHOTO_KINDS)
def test_photos_of_every_kind_are_told_by_their_content(tmp_path, kind):
    picture = Image.fromarray(np.tile(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], (48, 1, 3)))
    kinds = Image.registered_extensions()
    if f".{kind}" not in kinds:
        pytest.skip(f"this Pillow does not write {kind}")
    for name in (f"a.{kind}", f"A.{kind.upper()}", "film.mp4", "nothing"):
        picture.save(tmp_path / name, format=kinds[f".{kind}"])
        if kind == "tga" and "." not in name:
            continue
        assert is_photo(tmp_path / name)
        assert np.abs(read_photo(tmp_path / name).astype(int) - np.asarray(picture)).mean() < 6


def test_films_are_no_photos(tmp_path):
    frames = [Image.fromarray(np.full((32, 32, 3), 90 * number, np.uint8)) for number in range(3)]
    for name in ("a.gif", "a.png"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        assert not is_photo(tmp_path / name)
    video.write_video(tmp_path / "a.mp4", pictures(5), 25)
    assert not is_photo(tmp_path / "a.mp4")
    os.rename(tmp_path / "a.mp4", tmp_path / "a.mpg")
    assert not is_photo(tmp_path / "a.mpg")
    frames[0].save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=frames[1:])  # as phones do
    assert is_photo(tmp_path / "a.jpg")


def test_photos_that_cannot_be_read_are_one_line(tmp_path):
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500))
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8\xff\xe0nothing")
    (tmp_path / "c.mp4").write_bytes((tmp_path / "a.heic").read_bytes())
    for name, words in (("a.heic", "HEIC.*convert"), ("b.jpg", "not a readable picture"), ("c.mp4", "HEIC.*convert")):
        assert is_photo(tmp_path / name)
        with pytest.raises(InputError, match=words) as caught:
            read_photo(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_photo_is_no_video_to_edit(tmp_path):
    from phonolips import edit

    Image.new("RGB", (64, 64)).save(tmp_path / "a.webp")
    with pytest.raises(InputError, match="is a picture"):
        edit(tmp_path / "a.webp", "one", "two")


def test_a_photo_without_a_face_is_said_to_be_one(tmp_path):
    skip_without("face")
    from phonolips import adapt

    for kind in ("webp", "bmp", "tiff"):
        Image.new("RGB", (64, 64)).save(tmp_path / f"a.{kind}")
        with pytest.raises(InputError, match="no face found"):
            adapt(tmp_path / f"a.{kind}")
