"""Arguments and files that cannot be used end in one clear line, and nothing of the caller's is lost."""

import numpy as np
import pytest
import soundfile

import phonolips
from phonolips.cli import main
from phonolips.errors import InputError, PhonolipsError, PhonolipsWarning
from phonolips.media.video import probe
from phonolips.storage import atomic_file, write_arrays


@pytest.fixture(scope="module")
def result():
    return phonolips.from_text("bin blue", emphasis={"blue": 1.5})


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "a.wav"
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(16_000), 16_000)
    return path


@pytest.mark.parametrize("rate", [0, -1, float("nan"), 1, "16000"])
def test_a_rate_that_no_sound_has(rate):
    with pytest.raises(InputError, match=r"sample_rate .*; expected 1000 to"):
        phonolips.from_audio(np.zeros(16_000), sample_rate=rate)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        (iter([]), "holds no samples"),
        (iter([np.zeros((16_000, 2))]), r"float64 of shape \(16000, 2\)"),
        (iter([np.zeros(16_000, np.int16)]), "int16"),
        (iter([np.full(16_000, np.nan)]), "audio: holds NaN"),
        (range(5), "int64"),
        ({"a": 1}, r"of shape \(\)"),
    ],
)
def test_blocks_that_are_no_sound(blocks, message):
    with pytest.raises(InputError, match=message):
        phonolips.from_audio(blocks)


def test_blocks_of_another_precision_are_the_same_sound():
    blocks = np.random.default_rng(1).standard_normal((2, 8_000)).astype(np.float32)
    single, double = (phonolips.from_audio(iter(blocks.astype(kind))) for kind in (np.float32, np.float64))
    assert np.array_equal(single.lips, double.lips)


@pytest.mark.parametrize("waveform", [np.zeros(0), np.full(100, np.inf), np.zeros((100, 2))])
def test_a_sound_to_carry_along(waveform, result):
    with pytest.raises(InputError, match=r"^waveform"):
        phonolips.from_posteriors(result.posteriors, waveform=waveform)


def test_a_misspelt_option_is_a_bug_of_the_caller():
    with pytest.raises(TypeError, match="'livelines'; expected speaker, fps"):
        phonolips.from_text("bin", livelines=0)


@pytest.mark.parametrize(
    ("speaker", "message"),
    [
        (np.zeros(3), "speaker is ndarray; expected a name"),
        ("me.json", "read a file with"),
        ("s99", "it knows: mean, s1"),
    ],
)
def test_a_speaker_that_is_none(speaker, message):
    with pytest.raises(InputError, match=message):
        phonolips.from_text("bin", speaker=speaker)


def test_a_factor_of_any_precision_is_one(result):
    single = phonolips.from_text("bin blue", emphasis={"blue": np.float32(1.5)})
    assert np.array_equal(single.lips, result.lips)


@pytest.mark.parametrize("emphasis", [{"bin": 99}, {"bin": "much"}, "bin"])
def test_emphasis_that_is_none(emphasis):
    with pytest.raises(InputError, match=r"^emphasis"):
        phonolips.from_text("bin", emphasis=emphasis)


@pytest.mark.parametrize(
    ("lips", "fps"),
    [
        (np.zeros((5, 40)), 25),
        (np.zeros((0, 40, 2)), 25),
        (np.full((5, 40, 2), np.nan), 25),
        (np.zeros((5, 40, 2)), 0),
        (np.zeros((5, 40, 2)), np.nan),
    ],
)
def test_a_file_of_lips_that_are_none(lips, fps, tmp_path):
    write_arrays(tmp_path / "lips.npz", "lips", 2, lips=lips, fps=fps)
    with pytest.raises(InputError, match=r"lips\.npz: not a lips\.npz \(.*expected"):
        phonolips.read(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"posteriors": np.ones((20, 3))},
        {"posteriors": np.full((20, 40), np.nan)},
        {"posteriors": np.full((20, 40), "a")},
        {"lip_parameters": np.zeros((4, 3))},
        {"lip_parameters": np.full((5, 3), np.nan)},
        {"lip_parameter_names": np.array(["opening"])},
    ],
)
def test_a_file_of_posteriors_that_are_none(change, result, tmp_path):
    good = phonolips.from_posteriors(result.posteriors[:20])
    good.save(tmp_path, pictures=False)
    assert len(phonolips.read(tmp_path).lip_parameters) == 5
    arrays = dict(np.load(tmp_path / "posteriors.npz"))
    del arrays["format"], arrays["format_version"]
    write_arrays(tmp_path / "posteriors.npz", "posteriors", 2, **arrays | change)
    with pytest.raises(InputError, match=r"posteriors\.npz: not a posteriors\.npz"):
        phonolips.read(tmp_path)


ODD = [
    None,
    True,
    "a",
    b"a",
    1j,
    [1, "a"],
    {},
    [[1, 2], [3]],
    np.array("a"),
    np.array([None]),
    np.zeros((2, 2), "M8[s]"),
    object(),
]


@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize(
    ("verb", "name"),
    [
        ("from_posteriors", "posteriors"), ("from_posteriors", "lip_parameters"), ("from_posteriors", "waveform"),
        ("from_posteriors", "mean_lip"), ("from_posteriors", "liveliness"), ("from_posteriors", "fps"), ("from_posteriors", "emphasis"),
        ("from_posteriors", "shut_in_silence"), ("from_text", "rate"), ("from_text", "text"), ("from_text", "language"),
        ("from_text", "durations"), ("from_phones", "phones"), ("from_alignment", "alignment"), ("from_audio", "sample_rate"),
    ],
)  # fmt: skip
def test_arguments_of_other_types_are_named(value, verb, name, result):
    """Whatever stands for an argument is used or refused in one line that names it; never a traceback."""
    given = {
        "from_posteriors": {"posteriors": result.posteriors},
        "from_text": {"text": "bin"},
        "from_phones": {},
        "from_alignment": {},
        "from_audio": {"audio": np.zeros(8000)},
    }[verb]
    said = ""
    try:
        getattr(phonolips, verb)(**given | {name: value})
    except PhonolipsError as error:
        said = str(error)
    assert "\n" not in said
    assert not said or any(word in said for word in (name.rstrip("s"), "alignment", "TextGrid"))


def test_saving_what_was_read_loses_no_sound(recording, tmp_path):
    phonolips.from_audio(recording).save(tmp_path / "a", speech=True)
    again = phonolips.read(tmp_path / "a")
    before = (tmp_path / "a" / "speech.wav").read_bytes()
    again.save(tmp_path / "a")
    assert (tmp_path / "a" / "speech.wav").read_bytes() == before
    assert probe(tmp_path / "a" / "lips.mp4").has_audio
    again.save(tmp_path / "b", pictures=False, speech=True)
    assert (tmp_path / "b" / "speech.wav").read_bytes() == before


def test_what_a_tracked_file_holds_besides_comes_along(tmp_path):
    lips = np.random.default_rng(2).standard_normal((5, 40, 2)).astype(np.float32)
    more = {"detected": np.array([True, False, True, True, True])}
    write_arrays(tmp_path / "lips.npz", "lips", 2, lips=lips, fps=25.0, **more)
    phonolips.read(tmp_path).save(tmp_path / "new", pictures=False)
    assert np.array_equal(np.load(tmp_path / "new" / "lips.npz")["detected"], more["detected"])


def test_a_saved_result_knows_its_folder(result, tmp_path):
    result.save(tmp_path, pictures=False)
    assert result.export("arkit") == [tmp_path / "arkit.json"]


def test_speech_without_a_sound_is_missed(result, tmp_path):
    with pytest.warns(PhonolipsWarning, match=r"no sound is known, so no speech\.wav"):
        result.save(tmp_path, pictures=False, speech=True)


def run(monkeypatch, *words):
    monkeypatch.setattr("sys.argv", ["phonolips", *map(str, words)])
    try:
        main()
    except SystemExit as end:
        return end.code or 0
    return 0


def test_a_recording_in_the_output_folder_is_kept(recording, tmp_path, monkeypatch, capsys):
    sound = tmp_path / "speech.wav"
    sound.write_bytes(recording.read_bytes())
    assert run(monkeypatch, "synth", "--audio", sound, "--out", tmp_path, "--no-pictures") == 0
    grid = tmp_path / "phones.TextGrid"
    assert run(monkeypatch, "synth", "--textgrid", grid, "--audio", sound, "--out", tmp_path, "--no-pictures") == 0
    assert sound.read_bytes() == recording.read_bytes()
    film = tmp_path / "lips.mp4"
    film.write_bytes(recording.read_bytes())
    assert run(monkeypatch, "synth", "--audio", film, "--out", tmp_path) == 1
    assert "lips.mp4: would be overwritten; choose another --out" in capsys.readouterr().err
    assert film.read_bytes() == recording.read_bytes()


def test_all_formats_leave_out_what_the_sound_does_not_give(recording, tmp_path, monkeypatch):
    assert run(monkeypatch, "synth", "--audio", recording, "--export", "all", "--out", tmp_path, "--no-pictures") == 0
    assert (tmp_path / "arkit.json").is_file()
    assert not (tmp_path / "words.srt").exists()


def test_a_path_that_begins_like_an_option_is_named_as_it_is(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text file.wav").write_text("no sound")
    assert run(monkeypatch, "synth", "--audio", "text file.wav", "--out", "out") == 1
    assert "error: text file.wav: not a sound" in capsys.readouterr().err


def test_a_picture_does_not_replace_its_textgrid(recording, tmp_path, monkeypatch, capsys):
    target = tmp_path / "x.png"
    assert run(monkeypatch, "align", recording, "--text", "bin", "--plot", "--out", target) == 1
    assert "names the TextGrid" in capsys.readouterr().err
    assert not target.exists()


def test_errors_name_the_file_and_not_the_temporary_one(tmp_path):
    with pytest.raises(IsADirectoryError, match=tmp_path.name), atomic_file(tmp_path):
        pass
    with pytest.raises(PermissionError, match=r"/a\.txt'$"), atomic_file(tmp_path / "a.txt") as temporary:
        raise PermissionError(13, "Permission denied", str(temporary))
