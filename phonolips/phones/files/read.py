"""Read the alignment of an utterance from a file of whatever kind: its content decides, not its name."""

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.phones.files import elan, gentle, lines, praat, tables
from phonolips.phones.files.fit import AlignmentFile, close_cracks
from phonolips.phones.files.tiers import (
    MOST_PHONE_SECONDS,
    MOST_SECONDS,
    Choice,
    Tier,
    Tiers,
    check_times,
    choose_tiers,
)
from phonolips.phones.intervals import CONFIDENCE_TIER, EDGE_TOLERANCE_SECONDS, Alignment, Interval
from phonolips.phones.inventory import SILENCE, UNKNOWN
from phonolips.phones.labels import PhoneTier, UnknownLabelError, describe_nearest, read_phones

MOST_BYTES = 128 * 2**20  # of Praat's files and those of lines: a day in Praat's long form takes 100 MB
MOST_TREE_BYTES = 16 * 2**20  # of JSON and XML, which take many times their size in memory: some 6 hours of MFA's JSON
KINDS_READ = (
    "a TextGrid (text or binary), MFA's JSON or CSV, Gentle's JSON, HTK's .lab or .mlf, CTM, TIMIT's .phn, xlabel's "
    ".lab, Audacity's labels, ELAN's .eaf"
)
# What else is given for an alignment, by what its text begins with or holds: said by name.
OTHERS = (
    ("WEBVTT", "subtitles (WebVTT), which time sentences, not phones"),
    ("<Trans", "a Transcriber file, which times words at best"),
    ("<basic-transcription", "an EXMARaLDA transcription; export a TextGrid from it"),
    ("{\\rtf", "a rich text document"),
    ("<html", "a web page"),
    ("<!DOCTYPE html", "a web page"),
)
MOST_UNKNOWN = 0.5  # of a tier's different labels: with more unknown ones it holds words or notes, not phones


def read_alignment(
    path: Path | str, *, tier: str | None = None, tier_speaker: str | None = None, seconds: float | None = None
) -> Alignment:
    """Read words and phones of one speaker from an alignment file, and fit them to their sound.

    Args:
        path: a TextGrid, or a file of another kind of KINDS_READ.
        tier: name or number (from 1) of the phone tier, or "phones=NAME,words=NAME"; None = found by name, or, where no
            name is known, by its labels.
        tier_speaker: whose tiers, where there are several speakers (or recordings).
        seconds: length of the sound; None where there is none.

    Raises:
        InputError: no file, none of these kinds, damaged or cut; no phones, or no choice among several; a label that is
            no phone; times that overlap, run backwards or last more than MOST_SECONDS; phones beyond the sound.
    """
    found = read_alignment_file(path, tier=tier, tier_speaker=tier_speaker).fit(seconds)
    if not found.phone_sequence():
        warnings.warn(f"{path}: its phones are silence alone: the mouth rests", PhonolipsWarning, stacklevel=2)
    return found


def read_alignment_file(path: Path | str, *, tier: str | None = None, tier_speaker: str | None = None) -> AlignmentFile:
    """Read an alignment file before its sound is known; arguments and errors as for `read_alignment`."""
    path = Path(path)
    try:
        found = _parse(path)
        return _choose(path, found, tier, tier_speaker)
    except UnicodeDecodeError as error:  # of a part of a file; `_decode` takes any whole one
        raise InputError(f"{path}: not a text that can be read ({error.reason})") from error
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(str(path)) else f"{path}: {text}") from error


# ---------------------------------------------------------------- which kind


def _parse(path: Path) -> Tiers:
    """Read a file's tiers by the reader of its kind."""
    data = _read_bytes(path)
    if data.startswith(praat.BINARY_MAGIC):
        return praat.read_binary(data)
    text = _decode(data)
    del data
    start = text[:4096].lstrip()
    if praat.is_praat_text(start):
        return praat.read_text(text)
    if "\0" in start or not start:
        raise InputError(f"not a TextGrid: {'empty' if not start else 'a binary file'}; expected {KINDS_READ}")
    for mark, what in OTHERS:
        if mark.lower() in start[:200].lower():
            raise InputError(f"not a TextGrid but {what}; expected {KINDS_READ}")
    if start[0] in "{[<":
        if len(text) > MOST_TREE_BYTES:
            raise InputError(f"{len(text) / 2**20:.0f} MB of JSON or XML; expected at most {MOST_TREE_BYTES >> 20}")
        if start[0] != "<":
            return _parse_json(text, path)
        if "<ANNOTATION_DOCUMENT" in start:
            return elan.read_elan(text)
    if "-->" in start:
        raise InputError(f"not a TextGrid but subtitles (SRT), which time sentences, not phones; expected {KINDS_READ}")
    lines.check_lines(text)
    first = next(line for line in start.splitlines() if line.strip())
    columns = tables.find_columns(first)
    found = tables.read_table(text.lstrip(), *columns) if columns is not None else lines.read_lines(text)
    if found is None:
        raise InputError(
            f"not a TextGrid or another alignment: begins with {first.strip()[:40]!r}; expected {KINDS_READ}"
        )
    return found


def _read_bytes(path: Path) -> bytes:
    """Read a file that is not larger than any alignment."""
    if path.is_dir() or not path.exists():
        raise InputError(f"{path}: no such TextGrid file or other alignment")
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1) if path.stat().st_size <= MOST_BYTES else b""
            size = len(data) or path.stat().st_size
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if size > MOST_BYTES:
        raise InputError(
            f"{path}: {size / 2**20:.0f} MB; alignments of up to {MOST_BYTES >> 20} MB are read; cut it up"
        )
    return data


def _decode(data: bytes) -> str:
    """Decode UTF-8 or UTF-16, with or without a byte order mark, else Latin-1, as old versions of Praat wrote."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if len(data) > 3 and data[:4:2] == b"\0\0" and 0 not in data[1:4:2]:
        return data.decode("utf-16-be", "replace")
    if len(data) > 3 and data[1:4:2] == b"\0\0" and 0 not in data[:4:2]:
        return data.decode("utf-16-le", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _parse_json(text: str, path: Path) -> Tiers:
    """Read JSON of MFA or Gentle; raise InputError for another program's, by name where it is known."""
    try:
        data: Any = json.loads(text)
    except RecursionError as error:
        raise InputError("not a TextGrid: JSON nested too deeply; damaged") from error
    except ValueError as error:
        where = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "a number of thousands of digits"
        raise InputError(f"not a TextGrid: JSON that cannot be read ({where}); cut short?") from error
    if tables.is_mfa_json(data):
        return tables.read_mfa_json(data)
    if gentle.is_gentle(data):
        return gentle.read_gentle(data, str(path))
    keys = list(data) if isinstance(data, dict) else []
    what = "JSON of another program"
    if str(data.get("format", "") if isinstance(data, dict) else "").startswith("phonolips"):
        what = "the JSON of 'phonolips export', which is for other programs; use phones.TextGrid of that run"
    elif "mouthCues" in keys:
        what = "Rhubarb's JSON, which times mouth shapes, not phones"
    elif {"segments", "text"} <= set(keys) or "word_segments" in keys or "segments" in keys:
        what = "Whisper's JSON, which times words, not phones"
    elif "levels" in keys:
        what = "EMU's JSON; export a TextGrid from it (export_TextGridCollection)"
    raise InputError(
        f"not a TextGrid but {what} (keys: {', '.join(map(str, keys[:6]))[:80] or 'none'}); expected {KINDS_READ}"
    )


# ---------------------------------------------------------------- phones and words of a file


def _choose(path: Path, found: Tiers, tier: str | None, speaker: str | None) -> AlignmentFile:
    """Choose the tiers, read the labels, and check the times."""
    if not any(each.intervals for each in found.tiers):
        raise InputError(f"{found.kind} without a single interval; tiers: {found.names()}")
    chosen = choose_tiers(found, tier, speaker)
    read = None
    if chosen is None:
        chosen, read = _choose_by_labels(found, speaker)
        if len([each for each in found.tiers if each.intervals]) > 1:
            warnings.warn(
                f"{path}: no tier has a name that is known for phones: took {chosen.phones.name!r}, whose labels are "
                f"{read.label_set}; tiers: {found.names()}; choose another with `tier`",
                PhonolipsWarning,
                stacklevel=4,
            )
    phone_tier, word_tier = chosen
    for each in (phone_tier, word_tier):
        if each is not None:
            check_times(each)
    start, end = _extent(found, chosen)
    words = [] if word_tier is None else close_cracks(word_tier.intervals)
    spoken = close_cracks(phone_tier.intervals)
    read = read or _read_labels(found, phone_tier._replace(intervals=spoken), words)
    if not read.phones:
        raise InputError(f"tier {phone_tier.name!r} holds no interval; tiers: {found.names()}")
    longest = max((each for each in read.phones if each.label != SILENCE), key=lambda each: each.duration, default=None)
    if longest is not None and longest.label != UNKNOWN and longest.duration > MOST_PHONE_SECONDS:
        raise InputError(
            f"tier {phone_tier.name!r}: {longest.label} at {longest.start:.2f} s lasts {longest.duration:.4g} s; "
            f"expected at most {MOST_PHONE_SECONDS:.0f}; are its times in seconds?"
        )
    if read.nearest:
        warnings.warn(
            f"{path}: {sum(read.nearest.values())} of {len(read.phones)} phones are no English sounds and were "
            f"approximated by mixtures: {describe_nearest(read.nearest)}; the labels are {read.label_set}",
            PhonolipsWarning,
            stacklevel=4,
        )
    file = AlignmentFile(path, tuple(words), tuple(read.phones), start, end, found.end is not None, found.kind)
    return file.with_confidences(next((each for each in found.tiers if each.name.strip() == CONFIDENCE_TIER), None))


def _choose_by_labels(found: Tiers, speaker: str | None) -> tuple[Choice, PhoneTier]:
    """Choose the only tier all of whose labels are phones of one set; raise InputError where there is not one."""
    able: list[tuple[Tier, PhoneTier]] = []
    only = [each for each in found.tiers if each.intervals]
    for each in only:
        try:
            read = _read_labels(found, each, ())
        except UnknownLabelError:
            continue
        if any(phone.label not in (SILENCE, UNKNOWN) for phone in read.phones) and _are_symbols(each):
            able.append((each, read))
    if len(able) == 1 and speaker is None:
        return Choice(able[0][0], None), able[0][1]
    raise InputError(
        f"no tier of phones: {'several' if able else 'none'} of its tiers could be one; found tiers: "
        f"{found.names()}; name it with `tier` (NAME, or phones=NAME,words=NAME)"
    )


def _are_symbols(tier: Tier) -> bool:
    """Return whether labels are as short as symbols of phones, not as words: `no` and `mat` read as IPA, too."""
    labels = {interval.label for interval in tier.intervals if interval.label}
    return sum(map(len, labels)) <= 2.5 * len(labels)


def _read_labels(found: Tiers, tier: Tier, words: Sequence[Interval]) -> PhoneTier:
    """Read the labels of the phone tier; the error says what to do."""
    try:
        return read_phones(tier.intervals, words)
    except UnknownLabelError as error:
        others = found.names()
        if error.known < MOST_UNKNOWN * error.labels:
            text = f"are they words? tiers: {others}; name the tier of phones with `tier`"
        else:
            text = f"write the phone in ARPAbet, IPA or SAMPA, or {UNKNOWN} for one that nobody knows"
        raise UnknownLabelError(f"tier {tier.name!r}: {error}; {text}", error.known, error.labels) from error


def _extent(found: Tiers, chosen: Choice) -> tuple[float, float]:
    """Return from when to when a file's times run; raise InputError where that is longer than any alignment."""
    times = [time for tier in chosen if tier is not None for each in tier.intervals for time in (each.start, each.end)]
    first, last = min(times, default=0.0), max(times, default=0.0)
    start = 0.0 if found.start is None else found.start
    end = last if found.end is None else found.end
    if not (abs(start) < float("inf") and abs(end) < float("inf")):
        raise InputError(f"{found.kind} from {start} to {end}; expected times in seconds")
    if first < min(start, 0.0) - 1e-3:
        raise InputError(f"an interval starts at {first} s, before the beginning at {start} s")
    if first < start - EDGE_TOLERANCE_SECONDS:  # the file's own beginning is not to be trusted
        start = min(start, 0.0)
    end = max(end, last)
    if end - start > MOST_SECONDS:
        raise InputError(
            f"lasts {end - start:.4g} s; alignments of up to {MOST_SECONDS / 3600:.0f} hours are read; are its times "
            "in seconds?"
        )
    if end <= start:
        raise InputError(f"{found.kind} from {start} to {end} s: nothing; tiers: {found.names()}")
    return start, end
