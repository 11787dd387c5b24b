"""What every synthesiser returns: sound, and its words and phones with their times."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from phonolips.errors import InputError
from phonolips.phones.intervals import Alignment, Interval
from phonolips.timebase import FRAME_SAMPLES, SAMPLE_RATE, samples_to_frames, samples_to_seconds, seconds_to_samples

if TYPE_CHECKING:
    from phonolips.speech.words import SpokenWord

EDGE_SECONDS = 0.5  # silence around a spoken text: time to open from shut, and to shut again
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
    """Split words at the pauses that end a sentence; each pause stays at the end of its sentence."""
    found: list[list[SpokenWord]] = [[]]
    for word in words:
        if not word.word and (not found[-1] or not found[-1][-1].word):
            continue  # a pause at the start, or after another one
        found[-1].append(word)
        if not word.word and word.pause_seconds >= STOP_PAUSE_SECONDS:
            found.append([])
    return [sentence for sentence in found if any(word.word for word in sentence)]


def whole_frames(waveform: np.ndarray) -> np.ndarray:
    """Pad a waveform with silence to whole frames at 25 fps; at least one frame."""
    samples = max(1, samples_to_frames(len(waveform))) * FRAME_SAMPLES
    return np.pad(waveform, (0, samples - len(waveform))).astype(np.float32)


class Assembly:
    """Sounds one after the other, with the phones and words in them, between two margins of silence."""

    def __init__(self) -> None:
        self._blocks: list[np.ndarray] = [np.zeros(seconds_to_samples(EDGE_SECONDS), np.float32)]
        self._samples = len(self._blocks[0])
        self._words: list[Interval] = []
        self._phones: list[Interval] = []

    def add(self, spoken: SpokenSentence, pause_seconds: float = 0.0) -> None:
        """Append a sentence, then a pause."""
        shift = samples_to_seconds(self._samples)
        for tier, items in ((self._words, spoken.words), (self._phones, spoken.phones)):
            for item in items:
                start, end = item.start + shift, item.end + shift
                tier.append(item._replace(start=max(start, tier[-1].end) if tier else start, end=end))
        pause = np.zeros(seconds_to_samples(pause_seconds), np.float32)
        self._blocks += [spoken.sound.astype(np.float32), pause]
        self._samples += len(spoken.sound) + len(pause)

    def finish(self, backend: str, timing: str) -> Spoken:
        """Put everything together; raise InputError where nothing was said."""
        if not self._phones:
            raise InputError(f"{backend} said nothing; expected at least one word that it can say")
        margin = np.zeros(seconds_to_samples(EDGE_SECONDS), np.float32)
        waveform = whole_frames(np.clip(np.concatenate([*self._blocks, margin]), -1, 1))
        alignment = Alignment.build(self._words, self._phones, len(waveform) / SAMPLE_RATE)
        return Spoken(waveform, alignment, backend, timing)


def assemble(
    words: "Sequence[SpokenWord]", speak_sentence: "Callable[[Sequence[SpokenWord]], SpokenSentence]", rate: float
) -> Assembly:
    """Speak words sentence by sentence; the text's pauses between sentences are divided by `rate`."""
    assembly = Assembly()
    found = sentences(words)
    for number, sentence in enumerate(found):
        pause = sentence[-1].pause_seconds / rate if number + 1 < len(found) else 0.0
        assembly.add(speak_sentence(sentence), pause)
    return assembly
