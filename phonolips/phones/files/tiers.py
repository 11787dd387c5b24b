"""What every reader returns: tiers of intervals, as the file has them; and which of them hold phones and words."""

import math
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from phonolips.errors import InputError
from phonolips.phones.intervals import Interval

MOST_SECONDS = 24 * 3600.0  # the longest alignment that is read: a day; beyond it a time is damage or another unit
MOST_PHONE_SECONDS = 60.0  # no phone is held for a minute: milliseconds, samples or damage
MOST_INTERVALS = 1_000_000  # in one file: a day of speech has some 800,000 phones, words and pauses
MOST_TIERS = 1000  # in one file; one of a meeting has some tens
NAMES_SHOWN = 12  # tiers, speakers or symbols that a message lists

# Names of the tier of phones, the likeliest first: MFA, Praat's users and P2FA, MAUS, SPPAS, LaBB-CAT, EasyAlign, and
# what people call it. A name counts whole, in any case.
PHONE_NAMES = (
    "phones", "phone", "phonemes", "phoneme", "mau", "phonalign", "segments", "segment", "segmentation", "seg", "segs",
    "phonetic", "phonetics", "phon", "phns", "phn", "phonemic", "sounds", "allophones", "monophones", "arpabet",
    "sampa", "x-sampa", "ipa",
)  # fmt: skip
# Names of the tier of words, likewise. MAUS calls the written words ORT; KAN-MAU has their standard pronunciations.
WORD_NAMES = (
    "words", "word", "ort-mau", "ort", "tokensalign", "tokens", "token", "orthography", "orthographic", "orth",
    "ortho", "wrd", "wrds",
)  # fmt: skip
NEITHER = frozenset(("kan-mau", "kas-mau", "mas-mau", "trn-mau", "trl-mau"))  # of MAUS: no "speaker KAN" with tier MAU
PHONES, WORDS = "phones", "words"


class Tier(NamedTuple):
    """One tier: intervals in seconds, as the file has them. A tier of points is there for its name alone."""

    name: str
    intervals: Sequence[Interval]
    is_points: bool = False


class Tiers(NamedTuple):
    """What a file holds.

    Args:
        kind: what messages call the file, such as "TextGrid".
        tiers: in the file's order.
        start, end: of the stretch of time that the file says it covers, seconds; None where it does not say.
        several: what distinguishes tiers of one kind in this file: speakers, or recordings.
    """

    kind: str
    tiers: Sequence[Tier]
    start: float | None = None
    end: float | None = None
    several: str = "speakers"

    def names(self) -> str:
        """List the tiers' names for a message."""
        return listed([tier.name for tier in self.tiers])


class Choice(NamedTuple):
    """The tier of phones, that of words where there is one, and whether the labels decided, not a name."""

    phones: Tier
    words: Tier | None


def listed(names: Iterable[str]) -> str:
    """List names for a message, the first dozen of them."""
    every = list(names)
    shown = ", ".join(repr(name[:40]) for name in every[:NAMES_SHOWN])
    more = f" and {len(every) - NAMES_SHOWN} more" if len(every) > NAMES_SHOWN else ""
    return shown + more or "none"


def to_seconds(text: str) -> float:
    """Read a number as files have it; NaN for what is none (so for `nan` and `inf`), which `check_times` refuses."""
    if not NUMBER.fullmatch(text):
        return math.nan
    return float(text)


NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")


class _Kind(NamedTuple):
    """A tier of a known kind: whose it is ("" where its name says nothing), and how likely that name is."""

    tier: Tier
    whose: str
    rank: int


def choose_tiers(found: Tiers, tier: str | None, speaker: str | None) -> Choice | None:
    """Choose the tiers of phones and words by name; None where no tier has a known name.

    Args:
        found: what the file holds.
        tier: name or number (from 1) of the phone tier, or "phones=NAME,words=NAME"; None = by known names.
        speaker: whose tiers, of several; None = there is only one.

    Raises:
        InputError: no such tier or speaker, or several speakers and no `speaker`.
    """
    wanted = _parse_wanted(tier)
    if PHONES in wanted:
        phones: Tier | None = _named(found, wanted[PHONES])
    else:
        phones = _of_speaker(found, _of_kind(found, PHONE_NAMES), speaker)
    if phones is None:
        return None
    if WORDS in wanted:
        return Choice(phones, _named(found, wanted[WORDS]))
    known = read_name(phones.name, PHONE_NAMES)
    whose = speaker if speaker is not None else known[0] if known is not None else ""
    words = [each for each in _of_kind(found, WORD_NAMES) if each.tier is not phones]
    own = [each for each in words if each.whose.casefold() == whose.casefold()]
    own = own or [each for each in words if not each.whose or (not whose and len(words) == 1)]
    return Choice(phones, min(own, key=lambda each: each.rank).tier if own else None)


def _of_kind(found: Tiers, known: Sequence[str]) -> list[_Kind]:
    """List the interval tiers whose names are of a kind."""
    named = [(each, read_name(each.name, known)) for each in found.tiers if not each.is_points]
    return [_Kind(tier, *read) for tier, read in named if read is not None]


def read_name(name: str, known: Sequence[str]) -> tuple[str, int] | None:
    """Read a tier's name: whose it is, and where its kind stands in `known`; None where it is of another kind.

    "ann - phones" (MFA), "segment - ann" (LaBB-CAT), "phones_ann" and "Phones (ann)" are ann's; "phones" is nobody's.
    """
    text = name.strip()
    lower = text.lower()
    if lower in NEITHER:
        return None
    if lower in known:
        return "", known.index(lower)
    parts = [part for part in re.split(r"[-_:/|()\[\]\s]+", text) if part]
    if len(parts) < 2:
        return None
    for part, rest in (
        (parts[-1], text[: text.rindex(parts[-1])]),
        (parts[0], text[text.index(parts[0]) + len(parts[0]) :]),
    ):
        if part.lower() in known:
            return rest.strip(" -_:/|()[]\t"), known.index(part.lower())
    return None


def _parse_wanted(tier: str | None) -> dict[str, str]:
    """Read `tier`: "NAME", or "phones=NAME,words=NAME"."""
    if tier is None:
        return {}
    if not tier.strip():
        raise InputError("`tier` is empty; expected a tier's name, or phones=NAME,words=NAME")
    if not re.match(r"\s*(phones|words)\s*=", tier):
        return {PHONES: tier.strip()}
    wanted: dict[str, str] = {}
    for part in re.split(r",(?=\s*(?:phones|words)\s*=)", tier):
        kind, _, name = part.partition("=")
        if not name.strip() or kind.strip() in wanted:
            raise InputError(f"`tier` {tier!r}; expected phones=NAME,words=NAME, each once and with a name")
        wanted[kind.strip()] = name.strip()
    return wanted


def _named(found: Tiers, name: str) -> Tier:
    """Find the interval tier of a name, or of a number counted from 1."""
    same = [each for each in found.tiers if each.name.strip() == name]
    same = same or [each for each in found.tiers if each.name.strip().casefold() == name.casefold()]
    if not same and name.isascii() and name.isdigit() and 1 <= int(name) <= len(found.tiers):
        same = [found.tiers[int(name) - 1]]
    usable = [each for each in same if not each.is_points]
    if same and not usable:
        raise InputError(f"tier {name!r} holds points in time; expected intervals; tiers: {found.names()}")
    if not usable:
        raise InputError(f"no tier {name!r}; tiers: {found.names()}")
    if len(usable) > 1:
        numbers = [str(index) for index, each in enumerate(found.tiers, start=1) if each in usable]
        raise InputError(
            f"{len(usable)} tiers are called {name!r}; choose one by its number with `tier` ({', '.join(numbers)})"
        )
    return usable[0]


def _of_speaker(found: Tiers, named: Sequence[_Kind], speaker: str | None) -> Tier | None:
    """Choose among tiers of one kind; None where there is none."""
    people = list(dict.fromkeys(each.whose for each in named if each.whose))
    if speaker is not None:
        own = [each for each in named if each.whose and each.whose.casefold() == speaker.strip().casefold()]
        if not own:
            told = f"{found.several}: {listed(people)}" if people else f"no tier of phones names one of {found.several}"
            raise InputError(f"no phones of {speaker!r}; {told}; tiers: {found.names()}")
    else:
        own = [each for each in named if not each.whose]
        if not own and len(people) > 1:
            raise InputError(
                f"holds the phones of {len(people)} {found.several}: {listed(people)}; choose one with `tier_speaker`"
            )
        own = own or list(named)
    first = [each.tier for each in own if each.rank == min(own, key=lambda one: one.rank).rank]
    if len(first) > 1:
        raise InputError(
            f"{len(first)} tiers of phones: {found.names()}; choose one with `tier` (its name, or its number)"
        )
    return first[0] if first else None


def check_times(tier: Tier) -> None:
    """Raise InputError for a time that is no number, or an interval that ends before it starts."""
    for label, start, end in tier.intervals:
        if not (math.isfinite(start) and math.isfinite(end)):
            raise InputError(f"tier {tier.name!r}: {label!r} runs from {start} to {end}; expected times in seconds")
        if end < start:
            raise InputError(f"tier {tier.name!r}: {label!r} ends at {end} s, before it starts at {start} s")
