"""Call the Montreal Forced Aligner (McAuliffe et al. 2017), a program of its own from conda-forge.

MFA drops clips silently and shares folders between runs; so every call here gets its own root, temporary and corpus
folder, and what comes out is compared with what went in.
"""

import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from phonolips.errors import InputError, MissingToolError
from phonolips.phones.intervals import Alignment
from phonolips.phones.inventory import PHONES, SILENCE, UNKNOWN, strip_stress
from phonolips.speech.align.mfa_corpus import Utterance, read_results, write_corpus, write_dictionary
from phonolips.storage import atomic_file
from phonolips.temporary import temporary_folder
from phonolips.workers.processes import run_program

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


class Mfa:
    """The program `mfa`.

    Args:
        program: its name or path.
    """

    def __init__(self, program: str = "mfa") -> None:
        self.program = program

    def is_available(self) -> bool:
        """Return whether the program is there (not whether it is new enough)."""
        return shutil.which(self.program) is not None

    def version(self) -> str:
        """Return the program's version, such as "3.4.3".

        Raises:
            MissingToolError: it is not installed.
            InputError: it reports no version, or one older than 3.
        """
        path = shutil.which(self.program)
        if path is None:
            raise MissingToolError(
                f"Montreal Forced Aligner ({self.program}) is not on PATH; {INSTALL}, or use aligner 'sphinx'"
            )
        result = run_program([path, "version"])
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
        """Align clips in one call; about 15 s to start, then some 25 clips a second.

        Args:
            utterances: the clips; read once.
            model: an acoustic model with ARPAbet phones, by name or file.
            jobs: processes that MFA may use.

        Yields:
            (id, alignment), or (id, why it could not be aligned), for every clip.

        Raises:
            MissingToolError, InputError: no program, too old, no model, or the call failed as a whole.
        """
        self.version()
        path = self.find_model(model)
        stressed = _has_stress(path)
        with _workspace() as work:
            clips, refused = write_corpus(utterances, work / "corpus")
            yield from refused.items()
            if clips:
                write_dictionary(clips.values(), work / "dictionary.txt", stressed=stressed)
                self._run(["align", work / "corpus", work / "dictionary.txt", path, work / "out"], work, jobs)
                yield from read_results(clips, work / "out")

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
            clips, refused = write_corpus(utterances, work / "corpus")
            yield from refused.items()
            if not clips:
                return
            write_dictionary(clips.values(), work / "dictionary.txt", stressed=False)
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
                raise InputError("mfa train succeeded but wrote no model; try again with a larger corpus")
            with atomic_file(model) as temporary:
                shutil.copyfile(trained, temporary)
            yield from read_results(clips, work / "out")

    def _run(self, arguments: Sequence[str | Path], work: Path, jobs: int) -> None:
        """Run `mfa` with folders of its own; raise InputError with the end of its log if it fails."""
        command = [shutil.which(self.program) or self.program, *map(str, arguments)]
        command += ["--clean", "-j", str(jobs), "-t", str(work / "temporary")]
        environment = {**os.environ, "MFA_ROOT_DIR": str(work / "root")}
        result = run_program(command, env=environment)
        if result.returncode != 0:
            log = _tail(result.stderr or result.stdout)  # errors are on stderr, stdout holds log lines
            raise InputError(f"mfa {arguments[0]} failed (exit {result.returncode}): {log}")


@contextmanager
def _workspace() -> Iterator[Path]:
    """Make the folders of one call, none inside another; remove them afterwards."""
    with temporary_folder() as made:
        work = made.resolve()
        for folder in ("corpus", "root", "temporary", "out"):
            (work / folder).mkdir()
        yield work


def _tail(log: str) -> str:
    """Put the last lines of a log on one line, without boxes, colours and progress bars."""
    plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", log.replace("\r", "\n"))
    lines = [" ".join(line.strip("│╭╮╰╯─┃━┏┓┗┛║═ \t").split()) for line in plain.splitlines()]
    return " | ".join([line for line in lines if line][-LOG_TAIL_LINES:]) or "its log is empty"


def _has_stress(model: Path) -> bool:
    """Return whether an acoustic model's vowels carry stress; raise InputError for phones that are not ARPAbet."""
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
