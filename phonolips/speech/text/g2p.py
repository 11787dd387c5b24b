"""From text to phones: the dictionary first, the espeak voice (through phonemizer) for every word not in it."""

import unicodedata
import warnings
from collections.abc import Sequence

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.phones.inventory import SILENCE
from phonolips.speech.text.english_words import NOT_KNOWN, Said, say_english
from phonolips.speech.text.normalise import Token, normalise_text
from phonolips.speech.text.voice import canonical_language, load_voice
from phonolips.speech.words import SpokenWord

PhoneSequence = tuple[SpokenWord, ...]

# Characters of a text, some three hours of speech. Time and memory grow with it: the worst one, 200,000 times ½, is
# read in 11 s on a busy machine.
LONGEST_TEXT = 200_000
LONGEST_WORD = 100  # characters; nothing longer is a word of any language
_ENGLISH_VOICES = ("en-us", "en-gb")
# Languages in Latin letters
_LATIN_LANGUAGES = frozenset(
    ("af", "ca", "cs", "cy", "da", "de", "en", "es", "et", "eu", "fi", "fr", "ga", "hr", "hu", "id", "is",
     "it", "lt", "lv", "ms", "nb", "nl", "pl", "pt", "ro", "sk", "sl", "sq", "sv", "sw", "tr", "vi")
)  # fmt: skip


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
    if code not in _ENGLISH_VOICES:
        load_voice(code)
    tokens = normalise_text(text, code)
    if not tokens:
        shown = ascii(text if len(text) <= 40 else text[:40] + "...")
        raise InputError(f"the text {shown} has no words; expected at least one word or number to say")
    _check_words(tokens, code)
    said = _say_tokens(tokens, code, spell_letters)
    spoken = []
    silent = []
    for token, (phones, source) in zip(tokens, said, strict=True):
        if not token.word:
            spoken.append(SpokenWord("", (SILENCE,), token.pause_seconds))
        elif phones:
            spoken.append(SpokenWord(token.word, phones, source=source))
        else:
            silent.append(token.word)
    if silent:
        count = sum(bool(token.word) for token in tokens)
        message = f"left out {len(silent)} of {count} words that the voice {code!r} cannot say, as {silent[0]!r}"
        if len(silent) == count:
            raise InputError(f"{message}; no word is left; expected at least one that can be said")
        warnings.warn(message, PhonolipsWarning, stacklevel=2)
    return tuple(spoken)


def _say_tokens(tokens: Sequence[Token], code: str, spell_letters: bool) -> list[Said]:
    """Find the phones of each token: NOT_KNOWN for pauses, and for words that nothing here can say."""
    said = [NOT_KNOWN] * len(tokens)
    if code.startswith("en-"):
        said = say_english(tokens, code, spell_letters)
    missing = list(dict.fromkeys(t.word for t, known in zip(tokens, said, strict=True) if t.word and not known.phones))
    if not missing:
        return said
    found = dict(zip(missing, load_voice(code).phonemize(missing), strict=True))
    source = f"espeak {code}"
    return [
        Said(found[token.word], source) if token.word and not known.phones else known
        for token, known in zip(tokens, said, strict=True)
    ]
