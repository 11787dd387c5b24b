"""The third step: words and phones with their times, a TextGrid a clip."""

import shutil
import warnings
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from phonolips.corpus.layout import RECORDS, alignment_path, textgrid_path
from phonolips.corpus.librispeech import LIBRISPEECH
from phonolips.corpus.prepare.loaded import network_of
from phonolips.corpus.records import Dropped, GroupDone, Record, count_records, iterate_records, write_dropped
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.storage import atomic_file
from phonolips.workers.backend import Backend
from phonolips.workers.clips import guarded, map_groups
from phonolips.workers.local import LocalBackend

if TYPE_CHECKING:
    from phonolips.speech.text.own_words import LexiconArgument, OwnWords

ALIGN_GROUP, MFA_GROUP = 32, 5_000  # clips that a worker aligns at a time


class _Aligning(NamedTuple):
    """How clips get their TextGrids; the paths are absolute."""

    folder: Path
    alignments: Path | None
    librispeech_alignments: Path | None
    aligner: str
    encoder: Path | None
    jobs: int
    lexicon: "OwnWords"


def align_clips(
    folder: Path,
    *,
    alignments: Path | None = None,
    librispeech_alignments: Path | None = None,
    aligner: str = "auto",
    encoder: Path | None = None,
    jobs: int = 1,
    backend: Backend | None = None,
    lexicon: "LexiconArgument" = None,
) -> list[Dropped]:
    """Write a TextGrid for every clip: a ready one where there is one, else from an aligner.

    Of a clip in which more is said than its record holds, the known words are found; the rest is `spn`. Of a clip that
    nobody transcribed, the phones are those that the encoder reads.

    Args:
        folder: a prepared corpus with its records.
        alignments: ready TextGrids.
        librispeech_alignments: LibriSpeech's.
        aligner: for all others; one of `phonolips.speech.align.align.ALIGNERS`.
        encoder: the model whose encoder judges whether a text is what is said, and finds known words in clips that
            nobody transcribed; None = the one in the package.
        jobs: processes that MFA works with, where it aligns.
        backend: who works otherwise; None = this process.
        lexicon: words of transcripts with your own phones, see `speech.text.own_words.read_lexicon`.

    Returns:
        The clips left without one, with the reason; they are listed in `dropped_alignments.tsv` too.

    Raises:
        InputError: no such folder of TextGrids, or an unknown aligner.
        MissingToolError: the aligner is not installed.
    """
    from phonolips.speech.align.align import choose_aligner
    from phonolips.speech.text.own_words import read_lexicon

    for ready in (alignments, librispeech_alignments):
        if ready is not None and not ready.is_dir():
            raise InputError(f"{ready}: no such folder of TextGrids")
    how = _Aligning(
        folder.resolve(),
        alignments and alignments.resolve(),
        librispeech_alignments and librispeech_alignments.resolve(),
        choose_aligner(aligner),
        encoder and encoder.resolve(),
        jobs,
        read_lexicon(lexicon),
    )
    size, workers = ALIGN_GROUP, backend or LocalBackend(1)
    if how.aligner == "mfa":  # a program that shares its own work out
        size, workers = MFA_GROUP, LocalBackend(1)
    source = folder / RECORDS
    groups = _in_groups((r for r in iterate_records(source) if not alignment_path(folder, r.id).is_file()), size)
    failed: list[Dropped] = []
    work = partial(_align_group, how=how)
    for done in map_groups(work, groups, backend=workers, clips=count_records(source), description="align"):
        failed += done.failed
        for line in done.notes:
            warnings.warn(line, PhonolipsWarning, stacklevel=2)
    failed.sort(key=lambda item: item.id)
    write_dropped(failed, folder / "dropped_alignments.tsv")
    return failed


def _in_groups(records: Iterable[Record], size: int) -> Iterator[list[Record]]:
    """Cut records into lists of a size."""
    rest = iter(records)
    while group := list(islice(rest, size)):
        yield group


def _align_group(records: list[Record], how: _Aligning) -> GroupDone:
    """Write a TextGrid for every record of a group: a ready one, else from an aligner."""
    from phonolips.corpus import known_words  # these load torch, which workers of other steps do without
    from phonolips.corpus.align import align_corpus, align_record

    missing, failed = _take_ready(records, how)
    read_ones = [record for record in missing if record.is_read]
    partial_ones = [record for record in missing if not record.complete and not record.is_read]
    whole = [record for record in missing if record.complete and not record.is_read]
    out, warned = how.folder / "alignments", []
    for record in read_ones:
        _, reason, _ = guarded(partial(_read_record, out=out, encoder=how.encoder), record)
        failed += [Dropped(record.id, reason)] if reason else []
    if partial_ones:
        failed += known_words.align_records(
            partial_ones,
            out,
            aligner=how.aligner,
            network=network_of(how.encoder),
            jobs=how.jobs,
            lexicon=how.lexicon,
        )
    if how.aligner == "mfa":
        failed += align_corpus(
            whole, out, aligner="mfa", jobs=how.jobs, network=network_of(how.encoder), lexicon=how.lexicon
        )
        whole = []
    network = network_of(how.encoder) if whole else None
    for record in whole:
        work = partial(align_record, out=out, aligner=how.aligner, network=network, lexicon=how.lexicon)
        _, reason, notes = guarded(work, record)
        failed += [Dropped(record.id, reason)] if reason else []
        warned += [f"{record.id}: {note}" for note in notes]
    return GroupDone(len(records), failed, warned)


def _read_record(record: Record, out: Path, encoder: Path | None) -> None:
    """Write the phones that the encoder reads in a clip that nobody transcribed."""
    from phonolips.media.audio import read
    from phonolips.phones.decode import read_phones
    from phonolips.phones.textgrid import write_textgrid

    network = network_of(encoder)
    posteriors = network.posteriors(read(Path(record.audio)), voice_activity=True)
    write_textgrid(read_phones(posteriors, network.phone_ngram()), textgrid_path(out, record.id))


def _take_ready(records: list[Record], how: _Aligning) -> tuple[list[Record], list[Dropped]]:
    """Copy the ready TextGrids; list the records that have none, and those whose words it contradicts."""
    missing: list[Record] = []
    failed: list[Dropped] = []
    for record in records:
        ready = how.librispeech_alignments if record.id.startswith(f"{LIBRISPEECH}/") else how.alignments
        if ready is None or record.is_read:
            missing.append(record)
            continue
        taken, reason, _ = guarded(partial(_take_alignment, folder=how.folder, ready=ready), record)
        if reason:
            failed.append(Dropped(record.id, reason))
        elif not taken:
            missing.append(record)
    return missing, failed


def _take_alignment(record: Record, folder: Path, ready: Path) -> bool:
    """Copy a ready TextGrid whose words are those of the record; return whether there was one."""
    from phonolips.phones.textgrid import read_textgrid

    source = textgrid_path(ready, record.id.removeprefix(f"{LIBRISPEECH}/"))
    if not source.is_file():
        return False
    found = [word.label.lower() for word in read_textgrid(source).speech_words()]
    if found != record.text.lower().split():
        raise InputError(f"{source}: says {' '.join(found)!r}, but the transcript is {record.text.lower()!r}")
    with atomic_file(alignment_path(folder, record.id)) as temporary:
        shutil.copyfile(source, temporary)
    return True
