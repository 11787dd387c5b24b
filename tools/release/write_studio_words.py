"""Write how English words are said, for the studio: site/engine/data/dictionary.bin, and measure its letter rules.

    python tools/release/write_studio_words.py            # writes the file
    python tools/release/write_studio_words.py --measure  # learns from nine tenths, says the rest

The dictionary is CMUdict (Carnegie Mellon University, BSD licence) as `speech.text.usual_words` reads it. What it lacks
is said by rules that are learnt from it: every letter stands for no phone, one or two, which an alignment by the EM
algorithm finds (as in Black, Lenzo and Pagel, "Issues in building general letter to sound rules", 1998), and is then
told by the letters around it, the nearest first, as far as they change anything (a trie as IGTree's: Daelemans, van den
Bosch and Weijters, 1997).

The file is gzip, of JSON: `words`, a line each, sorted: how many letters it has in common with the word before (a
letter, from a = 0), the other letters, a tab, and a sign for each phone (its number behind `0`); `rules`; and lists.
"""

import argparse
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from phonolips.phones.inventory import PHONE_IDS, PHONES, VOWELS
from phonolips.speech.text import heteronyms, letters, word_parts
from phonolips.speech.text.interjections import INTERJECTIONS
from phonolips.speech.text.lexicon import dictionary_words, letter_name
from phonolips.speech.text.usual_words import USUAL_WORDS, usual_pronunciation

OUT = Path(__file__).parents[2] / "phonolips" / "show" / "studio" / "site" / "engine" / "data" / "dictionary.bin"
EDGE = "#"  # beyond a word
REACH = 4  # letters to each side that a rule may look at
# Which is looked at first: what follows tells most; 0 is what the letter before was said as.
ORDER = (1, 0, -1, 2, -2, 3, -3, 4, -4)
ROUNDS = 6  # of the alignment; the last one changes one word in a thousand
UNSEEN = 8.0  # nats, of what a letter was not seen to stand for
LEAST_COUNT = 2  # of what a rule was learnt from
HELD_OUT = 10  # one word in so many, for measuring
LEAST_LETTERS = 3

Case = tuple[tuple[str, ...], str]  # what is looked at, and what a letter stands for there


def code(phones: Iterable[str]) -> str:
    """Write phones as a sign each."""
    return "".join(chr(48 + PHONE_IDS[phone]) for phone in phones)


def unseen_cost(letter: str, part: str) -> float:
    """Return what it costs that a letter stands for what it was not seen to: vowels are rather vowels."""
    if len(part) != 1:
        return UNSEEN + (2 if part else 1)
    is_vowel = PHONES[ord(part) - 48] in VOWELS
    return UNSEEN + (0 if letter == "y" or is_vowel == (letter in "aeiou") else 3)


def align(word: str, said: str, costs: dict[str, dict[str, float]]) -> list[str] | None:
    """Part the phones of a word among its letters: none, one or two for each; None where there are too many."""
    columns = len(said) + 1
    best = [0.0, *([np.inf] * (columns - 1))]
    came = []
    for letter in word:
        known = costs.setdefault(letter, {})
        row, taken_here = [np.inf] * columns, [0] * columns
        for column in range(columns):
            for taken in range(min(2, column) + 1):
                before = best[column - taken]
                if before == np.inf:
                    continue
                part = said[column - taken : column]
                if part not in known:
                    known[part] = unseen_cost(letter, part)
                if before + known[part] < row[column]:
                    row[column], taken_here[column] = before + known[part], taken
        best = row
        came.append(taken_here)
    if best[-1] == np.inf:
        return None
    parts, column = [], columns - 1
    for taken_here in reversed(came):
        taken = taken_here[column]
        parts.append(said[column - taken : column])
        column -= taken
    return parts[::-1]


def align_all(words: Mapping[str, str]) -> dict[str, list[str]]:
    """Align all words, round after round, each with what letters stood for in the one before."""
    costs: dict[str, dict[str, float]] = {}
    aligned: dict[str, list[str]] = {}
    for _ in range(ROUNDS):
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for word, said in words.items():
            parts = align(word, said, costs)
            if parts is not None:
                aligned[word] = parts
                for letter, part in zip(word, parts, strict=True):
                    counts[letter][part] += 1
        costs = {
            letter: {part: -float(np.log(count / sum(found.values()))) for part, count in found.items()}
            for letter, found in counts.items()
        }
    return aligned


def learn(aligned: Mapping[str, list[str]]) -> dict[str, Any]:
    """Learn the rules: for each letter what it stands for, and letters around it that change that."""
    cases: dict[str, list[Case]] = defaultdict(list)
    for word, parts in aligned.items():
        padded = EDGE * REACH + word + EDGE * REACH
        for place, (before, part) in enumerate(zip(["", *parts], parts, strict=False)):
            around = tuple(padded[REACH + place + offset] if offset else before for offset in ORDER)
            cases[word[place]].append((around, part))
    return {letter: _branch(found, 0, "") for letter, found in sorted(cases.items())}


def _branch(cases: list[Case], depth: int, above: str) -> Any:
    """Return [what these cases stand for, {next letter: branch}], or the first alone where no branch changes it."""
    counts = Counter(part for _, part in cases)
    most = max(counts.values())
    part = above if counts[above] == most else min(p for p, count in counts.items() if count == most)
    if len(counts) == 1 or depth == len(ORDER):
        return part
    split: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        split[case[0][depth]].append(case)
    branches = {}
    for letter, some in sorted(split.items()):
        if len(some) < LEAST_COUNT:
            continue
        branch = _branch(some, depth + 1, part)
        if branch != part:
            branches[letter] = branch
    return [part, branches] if branches else part


def say(word: str, rules: Mapping[str, Any]) -> str:
    """Say a word by rules, as text/rules.js does."""
    padded = EDGE * REACH + word + EDGE * REACH
    said, part = "", ""
    for place, letter in enumerate(word):
        before, branch = part, rules.get(letter, "")
        for offset in ORDER:
            if isinstance(branch, str):
                break
            branch = branch[1].get(padded[REACH + place + offset] if offset else before, branch[0])
        part = branch
        said += part
    return said


def distance(one: str, two: str) -> int:
    """Count the phones that are put in, left out or changed (Levenshtein)."""
    row = list(range(len(two) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(two, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def pronunciations_by_word() -> dict[str, str]:
    """Collect the usual pronunciation of all words, as signs."""
    return {word: code(usual_pronunciation(word)) for word in sorted({*dictionary_words(), *USUAL_WORDS})}


def spellable(words: Mapping[str, str]) -> dict[str, str]:
    """Choose the words that rules are learnt from: letters alone, three at least, and said as they are spelt."""
    kept = {word: said for word, said in words.items() if word.isascii() and word.isalpha()}
    return {
        word: said
        for word, said in kept.items()
        if len(word) >= LEAST_LETTERS and len(word) / 2.5 < len(said) <= len(word) + 1
    }


def front_coded(words: Mapping[str, str]) -> str:
    """Write sorted words with what each has in common with the one before left out."""
    lines, last = [], ""
    for word, said in sorted(words.items()):
        same = 0
        while same < min(len(word), len(last), 25) and word[same] == last[same]:
            same += 1
        lines.append(f"{chr(97 + same)}{word[same:]}\t{said}")
        last = word
    return "\n".join(lines)


def senses() -> dict[str, list[list[Any]]]:
    """List how words that are written alike are said: phones, kinds of word, and the words before, after and near."""
    return {
        word: [
            [code(sense.phones), sense.kinds, *(sorted(cues) for cues in (sense.before, sense.after, sense.near))]
            for sense in several
        ]
        for word, several in sorted(heteronyms.heteronyms().items())
    }


def content() -> bytes:
    """Make the file."""
    words = pronunciations_by_word()
    rules = learn(align_all(spellable(words)))
    data = {
        "about": "CMUdict, Copyright (C) 1993-2015 Carnegie Mellon University, BSD licence; rules learnt from it",
        "phones": PHONES,
        "words": front_coded(words),
        "rules": rules,
        "order": ORDER,
        "usual": sorted(USUAL_WORDS),
        "interjections": {word: code(said) for word, said in INTERJECTIONS.items()},
        "names": {letter: code(letter_name(letter)) for letter in "abcdefghijklmnopqrstuvwxyz"},
        "senses": senses(),
        "modals": sorted(heteronyms._MODALS),
        "determiners": sorted(heteronyms._DETERMINERS),
        "objects": sorted(heteronyms._OBJECTS),
        "beginnings": {word: code(said) for word, said in word_parts._BEGINNINGS.items()},
        "endings": {word: code(said) for word, said in word_parts._ENDINGS.items()},
        "commonWords": sorted(letters._COMMON_WORDS),
        "saidAsWords": sorted(letters.SAID_AS_WORDS),
        "saidAsLetters": sorted(letters.SAID_AS_LETTERS),
        "onsets": sorted(letters._ONSETS),
        "codas": sorted(letters._CODAS),
    }
    return gzip.compress(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode(), 9, mtime=0)


def measure() -> str:
    """Learn from nine words in ten and say the others; return how many come out right, and how many phones do not."""
    words = spellable(pronunciations_by_word())
    held = {word: said for place, (word, said) in enumerate(words.items()) if place % HELD_OUT == 0}
    rules = learn(align_all({word: said for word, said in words.items() if word not in held}))
    right = errors = phones = 0
    for word, said in held.items():
        made = say(word, rules)
        right += made == said
        errors += distance(made, said)
        phones += len(said)
    return f"{len(held)} words held out: {right / len(held):.1%} right, {errors / phones:.1%} of phones wrong"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", action="store_true", help="measure the rules instead")
    if parser.parse_args().measure:
        print(measure())
        return
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_bytes(content())
    print(f"{OUT}: {OUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
