"""How often words that are written alike and said differently come out right, per method and split.

    python tools/bench/heteronyms.py [--words] [--wrong SPLIT]

tests/text/heteronyms.tsv has a sentence a line with the word in question and the phones that are right for it. Splits:
"tune" and "test" are random halves of 200 sentences that were written before any method was tried; "more" was written
while the tables were made, and they were made to fit it; "fresh" was written when they were done. Its first reading was
97 of 101; two faults that it showed (`Does anyone ...`, `expand and contract`) were mended afterwards.

Methods: the dictionary's first entry; espeak-ng on the whole sentence, whose phones the variants of all words are laid
along; the phones and parts of speech of gruut and the parts of speech of HanTa where these packages are installed, and
of the tagger here, with the table's kinds of word but without its cues; and what ships.
"""

import argparse
import csv
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from phonolips.speech.text.heteronyms import choose_senses, heteronyms, kind_of_tag
from phonolips.speech.text.ipa import ipa_to_phones
from phonolips.speech.text.lexicon import Phones, pronunciations
from phonolips.speech.text.normalise import normalise_text
from phonolips.speech.text.tagger import load_tagger
from phonolips.speech.text.voice import load_voice

# HanTa's tags, those of the British National Corpus, as the Penn Treebank's
HANTA_TAGS = {"NN": "NN", "NP": "NNP", "AJ": "JJ", "AV": "RB", "VVD": "VBD", "VVN": "VBN", "VVG": "VBG", "VV": "VB"}

SENTENCES = Path(__file__).parents[2] / "tests" / "text" / "heteronyms.tsv"


class Case(NamedTuple):
    """A sentence, the word in question and its right phones."""

    split: str
    word: str
    phones: frozenset[Phones]
    sentence: str

    @property
    def words(self) -> list[str]:
        """The sentence's words and punctuation marks."""
        return re.findall(r"[A-Za-z']+|[.,!?;]", self.sentence)

    @property
    def place(self) -> int:
        """Where the word is among them."""
        return [word.lower() for word in self.words].index(self.word)


def read_cases(path: Path = SENTENCES) -> list[Case]:
    """Read the sentences."""
    with path.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        Case(row["split"], row["word"], frozenset(tuple(p.split()) for p in row["phones"].split("/")), row["sentence"])
        for row in rows
    ]


def variants(word: str) -> list[Phones]:
    """List how a word may be said."""
    senses = heteronyms().get(word.lower())
    return [sense.phones for sense in senses] if senses else pronunciations(word) or [()]


def by_first_entry(case: Case) -> Phones:
    """Take the dictionary's first entry."""
    return (pronunciations(case.word) or [()])[0]


def by_tag(case: Case, tag: str) -> Phones:
    """Take the first sense of a part of speech."""
    senses = heteronyms().get(case.word)
    if not senses:
        return by_first_entry(case)
    return next((sense.phones for sense in senses if kind_of_tag(tag) in sense.kinds), senses[0].phones)


def by_tagger(case: Case) -> Phones:
    """Take the first sense of the part of speech that the tagger here finds."""
    return by_tag(case, load_tagger().tag(case.words)[case.place])


def by_what_ships(case: Case) -> Phones:
    """Take what text_to_phones would say, with context."""
    tokens = normalise_text(case.sentence)
    place = [token.word for token in tokens].index(case.word)
    chosen = choose_senses(tokens)
    return chosen[place].phones if place in chosen else by_first_entry(case)


def by_espeak(case: Case) -> Phones:
    """Take the variants that, of all words of the sentence, come nearest to what espeak says for the sentence."""
    words = [word for word in case.words if word[0].isalpha()]
    heard = load_voice("en-us").phonemize([case.sentence])[0]
    place = [word.lower() for word in words].index(case.word)
    return _nearest_variants([variants(word) for word in words], heard)[place]


def _nearest_variants(choices: Sequence[Sequence[Phones]], heard: Phones) -> list[Phones]:
    """Choose a variant of every word, so that all of them together have the least edit distance to `heard`."""
    costs = [float(place) for place in range(len(heard) + 1)]
    steps = []
    for options in choices:
        best: list[tuple[float, int, Phones]] = [(float("inf"), 0, ())] * len(costs)
        for phones in options:
            row = [(cost, start) for start, cost in enumerate(costs)]
            for phone in phones:
                new = [(row[0][0] + 1, row[0][1])]
                for index, said in enumerate(heard):
                    new.append(
                        min(
                            (row[index][0] + (phone != said), row[index][1]),
                            (row[index + 1][0] + 1, row[index + 1][1]),
                            (new[index][0] + 1, new[index][1]),
                        )
                    )
                row = new
            best = [
                (cost, start, phones) if cost < old[0] else old for (cost, start), old in zip(row, best, strict=True)
            ]
        steps.append(best)
        costs = [cost for cost, _, _ in best]
    chosen = []
    end = len(heard)
    for best in reversed(steps):
        _, end, phones = best[end]
        chosen.append(phones)
    return chosen[::-1]


def other_methods() -> dict[str, Callable[[Case], Phones]]:
    """Return the methods of other packages, as far as they are installed."""
    methods: dict[str, Callable[[Case], Phones]] = {}
    try:
        import gruut
    except ImportError:
        pass
    else:

        def by_gruut(case: Case) -> Phones:
            words = [word for line in gruut.sentences(case.sentence, lang="en-us") for word in line]
            found = next((word for word in words if word.text.lower() == case.word), None)
            said = ipa_to_phones("".join(found.phonemes or ()).translate({0x2C8: None, 0x2CC: None})) if found else ()
            return min(variants(case.word), key=lambda phones: sum(a != b for a, b in zip(phones, said, strict=False)))

        def by_gruut_tag(case: Case) -> Phones:
            words = [word for line in gruut.sentences(case.sentence, lang="en-us") for word in line]
            return by_tag(case, next((word.pos for word in words if word.text.lower() == case.word), "") or "")

        methods |= {"gruut's phones": by_gruut, "gruut's tags": by_gruut_tag}
    try:
        from HanTa.HanoverTagger import HanoverTagger
    except ImportError:
        pass
    else:
        hanover = HanoverTagger("morphmodel_en.pgz")

        def by_hanta_tag(case: Case) -> Phones:
            tag = hanover.tag_sent(case.words)[case.place][2]
            return by_tag(case, HANTA_TAGS.get(tag[:3]) or HANTA_TAGS.get(tag[:2], ""))

        methods["HanTa's tags"] = by_hanta_tag
    return methods


def main() -> None:
    """Print a table of accuracies; with --words also per word, with --wrong the sentences of a split that are wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--words", action="store_true", help="list what is right of each word")
    parser.add_argument("--wrong", metavar="SPLIT", help="list the wrong sentences of a split")
    arguments = parser.parse_args()
    cases = read_cases()
    totals = Counter(case.split for case in cases)
    methods = {
        "first entry": by_first_entry,
        "espeak in context": by_espeak,
        **other_methods(),
        "tagger's tags": by_tagger,
        "what ships": by_what_ships,
    }
    print(f"{'':20}" + "".join(f"{f'{split} ({count})':>14}" for split, count in totals.items()))
    for name, method in methods.items():
        right = Counter(case.split for case in cases if method(case) in case.phones)
        print(f"{name:20}" + "".join(f"{100 * right[split] / count:>13.1f}%" for split, count in totals.items()))
    if arguments.words:
        by_word: dict[str, list[bool]] = defaultdict(list)
        for case in cases:
            by_word[case.word].append(by_what_ships(case) in case.phones)
        for word, right_ones in sorted(by_word.items()):
            print(f"{word:16}{sum(right_ones)} of {len(right_ones)}")
    for case in cases:
        if case.split == arguments.wrong and (said := by_what_ships(case)) not in case.phones:
            print(f"{case.word}: {' '.join(said)}: {case.sentence}")


if __name__ == "__main__":
    main()
