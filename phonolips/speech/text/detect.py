"""In which language a text is written: by its script, and where several share one, by py3langid's statistics.

English is the rule, another language needs proof: log-odds of SURE, which no sentence of GRID reaches, nor any of 3,185
of LibriSpeech (tools/bench/languages.py).
"""

import re
import unicodedata
import warnings
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

from phonolips.errors import MissingToolError, PhonolipsWarning
from phonolips.speech.text.languages import MISREAD, all_languages, canonical_language, is_auto, without_marks
from phonolips.speech.text.lexicon import pronunciations

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

SURE = 11.0  # log-odds, natural, of the language found against the one that it is measured with
LONGEST_SAMPLE = 4000  # characters of a text that are looked at
FEWEST_WORDS = 2  # of a text that is warned of: one word may be a name
# Share of words that the English dictionary lacks, from which on a text is looked at. 98 % of LibriSpeech's sentences
# are below, and so cost nothing.
UNKNOWN_SHARE = 0.15
ENGLISH_SHARE = 0.15  # of words that are English and of no other language here: an English sentence about Dvořák
_ENGLISH_ONLY = frozenset(("the", "and", "with", "from", "this", "that", "you", "your", "they", "wrote", "it", "my"))
_NO_LANGUAGE = "zxx"  # py3langid's class of numbers, code, addresses

# The voices that read a script, the most usual one first; where there are several, py3langid chooses.
_VOICES_OF_SCRIPT: dict[str, tuple[str, ...]] = {
    # of near twins (af, an, bs, ms, ...) one only: a short text would be taken for the smaller of them too often
    "LATIN": (
        *("en-us", "ca", "cs", "cy", "da", "de", "es", "et", "eu", "fi", "fr-fr", "ga", "hr", "hu", "id", "is", "it"),
        *("lt", "lv", "mt", "nb", "nl", "pl", "pt", "ro", "sk", "sl", "sq", "sv", "sw", "tr", "vi"),
        *("az", "eo", "gd", "ht", "ku", "lb", "qu", "tk", "uz"),
    ),
    "CYRILLIC": ("ru", "uk", "be", "bg", "sr", "mk", "kk", "ky", "tt", "ba"),
    "ARABIC": ("ar", "fa", "ur", "ug"),
    "DEVANAGARI": ("hi", "mr", "ne"),
    "BENGALI": ("bn", "as"),
    "ETHIOPIC": ("am", "ti"),
    "CJK": ("cmn",),
    "HIRAGANA": ("ja",),
    "KATAKANA": ("ja",),
    "HANGUL": ("ko",),
    "GREEK": ("el",),
    "HEBREW": ("he",),
    "ARMENIAN": ("hy",),
    "GEORGIAN": ("ka",),
    "GURMUKHI": ("pa",),
    "GUJARATI": ("gu",),
    "ORIYA": ("or",),
    "TAMIL": ("ta",),
    "TELUGU": ("te",),
    "KANNADA": ("kn",),
    "MALAYALAM": ("ml",),
    "SINHALA": ("si",),
    "THAI": ("th",),
    "MYANMAR": ("my",),
    "CHEROKEE": ("chr-US-Qaaa-x-west",),
    "SHAVIAN": ("en-shaw",),
}
_WITHOUT_SPACES = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "MYANMAR")  # a letter counts for a word, or part of one
# Languages that are written in Latin letters too, beside the script of their own name.
_TWO_SCRIPTS = frozenset(("sr", "uz", "kk", "ky", "tt", "ba", "cmn", "ko", "sd", "nog", "cv", "mo"))
# Scripts that the voice of each language reads beside Latin and its own.
_MORE_SCRIPTS: dict[str, tuple[str, ...]] = {
    "bs": ("CYRILLIC",), "hr": ("CYRILLIC",), "uz": ("CYRILLIC",), "fa": ("ARABIC",), "ja": ("HIRAGANA", "KATAKANA"),
}  # fmt: skip
# Scripts that espeak-ng reads in the midst of any language but those in Latin letters, by a voice of their own.
_READ_BY_ALL = frozenset(("GREEK", "DEVANAGARI", "HANGUL", "GEORGIAN", "ARMENIAN", "BENGALI"))
# Voices that read what is written in another's language; nobody is warned of these.
_TWINS = (
    frozenset(("hr", "bs", "sr")), frozenset(("id", "ms")), frozenset(("cmn", "yue", "hak")), frozenset(("el", "grc")),
)  # fmt: skip
_THEIR_CODES = {"en-us": "en", "fr-fr": "fr", "nb": "no", "cmn": "zh", "kok": "gom", "gn": "gug"}  # py3langid's


@cache
def _identifier() -> "LanguageIdentifier":
    """Load py3langid's model, 4.5 MB in its wheel, once; about half a second. Raises MissingToolError without it."""
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError as error:
        raise MissingToolError("to tell a language needs py3langid; install it with: pip install py3langid") from error

    return LanguageIdentifier.from_model_file(MODEL_FILE)


def _their_code(voice: str) -> str:
    """Return py3langid's code of a voice's language."""
    return _THEIR_CODES.get(voice, voice.split("-")[0])


def _scores(text: str, voices: tuple[str, ...]) -> dict[str, float]:
    """Return the log-likelihood of the language of each voice, if py3langid knows it; no language at all is English."""
    ranked = dict(_identifier().rank(text))
    scores = {voice: float(ranked[_their_code(voice)]) for voice in voices if _their_code(voice) in ranked}
    if "en-us" in scores:
        scores["en-us"] = max(scores["en-us"], float(ranked[_NO_LANGUAGE]))
    return scores


def script_of(text: str) -> str:
    """Return the script of most words, as the Unicode names of its letters begin; "" for a text without letters.

    Of scripts without spaces each letter counts for a word. A text with kana is Japanese.
    """
    counts: Counter[str] = Counter()
    for run in re.findall(r"[^\W\d_]+", text[:LONGEST_SAMPLE]):
        scripts = [unicodedata.name(letter, "").split(" ")[0] for letter in run if unicodedata.category(letter) != "Lm"]
        if any(script in _WITHOUT_SPACES for script in scripts):
            counts.update(scripts)
        elif scripts:
            counts[scripts[0]] += 1
    if not counts:
        return ""
    if counts["CJK"] and counts["HIRAGANA"] + counts["KATAKANA"]:
        return "HIRAGANA"
    return counts.most_common(1)[0][0]


def guess_language(text: str) -> str:
    """Return the code of the voice that reads a text; `en-us` where nothing speaks for another one."""
    voices = _VOICES_OF_SCRIPT.get(script_of(text), ("en-us",))
    if len(voices) == 1:
        return voices[0]
    sample = text[:LONGEST_SAMPLE]
    scores = _scores(sample, voices)
    best = max(scores, key=lambda voice: scores[voice])
    if "en-us" in scores and (scores[best] - scores["en-us"] < SURE or _has_english_words(sample)):
        return "en-us"
    return best


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*", text.lower().replace("’", "'"))


def _has_english_words(text: str) -> bool:
    """Return whether a text has its share of words that only English has."""
    words = _words(text)
    return sum(word in _ENGLISH_ONLY for word in words) >= ENGLISH_SHARE * len(words) > 0


def _is_plain_english(text: str) -> bool:
    """Return whether the dictionary knows the words of a text, or English ones hold the others together."""
    words = _words(text)
    unknown = sum(not pronunciations(word) and not pronunciations(without_marks(word)) for word in words)
    return unknown < UNKNOWN_SHARE * len(words) or _has_english_words(text)


def _are_twins(first: str, second: str) -> bool:
    """Return whether two voices speak one language, or read each other's."""
    first, second = (code.split("-")[0] for code in (first, second))
    return first == second or any(first in group and second in group for group in _TWINS)


def find_other_language(text: str, language: str) -> str | None:
    """Return the code of the language that a text is surely in, where it is not the one asked for; else None.

    Args:
        text: written text; the first 4,000 characters are looked at.
        language: the code of the voice that was asked for.
    """
    sample = text[:LONGEST_SAMPLE]
    script = script_of(sample)
    if language not in all_languages() or script not in _VOICES_OF_SCRIPT:
        return None
    if language == "ja" and script in ("CJK", "HIRAGANA", "KATAKANA"):
        return None
    own_script = script_of(all_languages()[language].own_name)
    if own_script != script:
        readable = script == "LATIN" and (language in _TWO_SCRIPTS or len(_words(sample)) < FEWEST_WORDS)
        return None if readable else guess_language(sample)
    voices = tuple(dict.fromkeys((*_VOICES_OF_SCRIPT[script], language)))
    if len(voices) == 1 or len(_words(sample)) < FEWEST_WORDS:
        return None
    if language.startswith("en") and (script != "LATIN" or _is_plain_english(sample)):
        return None
    asked = "en-us" if language.startswith("en") else language
    scores = _scores(sample, voices)
    best = max(scores, key=lambda voice: scores[voice])
    known = asked in scores and not _are_twins(best, asked)
    return best if known and scores[best] - scores[asked] >= SURE else None


def is_readable(word: str, language: str) -> bool:
    """Return whether a voice knows a word's script; others it reads sign by sign, as `Hebrew letter shin`.

    One foreign sign alone is readable, because it has a name (λ). The Japanese voice knows kana only.
    """
    own = script_of(all_languages()[language].own_name) if language in all_languages() else "LATIN"
    known = {"LATIN", own, *_MORE_SCRIPTS.get(language.split("-")[0], ())}
    if own != "LATIN":
        known |= _READ_BY_ALL
    if language == "ja":
        known -= {"CJK"}
    foreign = [letter for letter in word if letter.isalpha() and not _is_known_letter(letter, known)]
    return len(foreign) < (1 if language == "ja" else 2)


def _is_known_letter(letter: str, known: set[str]) -> bool:
    """Return whether a letter is of one of the scripts, or a sign that all of them use."""
    script = unicodedata.name(letter, "").split(" ")[0]
    return script in known or script not in _VOICES_OF_SCRIPT


def resolve_language(text: str, language: str) -> str:
    """Return the code of the voice for a text; `auto` is told from the text, see `guess_language`.

    Raises InputError as `canonical_language` does.
    """
    if is_auto(language):
        return guess_language(text)
    return canonical_language(language)


def can_be_told(language: str) -> bool:
    """Return whether `auto` can choose a voice."""
    return any(language in voices for voices in _VOICES_OF_SCRIPT.values())


def warn_of_language(text: str, language: str) -> None:
    """Warn where a text is surely in another language than the one asked for, or the voice misreads its own writing."""
    try:
        other = find_other_language(text, language)
    except MissingToolError:
        other = None  # it takes no more than a warning to read a text
    if other is not None:
        asked, found = (all_languages()[code].name.partition(" (")[0] for code in (language, other))
        warnings.warn(
            f"the text does not look like {asked}, as which it is read, but like {found}: "
            f"set `language` to {other!r} or 'auto'",
            PhonolipsWarning,
            stacklevel=2,
        )
    elif language in MISREAD:
        warnings.warn(f"language {language!r}: {MISREAD[language]}", PhonolipsWarning, stacklevel=2)
