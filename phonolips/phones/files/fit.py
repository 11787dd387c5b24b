"""An alignment from a file, and its sound: where the file's times begin, and whether the lengths agree."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.phones.files.tiers import Tier
from phonolips.phones.intervals import CONFIDENCE_TIER, EDGE_TOLERANCE_SECONDS, Alignment, Interval
from phonolips.phones.inventory import SILENCE, is_silence

# An alignment and its sound may differ in length by so much. MFA's of 969 GRID videos differ by 0.017 s at most (what
# AAC and MPEG add or drop), of 2,741 LibriSpeech recordings by less than a microsecond; an mp3 is padded by some 0.05.
LENGTH_TOLERANCE_SECONDS = 0.1
# Files that list speech alone do not say how long the recording is; silence behind it is ordinary up to this length
# (LibriSpeech's and GRID's 3,710 recordings end with 2.93 s of it at most).
QUIET_TAIL_SECONDS = 3.0
# Between labels, a gap or an overlap of so much is rounding: CTM and Gentle write hundredths of a second.
CRACK_SECONDS = 0.0101


@dataclass(frozen=True)
class AlignmentFile:
    """Words and phones as a file has them, before they are fitted to a sound.

    Args:
        path: the file.
        words, phones: in order, times as in the file; phones of the inventory, `sil` and `spn`.
        start, end: of the stretch that the file covers, seconds.
        says_end: whether the file itself says where it ends; else `end` is that of the last label.
        kind: what messages call the file.
        confidences: of `phones`, or None.
    """

    path: Path
    words: tuple[Interval, ...]
    phones: tuple[Interval, ...]
    start: float
    end: float
    says_end: bool = True
    kind: str = "TextGrid"
    confidences: tuple[float, ...] | None = None

    def with_confidences(self, tier: Tier | None) -> "AlignmentFile":
        """Return this with the numbers of a tier as confidences; warn where they do not fit the phones."""
        if tier is None:
            return self
        try:
            values = tuple(float(each.label) for each in tier.intervals)
            if len(values) != len(self.phones) or not all(0 <= value <= 1 for value in values):
                raise ValueError
        except ValueError:
            warnings.warn(
                f'{self.path}: tier "{CONFIDENCE_TIER}" does not fit the phones (edited since?); read without it',
                PhonolipsWarning,
                stacklevel=5,
            )
            return self
        return replace(self, confidences=values)

    def fit(self, seconds: float | None = None) -> Alignment:
        """Return the alignment on the clock of its sound, as long as that where the lengths differ.

        Times count from the beginning of the stretch that the file covers, which Praat's "Extract part" with
        "preserve times" leaves above 0; but from 0 where the sound reaches to the stretch's end as it is written.

        Args:
            seconds: length of the sound; None = unknown.

        Raises:
            InputError: the phones lie beyond the sound, or do not make an alignment (they overlap, say).
        """
        shift = self._beginning(seconds)
        words, phones = (
            [Interval(label, max(0.0, start - shift), end - shift) for label, start, end in tier]
            for tier in (self.words, self.phones)
        )
        duration = self.end - shift
        confidences = self.confidences
        try:
            if seconds is not None and abs(duration - seconds) > LENGTH_TOLERANCE_SECONDS:
                self._compare(phones, duration, seconds)
                words, phones = (
                    [_cut(each, seconds) for each in tier if each.start < seconds] for tier in (words, phones)
                )
                duration, confidences = seconds, None
            alignment = Alignment.build(words, phones, duration)
            if confidences is None or len(confidences) != len(alignment.phones):
                return alignment
            return Alignment(alignment.words, alignment.phones, duration, confidences)
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from error

    def _beginning(self, seconds: float | None) -> float:
        """Return the time of the file that is the sound's beginning."""
        if abs(self.start) <= EDGE_TOLERANCE_SECONDS:
            return 0.0
        if seconds is None:
            warnings.warn(
                f"{self.path}: its times run from {self.start:g} to {self.end:g} s; counted from {self.start:g}",
                PhonolipsWarning,
                stacklevel=5,
            )
            return self.start
        return 0.0 if self.start > 0 and self.end <= seconds + LENGTH_TOLERANCE_SECONDS else self.start

    def _compare(self, phones: Sequence[Interval], duration: float, seconds: float) -> None:
        """Warn of lengths that differ; raise InputError where the phones lie beyond the sound."""
        spoken = [phone for phone in phones if phone.label != SILENCE]
        beyond = sum(phone.start >= seconds for phone in spoken)
        lengths = f"the alignment lasts {duration:.2f} s, its sound {seconds:.2f} s"
        if spoken and (spoken[0].start >= seconds or 2 * beyond > len(spoken)):
            raise InputError(
                f"{lengths}: {beyond} of {len(spoken)} phones lie beyond the sound; give the alignment of this sound, "
                "with times that count from its beginning"
            )
        if duration > seconds:
            lost = f"{beyond} phones of it" if beyond else "none of its phones"
            what = f"what lies beyond the sound is left out, {lost}"
        elif not self.says_end and seconds - duration <= QUIET_TAIL_SECONDS:
            return
        else:
            what = f"the last {seconds - duration:.2f} s are silence"
        warnings.warn(f"{self.path}: {lengths}: {what}; is it of this sound?", PhonolipsWarning, stacklevel=6)


def _cut(interval: Interval, seconds: float) -> Interval:
    return interval._replace(end=min(interval.end, seconds))


def close_cracks(tier: Sequence[Interval]) -> list[Interval]:
    """Drop silences of no length, and close the gaps and overlaps between labels that rounding leaves."""
    kept = [each for each in tier if each.end > each.start or not is_silence(each.label)]
    for place, (one, other) in enumerate(pairwise(kept)):
        apart = other.start - one.end
        if apart and abs(apart) <= CRACK_SECONDS and one.start < other.start:
            kept[place] = one._replace(end=other.start)
    return kept
