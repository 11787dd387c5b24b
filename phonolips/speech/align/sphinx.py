"""Align with pocketsphinx, whose wheel carries an English acoustic model: nothing else to install.

Two passes, as its authors describe: the first finds the words (and the silences between them), the second
the phones inside them. Words are given by our phones, never by its dictionary. Best-path search is off:
it moves word edges so that the second pass finds no path through (15 of 100 real clips; none without it).
"""

from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from phonolips.errors import InputError
from phonolips.extras import has_extra, need
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.sounds import nearest_phone
from phonolips.speech.words import words_to_align
from phonolips.timebase import STEP_SAMPLES, samples_to_seconds, samples_to_steps, steps_to_seconds

if TYPE_CHECKING:
    from phonolips.speech.words import SpokenWord

ALIGNER = "aligner 'sphinx'"  # as messages call it
WINDOW_SAMPLES = 410  # pocketsphinx's 25.6 ms; its frame t must be centred where step t is
LEAD_SAMPLES = WINDOW_SAMPLES // 2 - STEP_SAMPLES // 2  # samples of padding that do this: 125
STEPS_PER_PHONE = 3  # states of a phone's model, each at least one step long
BEAMS = (1e-48, 1e-100)  # the search's own beam, and a wide one for noisy sound; tried in this order


class Sphinx:
    """pocketsphinx as an aligner; holds its loaded models (0.2 s), so keep one for many utterances."""

    def __init__(self) -> None:
        self._decoders: dict[float, Any] = {}

    @staticmethod
    def is_available() -> bool:
        """Return whether pocketsphinx is installed."""
        return has_extra("align")

    @staticmethod
    def version() -> str:
        """Return pocketsphinx's version, such as "5.1.1"; raise MissingToolError where it is missing."""
        need("align", ALIGNER)
        return version("pocketsphinx")

    def align(self, waveform: np.ndarray, words: "Sequence[SpokenWord]") -> Alignment:
        """Find the words and phones in the sound.

        Args:
            waveform: float32 (samples,), 16 kHz, [-1, 1].
            words: what is said; pauses among them are ignored, silence is found in the sound.

        Raises:
            InputError: no words, sound too short for them, or no way to fit the words to the sound.
            MissingToolError: pocketsphinx is not installed.
        """
        spoken = words_to_align(words)
        phones = sum(len(item.phones) for item in spoken)
        steps = samples_to_steps(len(waveform))
        if steps < phones * STEPS_PER_PHONE:
            raise InputError(
                f"{phones} phones do not fit into {samples_to_seconds(len(waveform)):.2f} s of sound; "
                f"they need at least {steps_to_seconds(phones * STEPS_PER_PHONE):.2f} s"
            )
        for beam in BEAMS:
            entries = self._search(waveform, spoken, beam)
            if entries is not None:
                return _to_alignment(entries, spoken, samples_to_seconds(len(waveform)))
        text = " ".join(item.word for item in spoken)
        raise InputError(
            f"pocketsphinx cannot fit the words {text!r} to the sound; check that this is what is said in it"
        )

    def _decoder(self, beam: float) -> Any:
        """Return the decoder for a beam, loaded once."""
        if beam not in self._decoders:
            need("align", ALIGNER)
            from pocketsphinx import Decoder

            self._decoders[beam] = Decoder(lm=None, bestpath=False, beam=beam, pbeam=beam, wbeam=beam, loglevel="FATAL")
        return self._decoders[beam]

    def _search(
        self, waveform: np.ndarray, spoken: "Sequence[SpokenWord]", beam: float
    ) -> list[tuple[str, list[tuple[int, int]]]] | None:
        """Run both passes; return (word key, (first step, steps) of each phone), or None if it fails."""
        decoder = self._decoder(beam)
        keys = []
        for item in spoken:
            phones = [nearest_phone(phone) for phone in item.phones]
            key = "=" + "-".join(phones)  # a word of its own in the dictionary, spelt by its phones
            if decoder.lookup_word(key) is None:
                decoder.add_word(key, " ".join(phones), False)
            keys.append(key)
        tail = -len(waveform) % STEP_SAMPLES + WINDOW_SAMPLES - STEP_SAMPLES - LEAD_SAMPLES
        padded = np.pad(waveform, (LEAD_SAMPLES, tail), mode="reflect")
        data = (np.clip(padded, -1, 1) * 32767).astype("<i2").tobytes()
        try:
            decoder.set_align_text(" ".join(keys))
            _run_pass(decoder, data)
            if decoder.hyp() is None:  # to ask this after the second pass ends the process (5.1.1)
                raise RuntimeError("no path through the words")
            decoder.set_alignment()
            _run_pass(decoder, data)
            entries = [
                (word.name, [(phone.start, phone.duration) for phone in word]) for word in decoder.get_alignment()
            ]
        except RuntimeError:
            del self._decoders[beam]  # a failed search can leave it unusable
            return None
        return entries if [name for name, _ in entries if name.startswith("=")] == keys else None


def _run_pass(decoder: Any, data: bytes) -> None:
    """Run one pass over 16-bit samples; pocketsphinx raises RuntimeError where it finds no path."""
    decoder.start_utt()
    decoder.process_raw(data, full_utt=True)
    decoder.end_utt()


def _to_alignment(
    entries: Sequence[tuple[str, list[tuple[int, int]]]], spoken: "Sequence[SpokenWord]", seconds: float
) -> Alignment:
    """Name the words that were found; everything else that the search inserted is silence."""
    words: list[Interval] = []
    phones: list[Interval] = []
    left = iter(spoken)
    for name, spans in entries:
        if not name.startswith("="):
            continue
        item = next(left)
        edges = [(steps_to_seconds(start), min(steps_to_seconds(start + n), seconds)) for start, n in spans]
        phones.extend(Interval(phone, *edge) for phone, edge in zip(item.phones, edges, strict=True))
        words.append(Interval(item.word, edges[0][0], edges[-1][1]))
    return Alignment.build(words, phones, seconds)
