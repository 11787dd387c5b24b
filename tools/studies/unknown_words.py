"""How well words outside the dictionary are said, judged on words that it does have.

    python tools/studies/unknown_words.py [--words 1000]

Errors are edits of phones, and of visemes (what can be seen), in percent of the dictionary's, the nearest of its
pronunciations; "exact" is the share of words without an edit. Names are words whose possessive is in the dictionary
(`abbott's`) and that the tagger does not list as frequent; they are held out by not being looked up. gruut's model of
spelling, where it is installed, has learnt from such words, so its figure is too good.

The second table is of beginnings and endings: the stem from the dictionary and the ending by rule, against espeak on
the whole word.
"""

import argparse
import random
from collections import defaultdict
from collections.abc import Callable, Sequence

from phonolips.phones.inventory import PHONE_TO_VISEME
from phonolips.speech.text.ipa import ipa_to_phones
from phonolips.speech.text.lexicon import Phones, dictionary_words, pronunciations
from phonolips.speech.text.tagger import load_tagger
from phonolips.speech.text.voice import load_voice
from phonolips.speech.text.word_parts import say_by_parts

ENDINGS = ("ness", "less", "like", "s", "ed", "ing")
BEGINNINGS = ("under", "un", "re", "non", "pre", "sub", "anti", "over", "super")


def edits(said: Sequence[object], right: Sequence[object]) -> int:
    """Count the edits between two sequences."""
    row = list(range(len(right) + 1))
    for item in said:
        new = [row[0] + 1]
        for place, other in enumerate(right):
            new.append(min(row[place] + (item != other), row[place + 1] + 1, new[-1] + 1))
        row = new
    return row[-1]


def errors(words: Sequence[str], said: Sequence[Phones]) -> tuple[float, float, float]:
    """Return the error of phones and of visemes and the share of exact words, in percent."""
    total = wrong = unseen = exact = 0
    for word, phones in zip(words, said, strict=True):
        right = min(pronunciations(word), key=lambda known, phones=phones: edits(phones, known))  # type: ignore[misc]
        total += len(right)
        wrong += edits(phones, right)
        unseen += edits([PHONE_TO_VISEME[phone] for phone in phones], [PHONE_TO_VISEME[phone] for phone in right])
        exact += phones == right
    return 100 * wrong / total, 100 * unseen / total, 100 * exact / len(words)


def other_methods() -> dict[str, Callable[[Sequence[str]], list[Phones]]]:
    """Return the methods of other packages, as far as they are installed."""
    try:
        import gruut_lang_en
        from gruut.g2p import GraphemesToPhonemes
    except ImportError:
        return {}
    model = GraphemesToPhonemes(gruut_lang_en.get_lang_dir() / "g2p" / "model.crf")

    def by_gruut(words: Sequence[str]) -> list[Phones]:
        return [ipa_to_phones("".join(model(word)).translate({0x2C8: None, 0x2CC: None})) for word in words]

    return {"gruut's model": by_gruut}


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--words", type=int, default=1000, help="words of each kind, by lot")
    count = parser.parse_args().words
    generator = random.Random(0)
    known = [word for word in dictionary_words() if word.isascii() and word.isalpha() and len(word) > 2]
    entries = set(dictionary_words())
    names = [word for word in known if f"{word}'s" in entries and word not in load_tagger().frequent_words]
    voice = load_voice("en-us")
    methods = {"espeak en-us": voice.phonemize, **other_methods()}
    for kind, pool in (("words", known), ("names", names)):
        chosen = generator.sample(pool, min(count, len(pool)))
        for name, method in methods.items():
            phones, visemes, exact = errors(chosen, method(chosen))
            print(f"{len(chosen)} {kind}, {name}: phones {phones:.1f} %, visemes {visemes:.1f} %, exact {exact:.0f} %")
    by_part = defaultdict(list)
    for word in known:
        part = next((e for e in ENDINGS if word.endswith(e)), "") or next(
            (b for b in BEGINNINGS if word.startswith(b)), ""
        )
        if part:
            by_part[part].append(word)
    for part in (*ENDINGS, *BEGINNINGS):
        chosen = [
            word for word in generator.sample(by_part[part], min(4 * count, len(by_part[part]))) if say_by_parts(word)
        ]
        chosen = chosen[:count]
        if not chosen:
            continue
        own = errors(chosen, [say_by_parts(word) for word in chosen])
        theirs = errors(chosen, voice.phonemize(chosen))
        print(f"{part:6} {len(chosen):5} words: by parts {own[0]:4.1f} %, espeak {theirs[0]:4.1f} % of phones")


if __name__ == "__main__":
    main()
