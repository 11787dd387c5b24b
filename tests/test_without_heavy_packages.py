"""Every command works from the default install, or says in one line which extra it needs.

The commands run one after the other in a process of their own, in which, and in whatever it starts, the packages that
only the extras bring cannot be imported.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PROJECT, needs

# What the extras bring, and what that brings; a default install has none of it.
EXTRAS_ONLY = (
    "torch", "torchaudio", "speechbrain", "sklearn", "scipy", "omegaconf", "onnx", "pocketsphinx", "mediapipe", "cv2", "jax",
    "skimage", "dask", "distributed", "fsspec", "s3fs", "sounddevice", "websockets", "pythonosc",
)  # fmt: skip
OF_FACES = ("mediapipe", "cv2", "scipy", "jax")  # what [face] brings of these

RUN = """
import json, sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from phonolips.cli.commands import run

done = []
for words in json.load(sys.stdin):
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(words)
    done.append((words, code, out.getvalue(), err.getvalue()))
print(json.dumps([done, sorted({name.split(".")[0] for name, module in sys.modules.items() if module is not None})]))
"""

# A corpus whose lips were tracked elsewhere: of them, the steps of `prepare` that need no faces make features.
CORPUS = """
import sys
from pathlib import Path
import numpy as np
from phonolips.corpus.layout import LIPS_ARRAYS, RECORDS
from phonolips.corpus.records import Record, write_records
from phonolips.corpus.store.store import StoreWriter
from phonolips.synth.folder import read_result

run, folder = map(Path, sys.argv[1:])
lips = read_result(run).lips
folder.mkdir()
sound = str(run.resolve() / "speech.wav")
write_records([Record("a/one", "a", "train", "bin blue at f two now", sound, sound)], folder / RECORDS)
frames = len(lips)
nothing = np.zeros((frames, 2))
pose = np.zeros((frames, 3), np.float32)
with StoreWriter(folder / "lips", LIPS_ARRAYS) as writer:
    values = {"lips": lips, "detected": np.ones(frames, bool), "origin_px": nothing, "axis_px": nothing + 1, "pose": pose}
    writer.add("a/one", values, {"fps": 25.0, "yaw": 0.0, "frontalised": False})
"""


class Session:
    """A Python in which some packages cannot be imported."""

    def __init__(self, folder: Path, blocked: tuple[str, ...]) -> None:
        site = folder / "site"
        site.mkdir()
        lines = "\n".join(f"sys.modules[{name!r}] = None" for name in blocked)
        (site / "sitecustomize.py").write_text(f"import sys\n{lines}\n")
        path = os.pathsep.join([str(site), str(PROJECT), os.environ.get("PYTHONPATH", "")])
        self.environment = os.environ | {"PYTHONPATH": path}

    def python(self, code: str, *words: object, given: str = "") -> str:
        """Run code; return what it printed."""
        call = [sys.executable, "-c", code, *map(str, words)]
        done = subprocess.run(call, env=self.environment, input=given, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def commands(self, *commands: tuple[object, ...]) -> list[tuple[list[str], int, str, str]]:
        """Run commands of phonolips; return (words, exit status, output, errors) of each."""
        words = json.dumps([[str(word) for word in command] for command in commands])
        done, loaded = json.loads(self.python(RUN, given=words).splitlines()[-1])
        self.loaded = set(loaded)
        return done


def works(results: list[tuple[list[str], int, str, str]]) -> None:
    """Assert that commands succeeded, without a word on standard error but warnings."""
    for words, code, _, err in results:
        assert code == 0, f"{' '.join(words)}: {err}"
        assert all(line.startswith("phonolips: warning: ") for line in err.splitlines() if "it/s" not in line), err


def refused(results: list[tuple[list[str], int, str, str]], line: str) -> None:
    """Assert that commands ended with 1 and one line, which ends with `line`."""
    for words, code, out, err in results:
        assert (code, out) == (1, ""), f"{' '.join(words)}: {out}{err}"
        assert err.startswith("phonolips: error: "), err
        assert err.count("\n") == 1, err
        assert line in err, err


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    return Session(tmp_path_factory.mktemp("blocked"), EXTRAS_ONLY)


@pytest.fixture(scope="module")
def spoken(session, tmp_path_factory):
    """A text that was spoken aloud, with every file and every format."""
    out = tmp_path_factory.mktemp("spoken") / "spoken"
    text = "bin blue at f two now"
    works(session.commands(("synth", "--text", text, "--speak", "--export", "all", "--out", out)))
    files = {path.name for path in out.iterdir()}
    assert {"lips.npz", "posteriors.npz", "phones.TextGrid", "posteriorgram.png", "lips.mp4", "speech.wav"} <= files
    assert {"lips.gltf", "visemes.json", "arkit.json", "rhubarb.tsv", "words.srt"} <= files
    return out


def test_live_lips_of_files(session, spoken, tmp_path):
    lines = tmp_path / "lines.jsonl"
    (done,) = session.commands(("live", "--from", spoken / "speech.wav", "--no-paced", "--to", f"json:{lines}"))
    assert (done[1], done[2], done[3].count("\n")) == (0, "", 1), done[3]
    assert f"{len(lines.read_text().splitlines()) - 1} frames, 0 dropped" in done[3]
    refused(
        session.commands(("live",), ("live", "--devices"), ("live", "--from", lines, "--to", "websocket")),
        "; install it with: pip install 'phonolips[live]'",
    )


def test_what_lips_are_made_of(session, spoken, tmp_path):
    sound, grid = spoken / "speech.wav", spoken / "phones.TextGrid"
    plain = ("--no-pictures", "--out")
    many = tmp_path / "sounds"
    many.mkdir()
    for name in ("a.wav", "b.wav"):
        (many / name).write_bytes(sound.read_bytes())
    results = session.commands(
        ("synth", "--audio", sound, "--fps", "29.97", "--out", tmp_path / "heard"),
        ("synth", "--audio", sound, "--textgrid", grid, "--phones-only", *plain, tmp_path / "both"),
        ("synth", "--phones", "B IH1 N  B L UW1", *plain, tmp_path / "phones"),
        ("synth", "--posteriors", spoken / "posteriors.npz", *plain, tmp_path / "posteriors"),
        ("synth", "--textgrid", grid, "--rate", "1.5", "--shut-in-silence", *plain, tmp_path / "grid"),
        ("synth", "--text", "Bonjour, tu es en avance.", "--language", "auto", "--speak", *plain, tmp_path / "french"),
        ("synth", "--text", "5 km at 60 mph", "--emphasis", "km", "--dry-run", "--out", tmp_path / "dry"),
        ("synth", "--audio", many, "--jobs", "2", *plain, tmp_path / "many"),
        ("say", "We read it on Jan. 3rd: 5 km at 60 mph."),
        ("languages", "german"),
        ("info",),
    )
    works(results)
    assert (tmp_path / "heard" / "lips.mp4").stat().st_size
    assert len(list((tmp_path / "many").rglob("lips.npz"))) == 2
    assert "torch                 " in results[-1][2]
    assert not session.loaded & set(EXTRAS_ONLY)


def test_a_stream(session):
    code = (
        "import numpy, phonolips, sys\n"
        "stream = phonolips.Stream(fps=30)\n"
        "made = [len(stream.push(numpy.zeros(16000)).lips) for _ in range(4)] + [len(stream.close().lips)]\n"
        "print(sum(made), *{'torch', 'scipy'} & {name for name, module in sys.modules.items() if module})"
    )
    assert session.python(code).split() == ["120"]


def test_what_is_made_of_lips(session, spoken, tmp_path):
    drawn = [
        ("plot", spoken, "--kind", kind, "--out", tmp_path / f"{kind}.png")
        for kind in ("posteriorgram", "lips", "filmstrip")
    ]
    works(
        session.commands(
            *drawn,
            ("plot", spoken, "--kind", "compare", "--with", spoken, "--out", tmp_path / "compare.png"),
            ("plot", spoken, "--html", "--out", tmp_path / "page.html"),
            ("export", spoken, "--to", "all", "--fps", "30", "--out", tmp_path / "all"),
            ("export", spoken),
            (
                "render",
                spoken,
                "--out",
                tmp_path / "film.mp4",
                "--fps",
                "30",
                "--caption",
                "posteriors",
                "--size",
                "160",
            ),
            ("render", spoken, "--out", tmp_path / "film.gif", "--seconds", "0.5-1", "--size", "120"),
        )
    )
    assert len(list((tmp_path / "all").iterdir())) == 14


def test_text_is_aligned_by_the_encoder(session, spoken, tmp_path):
    words = ("align", spoken / "speech.wav", "--text", "bin blue at f two now")
    chosen, auto = session.commands(
        (*words, "--aligner", "ctc", "--plot", "--out", tmp_path / "chosen.TextGrid"),
        (*words, "--out", tmp_path / "auto.TextGrid"),
    )
    works([chosen, auto])
    assert (tmp_path / "chosen.png").stat().st_size
    assert (tmp_path / "chosen.TextGrid").read_text() == (tmp_path / "auto.TextGrid").read_text()
    assert "pip install" not in chosen[3] + auto[3]


def test_a_corpus_whose_lips_are_there(session, spoken, tmp_path):
    corpus = tmp_path / "corpus"
    session.python(CORPUS, spoken, corpus)
    results = session.commands(
        ("prepare", "--step", "align", "--out", corpus),
        ("prepare", "--step", "features", "--sync", "--out", corpus),
        ("check-data", corpus),
        ("gallery", "--data", corpus, "--phone", "AE", "--out", tmp_path / "gallery"),
    )
    works(results)
    assert "       a         1" in results[2][2]
    assert (tmp_path / "gallery" / "gallery_AE.png").stat().st_size


def test_what_needs_an_extra_says_so_before_any_work(session, spoken, tmp_path):
    film, out = spoken / "lips.mp4", tmp_path / "out"
    faces = session.commands(
        ("track", film, "--out", tmp_path / "lips.npz"),
        ("adapt", "--video", film, "--out", tmp_path / "me.json"),
        ("edit", "--video", film, "--transcript", "bin blue", "--to", "bin red", "--out", out),
        ("render", spoken, "--face", film, "--out", tmp_path / "face.mp4"),
        ("synth", "--text", "bin blue", "--face", film, "--out", out),
        ("prepare", "--data", tmp_path, "--out", out),
    )
    refused(faces, " needs mediapipe; install it with: pip install 'phonolips[face]'")
    aligner = ("align", spoken / "speech.wav", "--text", "bin", "--aligner", "sphinx", "--out", out)
    refused(session.commands(aligner), "needs pocketsphinx; install it with: pip install 'phonolips[align]'")
    training = session.commands(
        ("train", "all", "--data", tmp_path, "--out", out), ("evaluate", "--data", tmp_path, "--out", out)
    )
    refused(training, "needs torch; install it with: pip install 'phonolips[train]'")
    assert list(tmp_path.iterdir()) == []


def test_nobody_is_told_what_is_done_here(tmp_path):
    """ONNX Runtime 1.32 numbers this machine, in the user's folder, and reports to its makers unless told not to."""
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": str(PROJECT)}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    code = "import phonolips; phonolips.from_text('bin blue')"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert list(tmp_path.rglob("*")) == []


@needs("face")
def test_faces_need_nothing_more_than_their_extra(spoken, tmp_path):
    from PIL import Image

    astronaut = pytest.importorskip("skimage.data", reason="the portrait comes with scikit-image").astronaut
    photo, said = tmp_path / "portrait.png", tmp_path / "said"
    Image.fromarray(astronaut()).save(photo)
    session = Session(tmp_path, tuple(set(EXTRAS_ONLY) - set(OF_FACES)))
    works(
        session.commands(
            ("synth", "--audio", spoken / "speech.wav", "--face", photo, "--no-pictures", "--out", said),
            ("render", spoken, "--face", photo, "--out", tmp_path / "face.mp4"),
            ("track", tmp_path / "face.mp4", "--limits", "--out", tmp_path / "lips.npz"),
            ("adapt", "--video", tmp_path / "face.mp4", "--out", tmp_path / "me.json"),
            ("adapt", "--video", photo, "--out", tmp_path / "still.json"),
            (
                *("edit", "--video", tmp_path / "face.mp4", "--out", tmp_path / "edited"),
                *("--transcript", "bin blue at f two now", "--to", "bin red at f two now"),
            ),
        )
    )
    assert (tmp_path / "edited" / "edited.mp4").stat().st_size
