"""From text to phones: the dictionary first, the espeak voice (through phonemizer) for every word not in it."""

import warnings
from collections.abc import Sequence

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.phones.inventory import SILENCE
from phonolips.speech.text.detect import guess_language, is_readable, resolve_language, warn_of_language
from phonolips.speech.text.english_words import LETTERS, NOT_KNOWN, Said, known_phones
from phonolips.speech.text.languages import all_languages
from phonolips.speech.text.lexicon import ALPHABET, letter_name
from phonolips.speech.text.normalise import Token, normalise_text
from phonolips.speech.text.voice import load_voice
from phonolips.speech.words import SpokenWord

PhoneSequence = tuple[SpokenWord, ...]

# Characters of a text, some three hours of speech. Time and memory grow with it: the worst one, 200,000 times ½, is
# read in 11 s on a busy machine.
LONGEST_TEXT = 200_000
LONGEST_WORD = 100  # characters; nothing longer is a word of any language
_PARTED_BY_VOICE = ("cmn", "yue")  # languages without spaces whose voice finds the words
_ENGLISH_VOICES = ("en-us", "en-gb")
# GRID's six words (Cooke, Barker, Cunningham and Shao, 2006)
_GRID_WORDS: tuple[frozenset[str], ...] = (
    frozenset(("bin", "lay", "place", "set")),
    frozenset(("blue", "green", "red", "white")),
    frozenset(("at", "by", "in", "with")),
    frozenset(ALPHABET) - {"w"},
    frozenset(("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")),
    frozenset(("again", "now", "please", "soon")),
)


def _check_words(tokens: Sequence[Token], language: str) -> None:
    """Raise InputError for a word that no voice can say."""
    for token in tokens:
        if len(token.word) > LONGEST_WORD:
            raise InputError(
                f"the word {token.word[:20]!r}... has {len(token.word)} characters; expected at most "
                f"{LONGEST_WORD}; put spaces between the words"
            )
        if not is_readable(token.word, language):
            raise InputError(
                f"the word {token.word!r} cannot be read by the voice {language!r}{_advise(token.word, language)}"
            )


def _advise(word: str, language: str) -> str:
    """Write what to do about a word in a script that a voice does not read."""
    if language == "ja":
        return ", which reads kana only; for kanji: pip install 'phonolips[japanese]', or write it in kana"
    other = guess_language(word)
    name = all_languages()[other].name.partition(" (")[0]
    return (
        f"; it looks like {name}: set `language` to {other!r} or 'auto', or write the word in the voice's own letters"
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


def text_to_phones(text: str, *, language: str = "en-us", spell_letters: bool = False) -> PhoneSequence:
    """Convert written text to words with their phones, and pauses.

    English words come from CMUdict, by their first pronunciation, which is American for `en-gb` too, except
    for the letter z (`Z EH D`); the words that it does not hold come from the espeak voice. In any other
    language every word comes from the voice, its sounds mapped to the nearest English phones.

    The word `a` is the article (`AH`), and the letter (`EY`) in a sentence of the GRID corpus, before a
    pause, and at the end.

    Args:
        text: written text; numbers, dates, money and abbreviations are written out.
        language: an espeak voice's code, such as `en-us`, `en-gb`, `de`, `fr-fr`, `es`, or what else
            `canonical_language` knows; `auto` tells it from the text.
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
    code = resolve_language(text, language)
    if code not in _ENGLISH_VOICES:
        load_voice(code)
    tokens = normalise_text(text, code)
    if not tokens:
        shown = ascii(text if len(text) <= 40 else text[:40] + "...")
        raise InputError(f"the text {shown} has no words; expected at least one word or number to say")
    _check_words(tokens, code)
    warn_of_language(text, code)
    if code in _PARTED_BY_VOICE:
        tokens = _part_tokens(tokens, code)
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


def _part_tokens(tokens: Sequence[Token], code: str) -> list[Token]:
    """Part what has no spaces into words, as the voice does."""
    runs = list(dict.fromkeys(token.word for token in tokens if len(token.word) > 1 and token.word.isalpha()))
    parted = dict(zip(runs, load_voice(code).part_words(runs), strict=True)) if runs else {}
    return [token._replace(word=word) for token in tokens for word in parted.get(token.word, [token.word])]


def _say_tokens(tokens: Sequence[Token], code: str, spell_letters: bool) -> list[Said]:
    """Find the phones of each token: NOT_KNOWN for pauses, and for words that nothing here can say."""
    said = [NOT_KNOWN] * len(tokens)
    if code.startswith("en-"):
        said = _say_english(tokens, code, spell_letters)
    missing = list(dict.fromkeys(t.word for t, known in zip(tokens, said, strict=True) if t.word and not known.phones))
    if not missing:
        return said
    found = dict(zip(missing, load_voice(code).phonemize(missing), strict=True))
    source = f"espeak {code}"
    return [
        Said(found[token.word], source) if token.word and not known.phones else known
        for token, known in zip(tokens, said, strict=True)
    ]


def _say_english(tokens: Sequence[Token], code: str, spell_letters: bool) -> list[Said]:
    """Find the phones of English words, as far as they are known without espeak."""
    letters = _letter_positions(tokens, spell_letters)
    words = {token: known_phones(token, code) for token in dict.fromkeys(tokens) if token.word}
    return [
        Said(letter_name("a", code), LETTERS) if index in letters else words.get(token, NOT_KNOWN)
        for index, token in enumerate(tokens)
    ]
