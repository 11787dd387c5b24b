"""The backend `espeak`: our phones go in, espeak-ng's own phone times come out. It needs nothing but pip.

What it says is what our text front end says: English words are given to it as phonemes, made from the dictionary's
phones and stressed as espeak-ng stresses the written word; words of other languages are given as that voice's own
phonemes. The TextGrid holds the phones that it reports, so the lips follow every sound that it leaves out or inserts.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from phonolips.errors import InputError
from phonolips.phones.intervals import Alignment, Interval
from phonolips.speech.text.espeak_data import voice_files
from phonolips.speech.tts.backend import Backend
from phonolips.speech.tts.espeak.events import match_phones, read_marks, split_phones
from phonolips.speech.tts.espeak.library import (
    TEXT_HOLDS_PHONEMES,
    Library,
    library_version,
    open_library,
    to_waveform,
)
from phonolips.speech.tts.espeak.phonemes import USUAL_RATE, write_sentence, write_word
from phonolips.speech.tts.spoken import SYNTHESISER, Spoken, SpokenSentence, assemble

if TYPE_CHECKING:
    from phonolips.speech.words import SpokenWord


# Of a word that espeak-ng is given whole: it fails from some 200 on, and phones are matched with events in a table of
# their product. The longest word of the CMU dictionary has 32.
MOST_PHONES = 100


class Espeak(Backend):
    """The library of espeakng-loader. A voice is a code such as `en-us` or `en-gb-x-rp`, alone or with `+VARIANT`."""

    name = "espeak"
    timing = SYNTHESISER
    rates = (0.5, 2.8)  # espeak-ng speaks 80 to 450 words a minute; 1 is USUAL_RATE

    def version(self) -> str:
        return library_version()

    def languages(self) -> list[str]:
        return sorted({code.split("-")[0] for code in voice_files()})

    def voices(self) -> list[str]:
        return sorted(voice_files())

    def _speak(
        self,
        words: "Sequence[SpokenWord]",
        alignment: Alignment | None,
        language: str,
        voice: str | None,
        rate: float,
    ) -> Spoken:
        chosen = voice or language
        if chosen.split("-")[0].split("+")[0].lower() != language.split("-")[0]:
            raise InputError(f"voice {chosen!r} does not speak {language!r}; expected one such as {language}")
        with open_library() as library:
            library.set_voice(chosen, round(USUAL_RATE * rate))

            def speak_sentence(sentence: "Sequence[SpokenWord]", pace: float) -> SpokenSentence:
                other = next(word.language for word in sentence if word.word)
                library.set_voice(other or chosen, round(USUAL_RATE * pace))
                return _speak_sentence(sentence, library, (other or language).startswith("en"))

            return assemble(words, speak_sentence, self, rate)


def _parts_of(word: "SpokenWord") -> "list[SpokenWord]":
    """Cut a word of so many phones that it is none, such as a stretch of phones without a pause, into words."""
    if len(word.phones) <= MOST_PHONES:
        return [word]
    cut = [word.phones[first : first + MOST_PHONES] for first in range(0, len(word.phones), MOST_PHONES)]
    return [word._replace(word=" ".join(phones), phones=phones) for phones in cut]


def _speak_sentence(sentence: "Sequence[SpokenWord]", library: Library, english: bool) -> SpokenSentence:
    """Speak one sentence; its sound goes from the first phone to the last."""
    sentence = [part for word in sentence for part in _parts_of(word)] if english else sentence
    own = [word for word in sentence if word.word]
    written = [write_word(word, library, english) if word.word else "" for word in sentence]
    text, places = write_sentence(sentence, written)
    sound, marks = library.speak(text, TEXT_HOLDS_PHONEMES)
    found, word_places = read_marks(marks, sound, library.sample_rate)
    phones: list[Interval] = []
    words: list[Interval] = []
    found = [
        phone._replace(word=bisect_right(places, word_places[phone.word]) - 1) for phone in found if phone.word >= 0
    ]
    for index, group in groupby(found, key=lambda phone: phone.word):
        events = list(group)
        if english:
            named = match_phones(own[index].phones, events)
        else:
            named = split_phones(events, english=False, language=library.voice)
        phones += [Interval(phone.ipa, phone.start, phone.end) for phone in named]
        if named:
            words.append(Interval(own[index].word, named[0].start, named[-1].end))
    if not phones:
        return SpokenSentence(np.zeros(0, np.float32), [], [])
    start, end = phones[0].start, phones[-1].end
    first, last = round(start * library.sample_rate), round(end * library.sample_rate)
    moved = [
        [item._replace(start=item.start - start, end=item.end - start) for item in tier] for tier in (phones, words)
    ]
    return SpokenSentence(to_waveform(sound[first:last], library.sample_rate), *moved)
