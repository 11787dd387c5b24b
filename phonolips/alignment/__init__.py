"""When each phone is said: tiers, TextGrid files, three aligners behind one function.

`mfa` is the Montreal Forced Aligner, a program of its own and the most exact; `sphinx` is pocketsphinx,
always there; `ctc` is the network's own ears and needs torchaudio.
"""

import warnings
from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from phonolips.alignment.mfa import ACOUSTIC_MODEL, Mfa, Utterance
from phonolips.alignment.tiers import Alignment, Interval, read_textgrid, write_textgrid
from phonolips.errors import InputError, PhonolipsError, PhonolipsWarning

if TYPE_CHECKING:
    from phonolips.alignment.ctc import Listener
    from phonolips.alignment.sphinx import Sphinx
    from phonolips.corpus.records import Dropped, Record

__all__ = [
    "ALIGNERS",
    "Alignment",
    "Interval",
    "align",
    "align_corpus",
    "align_record",
    "choose_aligner",
    "read_textgrid",
    "write_textgrid",
]

ALIGNERS = ("auto", "mfa", "sphinx", "ctc")
CLIPS_PER_MFA_RUN = 5_000  # bounds the disk for its copies, and what a killed run loses


def choose_aligner(aligner: str = "auto", *, model: str | Path = ACOUSTIC_MODEL) -> str:
    """Turn "auto" into the best aligner that is installed: mfa, otherwise sphinx.

    Warns where MFA is there but cannot be used (too old, or its model is not downloaded).

    Raises:
        InputError: a name that is none of ALIGNERS.
    """
    if aligner not in ALIGNERS:
        raise InputError(f"aligner {aligner!r}; expected one of {', '.join(ALIGNERS)}")
    if aligner != "auto":
        return aligner
    mfa = Mfa()
    if not mfa.is_available():
        return "sphinx"
    try:
        mfa.version()
        mfa.find_model(model)
    except PhonolipsError as error:
        warnings.warn(f"aligning with pocketsphinx, because {error}", PhonolipsWarning, stacklevel=2)
        return "sphinx"
    return "mfa"


def align(
    waveform: np.ndarray,
    text: str,
    *,
    aligner: str = "auto",
    language: str = "en-us",
    network: "Listener | None" = None,
    model: str | Path = ACOUSTIC_MODEL,
) -> Alignment:
    """Find when each word and phone of a text is said.

    Args:
        waveform: float32 (samples,), 16 kHz, [-1, 1].
        text: what is said, plain words.
        aligner: one of ALIGNERS; "auto" is mfa where it is installed, otherwise sphinx.
        language: the text's language, for its pronunciation.
        network: the ears for "ctc"; None loads the default weights.
        model: MFA's acoustic model, by name or file.

    Raises:
        InputError: nothing to say, silence, too short a sound, or no way to fit the text to it.
        MissingToolError: the aligner that was asked for is not installed.
    """
    from phonolips.audio.io import SILENCE_LEVEL, check_waveform
    from phonolips.text import text_to_phones

    chosen = choose_aligner(aligner, model=model)
    sound = check_waveform(waveform)
    words = text_to_phones(text, language=language)
    if np.abs(sound).max() < SILENCE_LEVEL:
        raise InputError("the sound is silent throughout; there is nothing to align the text with")
    if chosen == "sphinx":
        return _sphinx().align(sound, words)
    if chosen == "ctc":
        from phonolips.alignment.ctc import align_waveform

        return align_waveform(sound, words, network or _default_network())
    ((_, result),) = Mfa().align([Utterance("utterance", "speaker", sound, words)], model=model, jobs=1)
    if isinstance(result, str):
        raise InputError(result)
    return result


def align_corpus(
    records: "Sequence[Record]",
    out: Path,
    *,
    aligner: str = "auto",
    jobs: int = 2,
    language: str = "en-us",
    network: "Listener | None" = None,
    model: str | Path = ACOUSTIC_MODEL,
) -> "list[Dropped]":
    """Align every record, writing `out/<record.id>.TextGrid`; those that are there are kept.

    Args:
        records: the clips.
        out: a folder; made where it is not there.
        aligner, language, network, model: as for `align`.
        jobs: number of processes ("ctc" works in this one).

    Returns:
        The clips that could not be aligned, and why. Warnings about a clip's sound are given on.

    Raises:
        InputError: an unknown aligner, or an id that is no relative path or occurs twice; a run of MFA
            that failed as a whole.
        MissingToolError: the aligner that was asked for is not installed.
    """
    from phonolips.corpus.records import Dropped

    chosen = choose_aligner(aligner, model=model)
    _check_ids([record.id for record in records])
    waiting = [record for record in records if not _textgrid_path(out, record).is_file()]
    results: Iterator[tuple[str, str]]
    if chosen == "mfa":
        results = _align_with_mfa(waiting, out, jobs, language, model)
    else:
        if chosen == "ctc":
            network, jobs = network or _default_network(), 1
        else:
            _sphinx().version()
        work = partial(align_record, out=out, aligner=chosen, language=language, network=network)
        results = _align_one_by_one(work, waiting, jobs)
    return [Dropped(name, reason) for name, reason in results if reason]


@cache
def _sphinx() -> "Sphinx":
    """Keep one pocketsphinx for each process; loading its models takes longer than a short clip."""
    from phonolips.alignment.sphinx import Sphinx

    return Sphinx()


def _default_network() -> "Listener":
    from phonolips.synth import load_network

    return load_network()


def _textgrid_path(out: Path, record: "Record") -> Path:
    return Path(out) / f"{record.id}.TextGrid"


def _check_ids(ids: Sequence[str]) -> None:
    """Raise InputError for an id that would leave the folder, or that occurs twice."""
    seen: set[str] = set()
    for name in ids:
        path = PurePosixPath(name)
        if not name or path.is_absolute() or ".." in path.parts:
            raise InputError(f"record id {name!r} cannot name a file in the folder; expected such as 's1/bbaf2n'")
        if name in seen:
            raise InputError(f"record id {name!r} occurs twice; ids must be unique")
        seen.add(name)


def align_record(
    record: "Record", *, out: Path, aligner: str, language: str = "en-us", network: "Listener | None" = None
) -> None:
    """Align one record and write its file; the arguments are those of `align_corpus`, without its progress bar."""
    from phonolips.audio import read

    alignment = align(read(Path(record.audio)), record.text, aligner=aligner, language=language, network=network)
    write_textgrid(alignment, _textgrid_path(out, record))


def _align_one_by_one(work: "partial[None]", records: "Sequence[Record]", jobs: int) -> Iterator[tuple[str, str]]:
    """Yield (id, "" or the reason) for every record."""
    from phonolips.corpus.parallel import map_clips

    for record, _, reason, warned in map_clips(work, records, jobs=jobs, description="align"):
        for line in warned:
            warnings.warn(f"{record.id}: {line}", PhonolipsWarning, stacklevel=3)
        yield record.id, reason


def _align_with_mfa(
    records: "Sequence[Record]", out: Path, jobs: int, language: str, model: str | Path
) -> Iterator[tuple[str, str]]:
    """Yield (id, "" or the reason) for every record, running MFA on some thousands at a time."""
    from tqdm import tqdm

    from phonolips.alignment.mfa import Mfa, Utterance
    from phonolips.text import text_to_phones

    ordered = sorted(records, key=lambda record: record.speaker)  # MFA adapts to speakers
    with tqdm(total=len(ordered), desc="align (mfa)", unit="clip", dynamic_ncols=True, disable=None) as bar:
        for first in range(0, len(ordered), CLIPS_PER_MFA_RUN):
            by_id = {record.id: record for record in ordered[first : first + CLIPS_PER_MFA_RUN]}
            utterances: list[Utterance] = []
            for record in by_id.values():
                try:
                    words = text_to_phones(record.text, language=language)
                except InputError as error:
                    yield record.id, str(error)
                    bar.update()
                    continue
                utterances.append(Utterance(record.id, record.speaker, Path(record.audio), words))
            for name, result in Mfa().align(utterances, model=model, jobs=jobs):
                if isinstance(result, Alignment):
                    write_textgrid(result, _textgrid_path(out, by_id[name]))
                yield name, result if isinstance(result, str) else ""
                bar.update()
