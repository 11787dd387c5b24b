"""Align a whole corpus: one TextGrid a clip. Clips that cannot be aligned are listed with the reason."""

import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from phonolips.corpus.layout import textgrid_path
from phonolips.corpus.prepare.loaded import network_of
from phonolips.corpus.records import Dropped, Record
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.phones.intervals import Alignment
from phonolips.phones.textgrid import write_textgrid
from phonolips.speech.align.align import align, choose_aligner, judge, open_sphinx
from phonolips.speech.align.mfa import ACOUSTIC_MODEL, Mfa
from phonolips.speech.text.markup.read import PLAIN
from phonolips.timebase import samples_to_seconds
from phonolips.workers.clips import guarded, map_clips

if TYPE_CHECKING:
    from phonolips.speech.align.ctc import PhoneEncoder
    from phonolips.speech.align.mfa_corpus import Utterance
    from phonolips.speech.text.own_words import LexiconArgument

CLIPS_PER_MFA_RUN = 5_000  # bounds the disk for its copies, and what a killed run loses


def align_corpus(
    records: Sequence[Record],
    out: Path,
    *,
    aligner: str = "auto",
    jobs: int = 2,
    language: str = "en-us",
    network: "PhoneEncoder | None" = None,
    model: str | Path = ACOUSTIC_MODEL,
    lexicon: "LexiconArgument" = None,
) -> list[Dropped]:
    """Align every record, writing `out/<record.id>.TextGrid`; existing files are kept.

    Args:
        records: the clips.
        out: a folder; created where it is missing.
        aligner, language, model, lexicon: as for `align`.
        jobs: number of processes; with a `network` of one's own sphinx and ctc work in this one.
        network: as for `align`; None = the one in the package.

    Returns:
        The clips that could not be aligned, or whose text is not what is said, and why. Warnings about a clip's sound
        and text are passed on.

    Raises:
        InputError: an unknown aligner, or an id that is no relative path or occurs twice; a run of MFA
            that failed as a whole.
        MissingToolError: the aligner that was asked for is not installed.
    """
    chosen = choose_aligner(aligner, model=model, encoder=network is not None)
    _check_ids([record.id for record in records])
    waiting = [record for record in records if not textgrid_path(out, record.id).is_file()]
    results: Iterator[tuple[str, str]]
    if chosen == "mfa":
        results = _align_with_mfa(waiting, out, jobs, language, model, network, lexicon)
    else:
        if network is not None:
            jobs = 1
        if chosen == "sphinx":
            open_sphinx().version()
        work = partial(align_record, out=out, aligner=chosen, language=language, network=network, lexicon=lexicon)
        results = _align_one_by_one(work, waiting, jobs)
    return [Dropped(name, reason) for name, reason in results if reason]


def _check_ids(ids: Sequence[str]) -> None:
    """Raise InputError for an id that occurs twice; `Record` refuses those that would leave the folder."""
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise InputError(f"record id {name!r} occurs twice; ids must be unique")
        seen.add(name)


def align_record(
    record: Record,
    *,
    out: Path,
    aligner: str,
    language: str = "en-us",
    network: "PhoneEncoder | None" = None,
    lexicon: "LexiconArgument" = None,
) -> None:
    """Align one record with "sphinx" or "ctc" and write its file; the arguments are those of `align_corpus`."""
    from phonolips.media.audio import read

    waveform, network = read(Path(record.audio)), network or network_of(None)
    alignment = align(
        waveform,
        record.text,
        aligner=aligner,
        language=language,
        network=network,
        lexicon=lexicon,
        text_format=PLAIN,
    )
    write_textgrid(alignment, textgrid_path(out, record.id))


def _align_one_by_one(work: "partial[None]", records: Sequence[Record], jobs: int) -> Iterator[tuple[str, str]]:
    """Yield (id, "" or the reason) for every record."""
    for record, _, reason, warned in map_clips(work, records, jobs=jobs, description="align"):
        for line in warned:
            warnings.warn(f"{record.id}: {line}", PhonolipsWarning, stacklevel=3)
        yield record.id, reason


def _align_with_mfa(
    records: Sequence[Record],
    out: Path,
    jobs: int,
    language: str,
    model: str | Path,
    network: "PhoneEncoder | None",
    lexicon: "LexiconArgument",
) -> Iterator[tuple[str, str]]:
    """Yield (id, "" or the reason) for every record, running MFA on some thousands at a time."""
    from tqdm import tqdm

    from phonolips.speech.align.mfa_corpus import Utterance
    from phonolips.speech.text.g2p import text_to_phones

    ordered = sorted(records, key=lambda record: record.speaker)  # MFA adapts to speakers
    with tqdm(total=len(ordered), desc="align (mfa)", unit="clip", dynamic_ncols=True, disable=None) as bar:
        for first in range(0, len(ordered), CLIPS_PER_MFA_RUN):
            by_id = {record.id: record for record in ordered[first : first + CLIPS_PER_MFA_RUN]}
            utterances: dict[str, Utterance] = {}
            for record in by_id.values():
                try:
                    words = text_to_phones(record.text, language=language, lexicon=lexicon, text_format=PLAIN)
                except InputError as error:
                    yield record.id, str(error)
                    bar.update()
                    continue
                utterances[record.id] = Utterance(record.id, record.speaker, Path(record.audio), words)
            for name, result in Mfa().align(utterances.values(), model=model, jobs=jobs):
                reason = result if isinstance(result, str) else ""
                if isinstance(result, Alignment):
                    work = partial(_write_judged, utterance=utterances[name], out=out, network=network)
                    _, reason, warned = guarded(work, result)
                    for line in warned:
                        warnings.warn(f"{name}: {line}", PhonolipsWarning, stacklevel=4)
                yield name, reason
                bar.update()


def _write_judged(found: Alignment, utterance: "Utterance", out: Path, network: "PhoneEncoder | None") -> None:
    """Write MFA's alignment with the encoder's confidences; raise InputError for a text that is not what is said."""
    from phonolips.media.audio import read

    assert isinstance(utterance.sound, Path)
    sound = read(utterance.sound)
    posteriors = (network or network_of(None)).posteriors(sound)
    judged = judge(posteriors, utterance.words, duration=samples_to_seconds(len(sound)))
    write_textgrid(judged.with_times_of(found, posteriors).alignment, textgrid_path(out, utterance.id))
