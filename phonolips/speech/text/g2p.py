"""From text to phones: the dictionary first, the espeak voice (through phonemizer) for every word not in it."""

import logging
import unicodedata
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from phonolips.checks import check_text, shown
from phonolips.errors import InputError, MissingToolError, PhonolipsWarning, did_you_mean
from phonolips.phones.inventory import SILENCE
from phonolips.speech.text.ipa import ipa_to_phones
from phonolips.speech.text.lexicon import ALPHABET, Phones, letter_name, pronunciations
from phonolips.speech.text.normalise import Token, normalise_text
from phonolips.speech.words import SpokenWord

if TYPE_CHECKING:
    from phonemizer.backend import EspeakBackend

PhoneSequence = tuple[SpokenWord, ...]

# Characters of a text, some three hours of speech. Time and memory grow with it: the worst one, 200,000 times ½, is
# read in 11 s on a busy machine.
LONGEST_TEXT = 200_000
LONGEST_WORD = 100  # characters; nothing longer is a word of any language
_ALIASES = {"en": "en-us", "fr": "fr-fr", "zh": "cmn", "no": "nb"}
_ENGLISH_VOICES = ("en-us", "en-gb")
# espeak-ng 1.52 lists these voices, but three have no dictionary in espeakng_loader and one ends the process
_BROKEN_VOICES = frozenset(("fo", "kaa", "kl", "xex"))
# Languages in Latin letters
_LATIN_LANGUAGES = frozenset(
    ("af", "ca", "cs", "cy", "da", "de", "en", "es", "et", "eu", "fi", "fr", "ga", "hr", "hu", "id", "is",
     "it", "lt", "lv", "ms", "nb", "nl", "pl", "pt", "ro", "sk", "sl", "sq", "sv", "sw", "tr", "vi")
)  # fmt: skip

# GRID's six words (Cooke, Barker, Cunningham and Shao, 2006)
_GRID_WORDS: tuple[frozenset[str], ...] = (
    frozenset(("bin", "lay", "place", "set")),
    frozenset(("blue", "green", "red", "white")),
    frozenset(("at", "by", "in", "with")),
    frozenset(ALPHABET) - {"w"},
    frozenset(("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")),
    frozenset(("again", "now", "please", "soon")),
)


# ---------------------------------------------------------------- espeak


class EspeakVoice:
    """One voice of espeak-ng, asked through phonemizer; word by word, because phrases change the phones.

    Args:
        language: the voice's code, such as `en-us`, `de`, `fr-fr`.

    Raises:
        InputError: there is no such voice; the message names some.
        MissingToolError: phonemizer or espeakng-loader is not installed.
    """

    def __init__(self, language: str) -> None:
        voices = self.supported_languages()
        if language not in voices:
            near = [code for code in voices if code.split("-")[0] == language.split("-")[0]]
            named = next((code for code, name in voices.items() if name.lower().startswith(language.lower())), None)
            examples = ", ".join(near[:6] or ("en-us", "en-gb", "de", "es", "fr-fr", "it", "nl", "pt-br"))
            raise InputError(
                f"language {shown(language)} has no espeak voice; expected one of {len(voices)} codes, such as "
                f"{examples}{f'; did you mean {named}?' if named else did_you_mean(language, voices)}"
            )
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
        voices: dict[str, str] = _espeak_backend().supported_languages()
        return {code: name for code, name in voices.items() if code not in _BROKEN_VOICES}

    def phonemize(self, words: Sequence[str]) -> list[Phones]:
        """Return the phones of each word by itself; () for one that the voice says nothing for."""
        from phonemizer.separator import Separator

        lines = self._backend.phonemize(list(words), separator=Separator(phone="|", word=" "), strip=True)
        if len(lines) != len(words):
            raise RuntimeError(f"espeak returned {len(lines)} lines for {len(words)} words")
        english = self.language.startswith("en")
        return [ipa_to_phones(line, english=english) for line in lines]


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
def _voice(language: str) -> EspeakVoice:
    """Load a voice once."""
    return EspeakVoice(language)


# ---------------------------------------------------------------- words


def _plain_letters(word: str) -> str:
    """Strip the accents of a word: café -> cafe."""
    parts = unicodedata.normalize("NFD", word)
    return "".join(part for part in parts if not unicodedata.combining(part))


def _spell(letters: str, language: str) -> Phones:
    """Return the phones of the letters' names; () where a letter is not of the English alphabet."""
    plain = _plain_letters(letters)
    if not plain or any(letter not in ALPHABET for letter in plain):
        return ()
    return tuple(phone for letter in plain for phone in letter_name(letter, language))


def _with_s(phones: Phones) -> Phones:
    """Add the ending of a possessive or plural, as English sounds demand: cats, dogs, foxes."""
    if phones[-1] in ("S", "Z", "SH", "ZH", "CH", "JH"):
        return (*phones, "IH", "Z")
    return (*phones, "S" if phones[-1] in ("F", "K", "P", "T", "TH") else "Z")


def _known_phones(token: Token, language: str) -> Phones:
    """Find the phones of an English word without espeak: dictionary, letters, parts; () if that fails."""
    word = token.word
    if token.spelled and (names := _spell(word.replace("'", ""), language)):
        return names
    plain = _plain_letters(word)
    if plain in ALPHABET and len(plain) == 1 and plain != "a":
        return letter_name(plain, language)
    for form in dict.fromkeys((word, plain, plain.rstrip("'"))):
        if found := pronunciations(form):
            return found[0]
    if "-" in word:
        parts = [_known_phones(Token(part, spelled=len(part) == 1), language) for part in word.split("-")]
        return tuple(phone for part in parts for phone in part) if all(parts) else ()
    if token.capitals:
        letters, ending = plain[: token.capitals], plain[token.capitals :]
        if len(letters) <= 3 or not any(vowel in letters for vowel in "aeiouy"):
            return _with_s(_spell(letters, language)) if ending else _spell(letters, language)
    if plain.endswith("'s") and (found := pronunciations(plain.removesuffix("'s"))):
        return _with_s(found[0])
    return ()


def _is_readable(word: str, language: str) -> bool:
    """Return whether the voice knows the word's script; others it reads sign by sign, as `Hebrew letter shin`.

    One foreign sign alone is readable, because it has a name (λ). The Japanese voice knows kana only.
    """
    names = [unicodedata.name(character, "") for character in word if character.isalpha()]
    code = language.split("-")[0]
    if code == "ja":
        return not any(name.startswith("CJK UNIFIED") for name in names)
    foreign = sum("LATIN" not in name and not name.startswith("MODIFIER") for name in names)
    return code not in _LATIN_LANGUAGES or foreign < 2


def _check_words(tokens: Sequence[Token], language: str) -> None:
    """Raise InputError for a word that no voice can say."""
    for token in tokens:
        if len(token.word) > LONGEST_WORD:
            raise InputError(
                f"the word {token.word[:20]!r}... has {len(token.word)} characters; expected at most "
                f"{LONGEST_WORD}; put spaces between the words"
            )
        if not _is_readable(token.word, language):
            script = "kana (no kanji)" if language.startswith("ja") else "Latin letters"
            raise InputError(
                f"the word {token.word!r} cannot be read by the voice {language!r}, which expects {script}; "
                "set language to the text's own (such as 'ru', 'el', 'he', 'ar', 'hi'), or write it so"
            )


def _letter_positions(tokens: Sequence[Token], spell_letters: bool) -> set[int]:
    """Find every `a` that is the letter and not the article."""
    places = [index for index, token in enumerate(tokens) if token.word]
    words = [tokens[index].word for index in places]
    grid = len(words) == len(_GRID_WORDS) and all(
        word in allowed for word, allowed in zip(words, _GRID_WORDS, strict=True)
    )
    found = set()
    for index in places:
        last = index + 1 == len(tokens) or not tokens[index + 1].word
        if tokens[index].word == "a" and (grid or spell_letters or last):
            found.add(index)
    return found


def canonical_language(language: str) -> str:
    """Convert a language code to espeak's spelling: `en_GB` -> `en-gb`, `en` -> `en-us`."""
    code = check_text(language, "language", "'en-us'").strip().lower().replace("_", "-")
    return _ALIASES.get(code, code)


def text_to_phones(text: str, *, language: str = "en-us", spell_letters: bool = False) -> PhoneSequence:
    """Convert written text to words with their phones, and pauses.

    English words come from CMUdict, by their first pronunciation, which is American for `en-gb` too, except
    for the letter z (`Z EH D`); the words that it does not hold come from the espeak voice. In any other
    language every word comes from the voice, its sounds mapped to the nearest English phones.

    The word `a` is the article (`AH`), and the letter (`EY`) in a sentence of the GRID corpus, before a
    pause, and at the end.

    Args:
        text: written text; numbers, dates, money and abbreviations are written out.
        language: an espeak voice's code, such as `en-us`, `en-gb`, `de`, `fr-fr`, `es`.
        spell_letters: say every `a` as the letter.

    Returns:
        SpokenWords in their order; phones are from phones.PHONES without stress. Pauses have word "" and
        phones ("sil",); none is at the start or end.

    Raises:
        InputError: nothing in the text can be spoken, the language has no voice, or a word is too long or
            in a script that the voice cannot read.
        MissingToolError: the dictionary, or espeak for a word that needs it, is not installed.
    """
    if len(text) > LONGEST_TEXT:
        raise InputError(
            f"the text has {len(text):,} characters; expected at most {LONGEST_TEXT:,}, some three hours of speech: "
            "give it in parts"
        )
    code = canonical_language(language)
    english = code.startswith("en-")
    if code not in _ENGLISH_VOICES:
        _voice(code)
    tokens = normalise_text(text, code)
    if not tokens:
        shown = ascii(text if len(text) <= 40 else text[:40] + "...")
        raise InputError(f"the text {shown} has no words; expected at least one word or number to say")
    _check_words(tokens, code)
    letters = _letter_positions(tokens, spell_letters) if english else set()
    phones: dict[Token, Phones] = {}
    for token in dict.fromkeys(tokens):
        if token.word and english:
            phones[token] = _known_phones(token, code)
    missing = [token for token in dict.fromkeys(tokens) if token.word and not phones.get(token)]
    if missing:
        phones.update(zip(missing, _voice(code).phonemize([token.word for token in missing]), strict=True))
    spoken = []
    silent = []
    for index, token in enumerate(tokens):
        if not token.word:
            spoken.append(SpokenWord("", (SILENCE,), token.pause_seconds))
        elif index in letters:
            spoken.append(SpokenWord(token.word, letter_name("a", code)))
        elif phones[token]:
            spoken.append(SpokenWord(token.word, phones[token]))
        else:
            silent.append(token.word)
    if silent:
        count = sum(bool(token.word) for token in tokens)
        message = f"left out {len(silent)} of {count} words that the voice {code!r} cannot say, as {silent[0]!r}"
        if len(silent) == count:
            raise InputError(f"{message}; no word is left; expected at least one that can be said")
        warnings.warn(message, PhonolipsWarning, stacklevel=2)
    return tuple(spoken)
