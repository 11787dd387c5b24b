"""From text to phones: the dictionary first, the espeak voice (through phonemizer) for every word not in it."""

import warnings
from collections.abc import Sequence
from itertools import accumulate

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.speech.text.detect import guess_language, is_readable, resolve_language, warn_of_language
from phonolips.speech.text.english_words import LETTERS, NOT_KNOWN, Said, known_phones
from phonolips.speech.text.languages import all_languages, is_auto
from phonolips.speech.text.lexicon import ALPHABET, letter_name
from phonolips.speech.text.markup.arrange import Arranger, pieces_of, spell_tokens
from phonolips.speech.text.markup.read import AUTO, read_script
from phonolips.speech.text.markup.script import Script, describe_ignored
from phonolips.speech.text.normalise import PlacedMark, Token, normalise_marked
from phonolips.speech.text.own_words import LexiconArgument, read_lexicon
from phonolips.speech.text.voice import language_of_span, load_voice
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


def text_to_phones(
    text: str,
    *,
    language: str = "en-us",
    spell_letters: bool = False,
    lexicon: LexiconArgument = None,
    text_format: str = AUTO,
) -> PhoneSequence:
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
        lexicon: words of your own, which win over every rule: a file in MFA's format, several, or a mapping
            `{"gif": "JH IH1 F"}`.
        text_format: one of `markup.read.TEXT_FORMATS`; "auto" obeys SSML, subtitles and the like where the
            text is plainly such.

    Returns:
        SpokenWords in their order; phones are from phones.PHONES without stress. Pauses have word "" and
        phones ("sil",); at the start and end there are only such as the text's instructions ask for.

    Raises:
        InputError: nothing in the text can be spoken, the language has no voice, a word is too long or
            in a script that the voice cannot read, mark-up that is broken, a lexicon that cannot be read.
        MissingToolError: the dictionary, or espeak for a word that needs it, is not installed.
    """
    if len(text) > LONGEST_TEXT:
        raise InputError(
            f"the text has {len(text):,} characters; expected at most {LONGEST_TEXT:,}, some three hours of speech: "
            "give it in parts"
        )
    code = language_of_text(text, language, text_format)
    if code not in _ENGLISH_VOICES:
        load_voice(code)
    script = read_lexicon(lexicon).mark(read_script(text, text_format, language=code))
    words, silent = _say_script(script, code, spell_letters)
    count = sum(bool(word.word) for word in words)
    message = (
        f"left out {len(silent)} of {count + len(silent)} words that the voice {code!r} cannot say, as {silent[0]!r}"
        if silent
        else ""
    )
    if not count and silent:
        raise InputError(f"{message}; no word is left; expected at least one that can be said")
    if not count:
        shown = ascii(text if len(text) <= 40 else text[:40] + "...")
        left_out = f" (left out: {describe_ignored(script.ignored)})" if script.ignored else ""
        raise InputError(f"the text {shown} has no words; expected at least one word or number to say{left_out}")
    if silent:
        warnings.warn(message, PhonolipsWarning, stacklevel=2)
    if script.ignored:
        warnings.warn(f"ignored in the text: {describe_ignored(script.ignored)}", PhonolipsWarning, stacklevel=2)
    warn_of_language(" ".join(piece.text for piece in pieces_of(script) if not piece.language), code)
    return tuple(words)


def language_of_text(text: str, language: str, text_format: str = AUTO) -> str:
    """Return the code of the voice for a text; `auto` is told from what is said in it, without its mark-up.

    Raises InputError as `canonical_language` does, and for broken mark-up.
    """
    return resolve_language(read_script(text, text_format).plain if is_auto(language) else "", language)


def _say_script(script: Script, code: str, spell_letters: bool) -> tuple[list[SpokenWord], list[str]]:
    """Say the words of a script, each stretch in its language; return them, and those that cannot be said."""
    arranger = Arranger(script, code)
    spans = script.spans
    for piece in pieces_of(script):
        own = language_of_span(piece.language, code)
        if own is None:
            script.ignored[f"language {piece.language[:20]}"] += 1
        spoken = own or code
        tokens, marks = normalise_marked(piece.text, spoken, spans)
        tokens = spell_tokens(tokens, marks, script)
        _check_words(tokens, spoken)
        if spoken in _PARTED_BY_VOICE:
            tokens, marks = _part_tokens(tokens, marks, spoken)
        said = _say_tokens(tokens, spoken, spell_letters)
        arranger.add(tokens, said, marks, "" if spoken == code else spoken)
    return arranger.finish()


def _part_tokens(
    tokens: Sequence[Token], marks: Sequence[PlacedMark], code: str
) -> tuple[list[Token], list[PlacedMark]]:
    """Part what has no spaces into words, as the voice does; marks stay before the words that they stood before."""
    runs = list(dict.fromkeys(token.word for token in tokens if len(token.word) > 1 and token.word.isalpha()))
    parted = dict(zip(runs, load_voice(code).part_words(runs), strict=True)) if runs else {}
    pieces = [[token._replace(word=word) for word in parted.get(token.word, [token.word])] for token in tokens]
    places = [0, *accumulate(map(len, pieces))]
    return [piece for several in pieces for piece in several], [m._replace(place=places[m.place]) for m in marks]


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
