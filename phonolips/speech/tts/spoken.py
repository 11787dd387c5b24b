"""What every synthesiser returns: sound, and its words and phones with their times."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.phones.intervals import Alignment, Interval
from phonolips.speech.cues import MOST_HURRY, CueGroup, cue_groups, hurry, warn_of_late
from phonolips.timebase import FRAME_SAMPLES, SAMPLE_RATE, samples_to_frames, samples_to_seconds, seconds_to_samples

if TYPE_CHECKING:
    from phonolips.speech.tts.backend import Backend
    from phonolips.speech.words import SpokenWord

EDGE_SECONDS = 0.5  # silence around a spoken text: time to open from shut, and to shut again
MOST_TRIES = 3  # to fit words into the time of a subtitle: twice the rate is not quite half the length
LEAST_GAP_SECONDS = 0.002  # between sentences that follow without a pause; less comes from rounding to samples
SYNTHESISER, OURS = "synthesiser", "ours"
STOP_PAUSE_SECONDS = 0.3  # a pause of the text that is at least this long ends a sentence


@dataclass(frozen=True)
class Spoken:
    """A text that was spoken aloud.

    Args:
        waveform: float32 (samples,) at 16 kHz in [-1, 1]; whole frames at 25 fps, silent for half a second before
            and after.
        alignment: words as the text names them, and the phones that are spoken; as long as the waveform.
        backend: which synthesiser spoke, a name of BACKENDS.
        timing: who made the times: `synthesiser` or `ours`.
    """

    waveform: np.ndarray = field(repr=False)
    alignment: Alignment
    backend: str
    timing: str

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return samples_to_seconds(len(self.waveform))


class SpokenSentence(NamedTuple):
    """One sentence as sound, float32 (samples,) at 16 kHz, and its phones and words, in seconds from its start."""

    sound: np.ndarray
    phones: Sequence[Interval]
    words: Sequence[Interval]


def sentences(words: "Sequence[SpokenWord]") -> "list[list[SpokenWord]]":
    """Split words at the pauses that end a sentence or that somebody asked for; each stays at its sentence's end.

    Where the rate or the language changes another one begins, too, without a pause. A pause that was asked for before
    the first word is a sentence of its own.
    """
    found: list[list[SpokenWord]] = [[]]
    for word in words:
        if not word.word:
            if word.is_asked or (found[-1] and found[-1][-1].word):  # else at the start, or after another one
                found[-1].append(word)
                if word.is_asked or word.pause_seconds >= STOP_PAUSE_SECONDS:
                    found.append([])
            continue
        before = next((each for each in reversed(found[-1]) if each.word), word)
        if (before.rate, before.language) != (word.rate, word.language):
            found.append([])
        found[-1].append(word)
    return [sentence for sentence in found if any(word.word or word.is_asked for word in sentence)]


def whole_frames(waveform: np.ndarray) -> np.ndarray:
    """Pad a waveform with silence to whole frames at 25 fps; at least one frame."""
    samples = max(1, samples_to_frames(len(waveform))) * FRAME_SAMPLES
    return np.pad(waveform, (0, samples - len(waveform))).astype(np.float32)


class Assembly:
    """Sounds one after the other, with the phones and words in them, between two margins of silence."""

    def __init__(self) -> None:
        self._blocks: list[np.ndarray] = []
        self._samples = 0
        self._spoken = 0  # the sample after the last phone
        self._words: list[Interval] = []
        self._phones: list[Interval] = []

    @property
    def seconds(self) -> float:
        """How long it is so far."""
        return samples_to_seconds(self._samples)

    def add(self, spoken: SpokenSentence) -> None:
        """Append a sentence."""
        shift = self.seconds
        for tier, items in ((self._words, spoken.words), (self._phones, spoken.phones)):
            for item in items:
                start, end = item.start + shift, item.end + shift
                joined = bool(tier) and start - tier[-1].end < LEAST_GAP_SECONDS
                tier.append(item._replace(start=tier[-1].end if joined else start, end=end))
        self._append(spoken.sound.astype(np.float32))
        self._spoken = self._samples

    def rest(self, seconds: float) -> None:
        """Append silence."""
        self._append(np.zeros(seconds_to_samples(seconds), np.float32))

    def rest_until(self, seconds: float) -> None:
        """Append silence up to a time; none where it has passed."""
        self._append(np.zeros(max(0, seconds_to_samples(seconds) - self._samples), np.float32))

    def _append(self, block: np.ndarray) -> None:
        self._blocks.append(block)
        self._samples += len(block)

    def finish(self, backend: str, timing: str, least: float | None = None) -> Spoken:
        """Put everything together; raise InputError where nothing was said.

        Args:
            backend: who spoke.
            timing: who made the times.
            least: how long it lasts at least, in seconds, where subtitles say so.
        """
        if not self._phones:
            raise InputError(f"{backend} said nothing; expected at least one word that it can say")
        margin = seconds_to_samples(EDGE_SECONDS)
        samples = self._samples + margin
        if least is not None:
            samples = max(self._samples, self._spoken + margin, seconds_to_samples(least))
        self._append(np.zeros(samples - self._samples, np.float32))
        waveform = whole_frames(np.clip(np.concatenate(self._blocks), -1, 1))
        alignment = Alignment.build(self._words, self._phones, len(waveform) / SAMPLE_RATE)
        return Spoken(waveform, alignment, backend, timing)


def assemble(
    words: "Sequence[SpokenWord]",
    speak_sentence: "Callable[[Sequence[SpokenWord], float], SpokenSentence]",
    backend: "Backend",
    rate: float,
) -> Spoken:
    """Speak words sentence by sentence, at the times and rates that they ask for.

    The text's pauses between sentences are divided by `rate`; those that somebody asked for are not.

    Args:
        words: pauses among them.
        speak_sentence: speaks a sentence, all of whose words have one rate and language, at a rate.
        backend: whose name, timing and `rates` hold.
        rate: of everything; 2.0 speaks twice as fast.
    """
    assembly = Assembly()
    groups = cue_groups(words)
    if groups[0].at is None:
        assembly.rest_until(EDGE_SECONDS)
    late: list[float] = []
    beyond: list[float] = []

    def speak(group: CueGroup, pace: float) -> tuple[list[tuple[SpokenSentence | None, float]], list[float]]:
        """Speak the sentences of a group: each with the pause after it, and the rates that could not be kept."""
        found: list[tuple[SpokenSentence | None, float]] = []
        refused: list[float] = []
        for sentence in sentences(group.words):
            first = next((word for word in sentence if word.word), None)
            last = sentence[-1]
            pause = 0.0 if last.word else last.pause_seconds / (1.0 if last.is_asked else pace)
            spoken = None
            if first is not None:
                wanted = pace * first.rate
                kept = min(max(wanted, backend.rates[0]), backend.rates[1])
                if kept != wanted:
                    refused.append(wanted)
                spoken = speak_sentence(sentence, kept)
            found.append((spoken, pause))
        return found, refused

    for number, group in enumerate(groups):
        if group.at is not None:
            assembly.rest_until(group.at)
            late += [assembly.seconds - group.at] if group.words else []
        faster = 1.0
        for _ in range(MOST_TRIES):
            said, refused = speak(group, rate * faster)
            seconds = sum(pause + (len(spoken.sound) / SAMPLE_RATE if spoken else 0.0) for spoken, pause in said)
            wanted = min(MOST_HURRY, faster * hurry(seconds, assembly.seconds, group.until))
            if wanted == faster:
                break
            faster = wanted
        beyond += refused
        for place, (spoken, pause) in enumerate(said):
            if spoken is not None:
                assembly.add(spoken)
            last = number + 1 == len(groups) and place + 1 == len(said)
            if not (last and not group.words[-1].is_asked):
                assembly.rest(pause)
    warn_of_late(late)
    if beyond:
        warnings.warn(
            f"{backend.name} speaks at {backend.rates[0]} to {backend.rates[1]} times its usual pace; {len(beyond)} "
            f"sentences that ask for others, as {beyond[0]:.2g}, are said at the nearest",
            PhonolipsWarning,
            stacklevel=4,
        )
    return assembly.finish(backend.name, backend.timing, groups[-1].at if not groups[-1].words else None)
