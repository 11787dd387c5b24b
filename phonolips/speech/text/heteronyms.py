"""Words that are written alike and said differently: which one a sentence means.

Each sense in heteronyms.tsv has the kinds of word that it is (from the part of speech that the tagger finds), the
words that tend to stand beside it, and words that tend to stand anywhere in its sentence. The sense with the most
evidence wins; with none, the first of the word. `read` alone differs by tense, which has rules of its own.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from phonolips.speech.text.lexicon import Phones
from phonolips.speech.text.normalise import STOP_SECONDS, Token
from phonolips.speech.text.tagger import load_tagger
from phonolips.speech.text.word_parts import with_s

_TABLE = Path(__file__).with_name("heteronyms.tsv")

# Kinds of word in the table, by the tagger's tags
_KINDS = {
    **dict.fromkeys(("NN", "NNS", "NNP", "NNPS", "CD", "PRP"), "N"),
    **dict.fromkeys(("VB", "VBP", "VBZ", "MD"), "V"),
    **dict.fromkeys(("VBD", "VBN"), "D"),
    "VBG": "G",
    **dict.fromkeys(("JJ", "JJR", "JJS"), "A"),
    **dict.fromkeys(("RB", "RBR", "RBS", "RP", "IN"), "R"),
}


def kind_of_tag(tag: str) -> str:
    """Return the kind of word, as the table names it, that a part of speech is; "" for others."""
    return _KINDS.get(tag, "")


# How much each piece of evidence counts. Set on the tuning half of tests/text/heteronyms.tsv.
_KIND_WEIGHT = 2.0
_BESIDE_WEIGHT = 1.5
_NEAR_WEIGHT = 1.5
_MOST_NEAR = 3  # words of a sentence that are counted
_CAPITAL_WEIGHT = 2.5


class Sense(NamedTuple):
    """One way to say a word.

    Args:
        name: what the word is or means, such as "verb" or "fish".
        phones: how it is said.
        kinds: letters of _KINDS.
        before: words that stand just before it.
        after: words that stand just after it.
        near: words of its sentence.
        capital: it is a name: written with a capital, where capitals mean something.
    """

    name: str
    phones: Phones
    kinds: str
    before: frozenset[str]
    after: frozenset[str]
    near: frozenset[str]
    capital: bool


def _parse_sense(line: str) -> tuple[str, Sense]:
    """Parse a line of the table: word, sense, phones, kinds and cues, between tabs."""
    word, name, phones, kinds, cues = line.split("\t")
    listed = cues.split()
    return word, Sense(
        name,
        tuple(phones.split()),
        kinds,
        frozenset(cue[1:] for cue in listed if cue[0] == "<"),
        frozenset(cue[1:] for cue in listed if cue[0] == ">"),
        frozenset(cue for cue in listed if cue[0] not in "<>"),
        "^" in kinds,
    )


@lru_cache(maxsize=1)
def heteronyms() -> dict[str, tuple[Sense, ...]]:
    """Read the table once; nouns that are also verbs are there with their -s, too (`records`)."""
    table: dict[str, list[Sense]] = {}
    for line in _TABLE.read_text(encoding="utf-8").splitlines()[1:]:
        word, sense = _parse_sense(line)
        table.setdefault(word, []).append(sense)
    for word, senses in list(table.items()):
        inflected = word + ("es" if word.endswith(("s", "x", "ch")) else "s")
        if inflected not in table and {"noun", "verb"} <= {sense.name for sense in senses}:
            both = [sense for sense in senses if sense.name in ("noun", "verb")]
            if len({sense.phones for sense in both}) > 1:
                table[inflected] = [sense._replace(phones=with_s(sense.phones)) for sense in both]
    return {word: tuple(senses) for word, senses in table.items()}


# ---------------------------------------------------------------- the sentence around a word

_ENDINGS = ("n't", "'s", "'re", "'ve", "'ll", "'d", "'m")


class Sentence(NamedTuple):
    """The words of a sentence as the tagger knows them, punctuation among them, and the tag of each."""

    words: list[str]
    tags: list[str]


def _tag_sentence(tokens: Sequence[Token]) -> tuple[Sentence, list[int]]:
    """Tag a sentence; returns it and the place of each token in it, -1 for what is no word."""
    words: list[str] = []
    places = []
    title = all(token.capitalised for token in tokens if token.word)  # Black Lives Matter: capitals make no names there
    for token in tokens:
        word = token.word
        places.append(len(words) if word else -1)
        if not word:
            if token.pause_seconds:
                words.append(",")
            continue
        ending = next((end for end in _ENDINGS if word.endswith(end) and len(word) > len(end)), "")
        stem = word.removesuffix(ending)
        words.append(stem.capitalize() if (token.capitalised and not title) or stem == "i" else stem)
        if ending:
            words.append(ending)
    words.append(".")
    return Sentence([word.lower() for word in words], load_tagger().tag(words)), places


_MANY = frozenset(("people", "police", "children", "men", "women"))  # plural without -s
_ADVERBS = ("RB", "RBR", "RBS", "PDT")
_CLAUSE_TAGS = (",", ":", ".", "WDT", "WP", "WP$", "WRB", "CC")
_CLAUSE_WORDS = frozenset(
    ("if", "because", "while", "as", "before", "after", "since", "although", "though", "until",
     "that")
)  # fmt: skip


def _before_adverbs(sentence: Sentence, place: int, kept: frozenset[str]) -> int:
    """Return the place of the last word before `place` that is no adverb, or is one of `kept`; -1 for none."""
    before = place - 1
    while before >= 0 and sentence.tags[before] in _ADVERBS and sentence.words[before] not in kept:
        before -= 1
    return before


def _clause(sentence: Sentence, place: int) -> tuple[int, int]:
    """Return where the clause around a word begins and ends: between commas and the words that join clauses."""
    words, tags = sentence
    joins = [tag in _CLAUSE_TAGS or word in _CLAUSE_WORDS for word, tag in zip(words, tags, strict=True)]
    start, end = place, place + 1
    while start > 0 and not joins[start - 1]:
        start -= 1
    while end < len(words) and not joins[end]:
        end += 1
    return start, end


# ---------------------------------------------------------------- read

_BEFORE_PRESENT = frozenset(
    ("to", "will", "wo", "would", "can", "ca", "could", "shall", "should", "must", "may", "might", "do", "does", "did",
     "let", "please", "'ll", "cannot", "help", "helps", "helped", "make", "makes", "made", "gonna", "wanna", "hear",
     "heard", "lets", "let's", "better", "rather", "always", "usually")
)  # fmt: skip
_BEFORE_PAST = frozenset(
    ("have", "has", "had", "having", "'ve", "be", "am", "is", "are", "was", "were", "been", "being", "get", "got",
     "gets", "getting", "'re", "'m", "widely", "well")
)  # fmt: skip
_SHORT_OF_HAVE = frozenset(("'s", "'d"))  # he's read, he'd read (or: he'd read it gladly)
_PAST_TIMES = frozenset(
    (
        "yesterday",
        "ago",
        "last",
        "earlier",
        "once",
        "previously",
        "recently",
        "afterwards",
        "then",
        "already",
        "somewhere",
        "nineteen",
    )
)
_PRESENT_TIMES = frozenset(
    ("every", "often", "usually", "always", "sometimes", "now", "today", "tomorrow", "nowadays", "daily", "never",
     "mostly", "rarely", "seldom", "currently", "still", "if")
)  # fmt: skip
_SINGULAR_SUBJECTS = frozenset(("he", "she", "it", "who", "everyone", "everybody", "someone", "somebody", "nobody"))
_SUBJECT_TAGS = ("PRP", "PRP$", "DT", "NN", "NNS", "NNP", "NNPS", "JJ", "POS", "CD", "EX")
_LONGEST_SUBJECT = 5  # words between `did` and `read` in a question


def _times(words: Sequence[str], tags: Sequence[str]) -> int:
    """Weigh what speaks for the past (above 0) and for the present (below 0): words for times, and other verbs."""
    past, present = len(_PAST_TIMES.intersection(words)), len(_PRESENT_TIMES.intersection(words))
    verbs = [tag for word, tag in zip(words, tags, strict=True) if word not in ("read", "could", "would")]
    return 2 * (past - present) + verbs.count("VBD") - sum(verbs.count(tag) for tag in ("VBP", "VBZ", "MD"))


def _read_in_past(sentence: Sentence, place: int) -> bool:
    """Return whether `read` is the past tense or the participle here."""
    words, tags = sentence
    before = _before_adverbs(sentence, place, _BEFORE_PRESENT | _BEFORE_PAST)
    if before < 0 or words[before] in (",", ":"):
        # an order, unless a participle follows the comma: `the book, read by millions, ...`
        return words[place + 1] == "by"
    last = words[before]
    if last in _BEFORE_PRESENT:
        return False
    if last in _BEFORE_PAST or last in _SHORT_OF_HAVE or words[place + 1] == "by":
        return True
    # a question: did your mother read it; have you read it
    first = before
    while first >= 0 and before - first < _LONGEST_SUBJECT and tags[first] in (*_SUBJECT_TAGS, *_ADVERBS):
        if words[first] in _BEFORE_PAST | _BEFORE_PRESENT:
            break
        first -= 1
    asked = words[first] if 0 <= first < before else ""
    if asked and (first == 0 or tags[first - 1][0] in "W,C"):
        if asked in ("have", "has", "had", "was", "were", "is", "are"):
            return True
        if asked in _BEFORE_PRESENT:
            return False
    if last in _SINGULAR_SUBJECTS or tags[before] in ("NN", "NNP"):
        return asked not in ("let", "make", "made", "help", "see", "hear")  # he read, not he reads
    start, end = _clause(sentence, place)
    evidence = _times(words[start:end], tags[start:end]) or _times(words, tags)
    if not evidence and last in ("i", "we", "they"):
        return words[place + 1] in _DETERMINERS or words[place + 1] in ("it", "them")  # I read a book, I read books
    return evidence > 0 if evidence else tags[place] in ("VBD", "VBN")


# ---------------------------------------------------------------- every word

_MODALS = frozenset(
    ("will", "wo", "would", "can", "ca", "could", "shall", "should", "must", "may", "might", "'ll", "cannot", "do",
     "does", "did", "please", "let's", "gonna", "n't")
)  # fmt: skip
_DETERMINERS = frozenset(
    ("the", "a", "an", "my", "your", "his", "her", "its", "our", "their", "this", "these", "those", "every", "each",
     "all", "some", "any", "no")
)  # fmt: skip
_OBJECTS = _DETERMINERS | frozenset(
    ("it", "them", "him", "me", "us", "you", "everything", "everyone", "something", "anything", "nothing", "themselves",
     "himself", "herself", "itself", "myself", "yourself")
)  # fmt: skip
BARE = "BARE"  # among the words before: nothing there that belongs to the noun
_NOUN_TAGS = ("NN", "NNS", "NNP", "NNPS")
_FINITE_TAGS = ("VBZ", "VBP", "VBD", "MD")


def _kinds(sentence: Sentence, place: int) -> str:
    """Return the kinds of word that a word may be: the tagger's, set right where its neighbours are plain."""
    words, tags = sentence
    tagged = kind_of_tag(tags[place])
    before = _before_adverbs(sentence, place, _MODALS)
    last, next_word = (words[before] if before >= 0 else ","), words[place + 1]
    last_tag = tags[before] if before >= 0 else ","
    named = before > 0 and words[before - 1] in _DETERMINERS  # the will, a can
    if last in _MODALS and not named:
        return "V"
    if last_tag in (",", ":") and next_word in _OBJECTS:
        return "V"  # an order: use the door
    if tagged in "NA" and next_word in _OBJECTS and last_tag in (*_NOUN_TAGS, "PRP"):
        return "V"  # people associate the smell, the camera records everything
    if tagged == "V" and tags[place + 1] in _FINITE_TAGS and last_tag[0] in "NJDI" and last not in _CLAUSE_WORDS:
        return "N"  # university graduates earn more, a herd of does ran
    if tagged == "V" and last in ("which", "what", "whose") and tags[place + 1] in ("NNS", "VBZ"):
        return "N"  # which attribute matters
    if tagged == "N" and last == "to" and tags[before - 1] in _NOUN_TAGS and next_word in _OBJECTS | {".", ","}:
        return "V"  # the button to record
    start, end = _clause(sentence, place)
    verbless = not any(tags[index] in (*_FINITE_TAGS, "VB") for index in range(start, end) if index != place)
    if tagged in "NAR" and verbless and start < place and before == place - 1:
        if last_tag in ("NNS", "NNPS", "PRP") or last in _MANY:
            return "VD"  # muscles contract
        if last_tag in ("NN", "NNP") and words[place].endswith("s") and tags[place + 1] not in (",", "."):
            return "V"  # the heart contracts seventy times
        if last_tag in ("NN", "NNP") and tags[place + 1] in ("IN", "RB", "RP", "TO", "DT", "PRP$"):
            return "D"  # the plane dove toward it
    if tags[place] == "VBP" and tags[place - 1] == "NN" and words[place - 1] not in _MANY and not verbless:
        return "NAR"  # is this broadcast live: the verb would have an -s
    if tagged in "NV" and last_tag == "CC" and before > 0 and tags[before - 1] == "JJ":
        return "A"  # warm and content
    if tagged == "N" and last_tag == "CC" and before > 0 and tags[before - 1] == "VB":
        return "V"  # expand and contract
    if tagged == "N" and tags[place + 1] in ("NN", "NNS"):
        return "NA"
    return tagged


def _is_bare(sentence: Sentence, place: int) -> bool:
    """Return whether a noun stands without an article or anything else, as the names of materials do."""
    words, tags = sentence
    nouns = (*_NOUN_TAGS, "JJ", "DT", "PRP$", "POS", "CD", "VBG", "VBN")
    return tags[place][:2] == "NN" and tags[place + 1] not in _NOUN_TAGS and (not place or tags[place - 1] not in nouns)


def _stands_before(cues: frozenset[str], sentence: Sentence, place: int) -> bool:
    words = sentence.words
    if BARE in cues and _is_bare(sentence, place):
        return True
    return place > 0 and (words[place - 1] in cues or "_".join(words[max(0, place - 2) : place]) in cues)


def _stands_after(cues: frozenset[str], words: Sequence[str], place: int) -> bool:
    return words[place + 1] in cues or "_".join(words[place + 1 : place + 3]) in cues


def _score(sense: Sense, sentence: Sentence, place: int, token: Token) -> float:
    """Weigh the evidence for a sense."""
    words, tags = sentence
    first = not any(tag[0].isalpha() for tag in tags[:place])
    if sense.capital and not token.capitalised:
        return -1.0
    near = len(sense.near.intersection(words[:place] + words[place + 1 :]))
    return (
        _KIND_WEIGHT * any(kind in sense.kinds for kind in _kinds(sentence, place))
        + _BESIDE_WEIGHT * _stands_before(sense.before, sentence, place)
        + _BESIDE_WEIGHT * _stands_after(sense.after, words, place)
        + _NEAR_WEIGHT * min(near, _MOST_NEAR)
        + _CAPITAL_WEIGHT * (sense.capital and not first)
    )


def choose_senses(tokens: Sequence[Token]) -> dict[int, Sense]:
    """Choose the sense of every heteronym of a text; returns it by the token's place.

    Args:
        tokens: as `normalise_text` returns them. Pauses of STOP_SECONDS and longer part sentences.
    """
    table = heteronyms()
    chosen: dict[int, Sense] = {}
    start = 0
    for end in range(len(tokens) + 1):
        if end < len(tokens) and (tokens[end].word or tokens[end].pause_seconds < STOP_SECONDS):
            continue
        found = [index for index in range(start, end) if tokens[index].word in table]
        if found:
            sentence, places = _tag_sentence(tokens[start:end])
            for index in found:
                if not tokens[index].spelled:
                    senses = table[tokens[index].word]
                    chosen[index] = _best_sense(senses, sentence, places[index - start], tokens[index])
        start = end + 1
    return chosen


def _best_sense(senses: Sequence[Sense], sentence: Sentence, place: int, token: Token) -> Sense:
    """Return the sense with the most evidence, the first of equals."""
    best = max(senses, key=lambda sense: _score(sense, sentence, place, token))
    if sentence.words[place] == "read" and (
        best.name != "noun" or sentence.tags[place - 1] not in ("DT", "JJ", "PRP$")
    ):
        return next(sense for sense in senses if (sense.name == "verb, past") == _read_in_past(sentence, place))
    return best
