"""The voices of espeak-ng, asked through phonemizer how words are said."""

import logging
import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

from phonolips.errors import InputError, MissingToolError
from phonolips.speech.text.ipa import ipa_to_phones
from phonolips.speech.text.languages import all_languages, canonical_language
from phonolips.speech.text.lexicon import Phones

if TYPE_CHECKING:
    from phonemizer.backend import EspeakBackend

# What ends a syllable of Mandarin; espeak-ng writes the third tone as ɜ.
_TONE = re.compile("[0-9ɜ]")


class EspeakVoice:
    """One voice of espeak-ng, asked through phonemizer; word by word, because phrases change the phones.

    Args:
        language: the voice's code, such as `en-us`, `de`, `fr-fr`.

    Raises:
        InputError: there is no such voice; the message names some.
        MissingToolError: phonemizer or espeakng-loader is not installed.
    """

    def __init__(self, language: str) -> None:
        language = canonical_language(language)
        self.language = language
        # espeak gets a silent logger: phonemizer's own prints to stderr
        logger = logging.Logger("phonolips.espeak", logging.CRITICAL + 1)
        logger.addHandler(logging.NullHandler())
        self._backend: EspeakBackend = _espeak_backend()(
            language, punctuation_marks="\x00", language_switch="remove-flags", logger=logger
        )

    @staticmethod
    def is_available() -> bool:
        """Return whether phonemizer and espeak-ng's library can be loaded."""
        try:
            _espeak_backend()
        except MissingToolError:
            return False
        return True

    @staticmethod
    def version() -> str:
        """Return espeak-ng's version, such as `1.52.0`."""
        return ".".join(map(str, _espeak_backend().version()))

    @staticmethod
    def supported_languages() -> dict[str, str]:
        """Map the code of every usable voice to the language's name."""
        return {code: language.name for code, language in all_languages().items()}

    def part_words(self, runs: Sequence[str]) -> list[list[str]]:
        """Part each run of Chinese characters into the words that the voice finds in it.

        A syllable, which ends in its tone, is a character; a run in which they are not as many stays whole.
        """
        from phonemizer.separator import Separator

        lines = self._backend.phonemize(list(runs), separator=Separator(phone="|", word=" "), strip=True)
        parted: list[list[str]] = []
        for run, line in zip(runs, lines, strict=True):
            lengths = [len(_TONE.findall(word)) for word in line.split()]
            if sum(lengths) != len(run):
                parted.append([run])
                continue
            ends = list(accumulate(length for length in lengths if length))
            parted.append([run[first:last] for first, last in zip([0, *ends], ends, strict=False)])
        return parted

    def phonemize(self, words: Sequence[str]) -> list[Phones]:
        """Return the phones of each word by itself; () for one that the voice says nothing for."""
        from phonemizer.separator import Separator

        lines = self._backend.phonemize(list(words), separator=Separator(phone="|", word=" "), strip=True)
        if len(lines) != len(words):
            raise RuntimeError(f"espeak returned {len(lines)} lines for {len(words)} words")
        english = self.language.startswith("en")
        return [ipa_to_phones(line, english=english, language=self.language) for line in lines]


@lru_cache(maxsize=1)
def _espeak_backend() -> "type[EspeakBackend]":
    """Import phonemizer and point it to the library that espeakng_loader carries."""
    try:
        import espeakng_loader
        from phonemizer.backend import EspeakBackend
        from phonemizer.backend.espeak.wrapper import EspeakWrapper
    except ImportError as error:
        raise MissingToolError(
            f"words outside the dictionary need espeak-ng ({error}); "
            "install it with: pip install phonemizer espeakng-loader"
        ) from error
    EspeakWrapper.set_library(espeakng_loader.get_library_path())
    EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
    backend: type[EspeakBackend] = EspeakBackend
    return backend


@lru_cache(maxsize=4)
def load_voice(language: str) -> EspeakVoice:
    """Load a voice once."""
    return EspeakVoice(language)


def language_of_span(written: str, around: str) -> str | None:
    """Return the voice for a stretch of text whose language mark-up states, such as `de-DE`; None where there is none.

    Args:
        written: the language, "" where the mark-up states none; a country alone changes nothing, as in `en-US`.
        around: the code of the text's language.
    """
    try:
        code = canonical_language(written) if written else around
    except InputError:
        return None
    if code.split("-")[0] == around.split("-")[0]:
        return around
    voices = EspeakVoice.supported_languages()
    plain = canonical_language(code.split("-")[0])
    return code if code in voices else plain if plain in voices else None
