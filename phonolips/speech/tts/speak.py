"""Speak a text: synthesisers behind one interface, each with one owner of the times.

| backend | times | needs |
|---|---|---|
| `espeak` | espeak-ng's own phone times drive the lips | nothing but pip |
| `festival` | our durations go in | the program `festival` and its voice kal_diphone |
| `piper` | the voice's own durations drive the lips | `pip install piper-tts onnx` and the user's own voice |

    from phonolips.speech.tts.speak import speak_text
    spoken = speak_text("bin blue at f two now")
    spoken.waveform, spoken.alignment
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from phonolips.checks import check_text
from phonolips.errors import InputError, did_you_mean
from phonolips.phones.intervals import Alignment
from phonolips.speech.tts.backend import Backend
from phonolips.speech.tts.spoken import OURS, SYNTHESISER, Spoken
from phonolips.timebase import check_rate

if TYPE_CHECKING:
    from phonolips.speech.words import SpokenWord

__all__ = ["BACKENDS", "OURS", "SYNTHESISER", "Backend", "Spoken", "choose", "speak_text", "speak_words"]

BACKENDS = ("espeak", "festival", "piper")
Predict = Callable[["Sequence[SpokenWord]", float], Alignment]


def choose(name: str) -> Backend:
    """Return the backend of this name, one of BACKENDS; raise InputError for another name."""
    if name == "espeak":
        from phonolips.speech.tts.espeak.backend import Espeak

        return Espeak()
    if name == "festival":
        from phonolips.speech.tts.festival import Festival

        return Festival()
    if name == "piper":
        from phonolips.speech.tts.piper import Piper

        return Piper()
    raise InputError(f"synthesiser {name!r}; expected one of {', '.join(BACKENDS)}{did_you_mean(name, BACKENDS)}")


def speak_words(
    words: "Sequence[SpokenWord]",
    *,
    backend: str = "espeak",
    voice: str | None = None,
    rate: float = 1.0,
    language: str = "en-us",
    alignment: Alignment | None = None,
    predict: Predict | None = None,
) -> Spoken:
    """Speak words that have their phones.

    Args:
        words: as `phonolips.speech.text.g2p.text_to_phones` returns them.
        backend: one of BACKENDS.
        voice: the backend's name of a voice, or its file; None = the backend's own choice.
        rate: 2.0 speaks twice as fast.
        language: the words' language, as espeak names it.
        alignment: times to keep, for a backend whose `timing` is `ours`; `rate` does not change them.
        predict: makes an alignment from words and a rate, for such a backend where `alignment` is None.

    Raises:
        InputError: no such backend, voice or rate, nothing to say, or times that the backend cannot keep.
        MissingToolError: the synthesiser is not installed; the message names the install command.
    """
    from phonolips.speech.text.languages import canonical_language
    from phonolips.speech.words import check_words

    check_words(words)
    if voice is not None:
        check_text(voice, "voice", "'en-us'")
    check_rate(rate)
    chosen = choose(check_text(backend, "synthesiser", "'espeak'"))
    chosen.version()  # reports at once what is missing
    if chosen.timing == OURS and alignment is None:
        if predict is None:
            raise InputError(f"{backend} speaks at given times; give an alignment of the words, or predict one")
        alignment = predict(words, rate)
    if chosen.timing == OURS:
        rate = 1.0
    return chosen.speak(words, alignment=alignment, language=canonical_language(language), voice=voice, rate=rate)


def speak_text(
    text: str,
    *,
    backend: str = "espeak",
    voice: str | None = None,
    rate: float = 1.0,
    language: str = "en-us",
    alignment: Alignment | None = None,
    predict: Predict | None = None,
) -> Spoken:
    """Speak a text: numbers, abbreviations and words are read as `phonolips.speech.text` reads them.

    Arguments and errors are those of `speak_words`; a text with nothing to say is an InputError.
    """
    from phonolips.speech.text.g2p import text_to_phones

    words = text_to_phones(text, language=language)
    return speak_words(
        words, backend=backend, voice=voice, rate=rate, language=language, alignment=alignment, predict=predict
    )
