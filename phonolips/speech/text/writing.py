"""How languages other than English write: their marks, their digits, and words that no space parts.

Everything is brought to what `normalise` knows (, . ? and ASCII digits), or dropped where it is not said: bidirectional
controls, the tatweel of Arabic, the vowel points of Hebrew, which espeak-ng's voice would spell.
"""

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from janome.tokenizer import Tokenizer

# Characters of a run without spaces. espeak-ng 1.52 ends the process over 100 of Burmese (tools/bench/languages.py).
LONGEST_RUN = 40

_MARKS = str.maketrans(
    {
        **dict.fromkeys("፣፤፥၊՝᠂·،", ","),  # · is the Greek semicolon
        **dict.fromkeys("።။։᠃۔।॥៕៖", "."),
        # East Asian marks have their space inside: 24，50
        **dict.fromkeys("、，﹐︐︑", ", "),
        **dict.fromkeys("。．｡", ". "),
        **dict.fromkeys("፧؟՞", "?"),
        **dict.fromkeys("？！", "! "),
        **dict.fromkeys("；：", ", "),
        "՜": "!",
        "؛": ";",
        **dict.fromkeys("፡・「」『』《》〈〉【】〔〕־׀", " "),
        **dict.fromkeys("ـ՛״׳", ""),  # tatweel; the accent of Armenian; quotes inside Hebrew abbreviations
        "٪": "%", "٫": ".", "٬": "",
    }
)  # fmt: skip
_INSIDE_WORDS = str.maketrans(dict.fromkeys("՞՜", ""))  # Armenian asks and exclaims on a vowel, not at the end
_HEBREW_POINTS = re.compile("[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]")
_NO_SPACES = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
_KANJI = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\u3005]")
_JAPANESE = re.compile("[0-9\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+")

# How a Japanese sign is read after a number, where the dictionary has another reading of it.
_COUNTERS = {
    "年": "ネン", "月": "ガツ", "日": "ニチ", "時": "ジ", "分": "フン", "秒": "ビョー", "人": "ニン", "円": "エン",
}  # fmt: skip
# A dot that ends no sentence: before a small letter, or of a title or the like before anything.
_DOT_INSIDE = re.compile(r"(?<=[^\W\d_]{2})\.(?=\s+(\w))")
_TWO_LETTERS = re.compile(r"\b([^\W\d_])\.\s([^\W\d_]\.)")  # z. B., d. h., p. ej.
_INITIAL = re.compile(r"(?<![\w.])([^\W\d_])\.(?=\s+(\w))")  # J. Bach, p. ej.
_ABBREVIATIONS = re.compile(
    r"\b(Dr|Prof|Dipl|Ing|Hr|Fr|Nr|No|Abb|Art|Kap|St|Tel|bzw|ca|vgl|Sr|Sra|Dra|Mme|Mlle|Dott|Sig|Avv|Inż|Mgr)\.(?=\s)"
)


def plain_writing(text: str, language: str) -> str:
    """Bring the marks and digits of a text in any language but English to the usual ones."""
    code = language.split("-")[0]
    if code in ("el", "grc"):
        text = text.replace("\u037e", "?").replace(";", "?")
    if code in ("hy", "hyw"):
        text = text.translate(_INSIDE_WORDS)
    text = text.translate(_MARKS)
    if code == "he":
        text = _HEBREW_POINTS.sub("", unicodedata.normalize("NFKD", text))
    text = "".join(
        str(unicodedata.digit(character)) if unicodedata.category(character) == "Nd" else character
        for character in text
    )
    if code == "ja":
        return _JAPANESE.sub(lambda run: _read_japanese(run[0]), text)
    text = _TWO_LETTERS.sub(r"\1.\2", _ABBREVIATIONS.sub(r"\1", text))
    text = _INITIAL.sub(lambda found: found[1] if found[1].isupper() or found[2].islower() else found[0], text)
    return _DOT_INSIDE.sub(lambda dot: "" if dot[1].islower() else ".", text)


@cache
def _tokenizer() -> "Tokenizer | None":
    """Load janome's dictionary, which says how kanji are read; None where it is not installed."""
    try:
        from janome.tokenizer import Tokenizer
    except ImportError:
        return None
    return Tokenizer()


def _read_japanese(run: str) -> str:
    """Write a run of Japanese in kana as it is said, with spaces between the words; as it is without janome.

    A particle or an ending belongs to the word before it; は and へ become ワ and エ where they are particles.
    """
    tokenizer = _tokenizer()
    if tokenizer is None:
        return run
    words: list[str] = []
    for token in tokenizer.tokenize(run):
        if isinstance(token, str):  # only where no more than the words is asked for
            continue
        said = token.phonetic if token.phonetic != "*" else token.surface
        if words and words[-1].isdigit():
            said = _COUNTERS.get(token.surface, said)
        bound = token.part_of_speech.startswith(("助詞", "助動詞")) or "接尾" in token.part_of_speech
        if words and (bound or (said.isdigit() and words[-1].isdigit())):
            words[-1] += said
        else:
            words.append(said)
    return " ".join(words)


def cut_run(word: str) -> list[str]:
    """Cut a word of a script without spaces into pieces that a voice can hold; any other word stays whole.

    A piece begins with a letter, not with a mark that belongs to the one before.
    """
    if len(word) <= LONGEST_RUN or not unicodedata.name(word[0], "").startswith(_NO_SPACES):
        return [word]
    pieces = [""]
    for character in word:
        if len(pieces[-1]) >= LONGEST_RUN and unicodedata.category(character)[0] != "M":
            pieces.append("")
        pieces[-1] += character
    return pieces
