"""The edited clip's clock: which words and phones stand where, and which recorded frame every frame comes from."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from phonolips.editing.words import Change
from phonolips.errors import InputError
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import SILENCE
from phonolips.phones.sounds import shuts_lips

LEAST_ZONE_SECONDS = 0.12  # a join of two recorded parts is made anew over at least as long
LEAST_BETWEEN_SECONDS = 0.12  # of recorded lips between two zones; less is made anew too
LEAST_PHONE_SECONDS = 0.02


class Take(NamedTuple):
    """New words with phones, at times of their own from 0 to `seconds`; no words where something is only removed."""

    words: tuple[Interval, ...]
    phones: tuple[Interval, ...]
    seconds: float


class Cut(NamedTuple):
    """Recorded seconds [old_start, old_end) give way to [new_start, new_end) of the edited clip."""

    old_start: float
    old_end: float
    new_start: float
    new_end: float


class Zone(NamedTuple):
    """Frames `first` up to but not including `last` of the edited clip, whose lips are made anew."""

    first: int
    last: int


class Timeline(NamedTuple):
    """Where everything of an edited clip comes from.

    Args:
        alignment: words and phones of the edited clip.
        cuts: where it differs from the recording, in order.
        zones: the frames with new lips: the cuts and a little around them.
        source: float64 (frames,), the place in the recording of every frame: whole numbers where it is kept, and
            stretched evenly between them in the zones, so that a head that moves goes on moving.
        kept: bool (frames,), False in the zones.
    """

    alignment: Alignment
    cuts: tuple[Cut, ...]
    zones: tuple[Zone, ...]
    source: np.ndarray
    kept: np.ndarray

    @property
    def source_frames(self) -> np.ndarray:
        """Name the nearest recorded frame for every frame, int64 (frames,)."""
        nearest: np.ndarray = np.rint(self.source).astype(np.int64)
        return nearest


def cut_span(recorded: Alignment, change: Change) -> tuple[float, float]:
    """Find what a change takes out of a recording, in seconds.

    An insertion stands right after the word before it. Where words are removed from between two pauses, the second
    pause goes with them.
    """
    words = recorded.speech_words()
    if change.is_insertion:
        at = words[change.old_first - 1].end if change.old_first else words[0].start
        return at, at
    start, end = words[change.old_first].start, words[change.old_last - 1].end
    inside = change.old_first > 0 and change.old_last < len(words)
    if change.is_removal and inside and words[change.old_first - 1].end < start:
        end = words[change.old_last].start
    return start, end


def make_timeline(
    recorded: Alignment,
    frames: int,
    fps: float,
    changes: Sequence[Change],
    takes: Sequence[Take],
    *,
    reach_seconds: float,
) -> Timeline:
    """Lay out an edited clip.

    What comes after a change moves by a whole number of frames, so that kept frames stay as they are; for that the new
    words are stretched or squeezed, or what is removed is longer or shorter, by half a frame at most.

    Args:
        recorded: words and phones of the recording.
        frames: how many it has.
        fps: frames per second of both clips.
        changes: from `find_changes`.
        takes: the new words of each of them.
        reach_seconds: how far the lips are made anew beyond the new words, where the old ones still colour them; not
            into a b, m or p, nor beyond the middle of the word there.

    Raises:
        InputError: nothing of the recording is left.
    """
    seconds = frames / fps
    cuts: list[Cut] = []
    shift = 0
    for change, take in zip(changes, takes, strict=True):
        start, end = cut_span(recorded, change)
        end = min(end, seconds)
        new_start = start + shift / fps
        moved = round((take.seconds - (end - start)) * fps)
        if change.is_removal:
            end = start - moved / fps  # off by half a frame at most
        elif end - start + moved / fps < LEAST_PHONE_SECONDS * len(take.phones) - 1e-6:
            moved += 1
        shift += moved
        cuts.append(Cut(start, end, new_start, end + shift / fps))
    length = frames + shift
    if length < 1:
        raise InputError(f"of {seconds:.2f} s nothing would be left; keep at least one word")
    gone = [cut_span(recorded, change)[1] for change in changes]
    alignment = _edit_alignment(recorded, cuts, gone, takes, fps, length / fps)
    zones = _find_zones(recorded, cuts, gone, length, fps, reach_seconds)
    kept = np.ones(length, bool)
    for zone in zones:
        kept[zone.first : zone.last] = False
    if not kept.any():
        raise InputError(
            f"all of its {seconds:.2f} s would be made anew; keep a word, or speak the text with 'phonolips synth'"
        )
    return Timeline(alignment, tuple(cuts), zones, _source_places(cuts, kept, frames, fps), kept)


def _edit_alignment(
    recorded: Alignment, cuts: Sequence[Cut], gone: Sequence[float], takes: Sequence[Take], fps: float, seconds: float
) -> Alignment:
    """Put the kept intervals and the new ones on the edited clip's clock; `gone`: where the words that go end."""

    def join(old: Sequence[Interval], new: Sequence[Sequence[Interval]], silence: str) -> list[Interval]:
        result: list[Interval] = []
        kept_from = shift = 0.0
        for index in range(len(cuts) + 1):
            kept_to = cuts[index].old_start if index < len(cuts) else recorded.duration
            inside = [(i.label, max(i.start, kept_from) + shift, min(i.end, kept_to) + shift) for i in old]
            kept = [Interval(*item) for item in inside if item[0] != silence and item[2] - item[1] > 1e-6]
            if result and kept and 0 < kept[0].start - result[-1].end <= 0.5 / fps + 1e-6:
                kept[0] = kept[0]._replace(start=result[-1].end)
            result += kept
            if index < len(cuts):
                cut = cuts[index]
                kept_from, shift = max(gone[index], cut.old_end), cut.new_end - cut.old_end
                result += new[index]
        cropped = [item._replace(end=min(item.end, seconds)) for item in result]
        return [item for item in cropped if item.end - item.start > 1e-6]

    def placed(cut: Cut, intervals: Sequence[Interval], length: float) -> list[Interval]:
        scale = (cut.new_end - cut.new_start) / length if length else 1.0
        return [Interval(i.label, cut.new_start + scale * i.start, cut.new_start + scale * i.end) for i in intervals]

    words = [placed(cut, take.words, take.seconds) for cut, take in zip(cuts, takes, strict=True)]
    phones = [placed(cut, take.phones, take.seconds) for cut, take in zip(cuts, takes, strict=True)]
    return Alignment.build(join(recorded.words, words, ""), join(recorded.phones, phones, SILENCE), seconds)


def _reach(recorded: Alignment, at: float, reach_seconds: float, *, back: bool) -> float:
    """Return how far from `at` the lips are made anew: `reach_seconds`, but see `make_timeline`."""
    reach = reach_seconds
    for item in recorded.speech_words():
        if back and item.start < at - 1e-6 <= item.end:
            reach = min(reach, (at - item.start) / 2)
        if not back and item.start <= at + 1e-6 < item.end:
            reach = min(reach, (item.end - at) / 2)
    for item in recorded.phones:
        if shuts_lips(item.label):
            if back and item.start < at - 1e-6:
                reach = min(reach, max(0.0, at - item.end))
            if not back and item.end > at + 1e-6:
                reach = min(reach, max(0.0, item.start - at))
    return reach


def _find_zones(
    recorded: Alignment, cuts: Sequence[Cut], gone: Sequence[float], length: int, fps: float, reach_seconds: float
) -> tuple[Zone, ...]:
    """Find the frames to be made anew; zones that nearly touch become one."""
    zones: list[Zone] = []
    least, between = (round(seconds * fps) for seconds in (LEAST_ZONE_SECONDS, LEAST_BETWEEN_SECONDS))
    for cut, old_end in zip(cuts, gone, strict=True):
        start = cut.new_start - _reach(recorded, cut.old_start, reach_seconds, back=True)
        end = cut.new_end + _reach(recorded, old_end, reach_seconds, back=False)
        first, last = (int(np.ceil(time * fps - 0.5 - 1e-6)) for time in (start, end))
        missing = max(0, least - (last - first))
        zone = Zone(max(0, first - missing // 2), min(length, last + missing - missing // 2))
        if zones and zone.first - zones[-1].last < between:
            zone = Zone(zones.pop().first, zone.last)
        zones.append(zone)
    return tuple(zones)


def _source_places(cuts: Sequence[Cut], kept: np.ndarray, frames: int, fps: float) -> np.ndarray:
    """Find the place in the recording of every frame of the edited clip."""
    shifts = np.zeros(len(kept), np.int64)
    for cut in cuts:
        at = int(np.ceil(cut.new_start * fps - 0.5 - 1e-6))
        shifts[max(at, 0) :] = round((cut.new_end - cut.old_end) * fps)
    places = np.arange(len(kept))
    known = np.flatnonzero(kept)
    source: np.ndarray = np.interp(places, known, known - shifts[known])
    # Before the first and after the last kept frame the recording goes on, as far as there is any.
    first, last = known[0], known[-1]
    if first:
        source[:first] = np.linspace(0, source[first], first, endpoint=False)
    if last + 1 < len(kept):
        source[last:] = np.linspace(source[last], frames - 1, len(kept) - last)
    return source
