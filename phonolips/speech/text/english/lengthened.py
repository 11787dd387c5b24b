"""Lengthened words and interjections: sooo is so, Woooow is wow, Mmm is mm."""

import re
from itertools import product

from phonolips.speech.text.english.rules import Rule, rule
from phonolips.speech.text.lexicon import pronunciations

# Interjections, however long they are drawn: pattern of the whole word, and how it is written shortest
_INTERJECTIONS = tuple(
    (re.compile(pattern, re.IGNORECASE), short)
    for pattern, short in (
        ("m{2,}", "mm"), ("h+m{2,}", "hmm"), ("m+h+m{1,}", "mhm"), ("s+h{2,}", "shh"), ("b+r{2,}", "brr"),
        ("p+s+t+", "psst"),
        ("z{3,}", "zzz"), ("p+f{2,}t*", "pfft"), ("g+r{2,}", "grr"), ("t+s+k+", "tsk"), ("a+h{2,}|a{2,}h+|a{3,}", "ah"),
        ("o+h{2,}", "oh"), ("o{2,}h+|o{3,}", "ooh"), ("u+g+h+", "ugh"), ("u+h{2,}|u{2,}h+", "uh"), ("u+h*m{2,}", "um"),
        ("a+r+g+h+", "argh"), ("e+w{2,}|e{2,}w+", "ew"), ("a+w{2,}|a{2,}w+", "aw"), ("y+a+y{2,}|y+a{2,}y+", "yay"),
        ("e+h{2,}", "eh"), ("w+o{3,}", "woo"), ("w+e{3,}", "wee"), ("y+e+a{2,}h*|y+e{2,}a+h+|y+e+a+h{2,}", "yeah"),
        ("w+h*o{2,}a+h*|w+h+o+a{2,}h*", "whoa"), ("p+h+e+w{2,}", "phew"), ("h+u+h{2,}", "huh"), ("b+o{3,}", "boo"),
        ("e{2,}k+", "eek"),
    )
)  # fmt: skip
_LAUGHTER = re.compile(r"(?:([hb]?[aeo]h?)(?:ha|he|ho|h){2,}|(ha|he|ho)(?:\2){2,}h?)", re.IGNORECASE)
# Words that are written with a double letter; of the two ways to shorten a run they are the likelier
_DOUBLE = frozenset(
    ("good", "cool", "soon", "too", "see", "free", "need", "look", "feel", "food", "moon", "room", "been", "seen",
     "keep", "sleep", "sweet", "week", "feet", "meet", "green", "three", "tree", "zoo", "all", "ball", "call",
     "fall", "hall", "small", "tall", "wall", "well", "tell", "hell", "bell", "will", "still", "kill", "bill",
     "full", "pull", "off", "miss", "kiss", "boss", "loss", "cross", "less", "mess", "dress", "yell", "really",
     "happy", "hello", "school", "look", "took", "book", "poor", "boom", "door", "noon", "fool", "pool", "tool",
     "root", "boot", "shoot", "wood", "mood", "blood", "speed", "deep", "sheep", "cheese", "please", "agree",
     "creepy", "sleepy", "weed", "seem", "teen", "queen", "screen", "funny", "silly", "sorry", "pretty", "daddy",
     "mommy", "mummy", "baddest", "yummy", "stuff", "huff", "puff", "buzz", "jazz", "fuzzy", "fizz", "pizza",
     "spooky", "groovy", "woohoo", "yahoo", "bee", "fee", "knee", "ooh", "boohoo", "balloon", "afternoon", "goose",
     "loose", "choose", "tooth", "smooth", "proof", "roof", "freeze", "sneeze", "squeeze", "breeze", "street",
     "greet", "pee", "wee", "coffee", "toffee", "beer", "deer", "cheer", "steer")
)  # fmt: skip
# What a lengthened word in capitals may come to, of words with two letters; others are initialisms
_TWO_LETTERS = frozenset(
    ("ah", "am", "aw", "be", "do", "eh", "ew", "go", "ha", "he", "hi", "ho", "it", "me", "mm", "my", "no", "oh", "ow",
     "so", "uh", "um", "up", "us", "we", "ya", "ye", "yo")
)  # fmt: skip
_MOST_RUNS = 4  # runs in one word that are tried both ways


def shorten(word: str) -> str:
    """Reduce a lengthened word to the one that was meant; a word that is none comes back as it was."""
    low = word.lower()
    for pattern, short in _INTERJECTIONS:
        if pattern.fullmatch(low):
            return short
    if laughter := _LAUGHTER.fullmatch(low):
        syllable = (laughter[1] or laughter[2]).rstrip("h")
        return " ".join([syllable if syllable[0] == "h" else "h" + syllable[-1]] * min(5, max(2, len(low) // 2)))
    pieces = re.split(r"(([a-z])\2{2,})", low)
    texts, runs = pieces[::3], pieces[1::3]
    if not runs:
        return word
    if len(runs) > _MOST_RUNS:
        return "".join(text + (run[0] if run else "") for text, run in zip(texts, [*runs, ""], strict=True))
    single = ""
    found = []
    for lengths in product((1, 2), repeat=len(runs)):
        written = "".join(
            text + run[:length] for text, run, length in zip(texts, [*runs, ""], [*lengths, 0], strict=True)
        )
        single = single or written
        if written in _DOUBLE:
            return written
        if pronunciations(written):
            found.append(written)
    return found[0] if found else single


def _lengthened(match: re.Match[str], british: bool) -> str:
    word = match[0]
    if len(set(word.lower())) == 1 and word[0].lower() not in "mzao":
        return word  # www, III, xxx
    if word.isupper() and (len(word) < 4 or set(word) <= set("IVXLCDM")) and word not in ("MMM", "HMM", "SHH"):
        return word  # VIII, AAA
    shortened = shorten(word)
    if word.isupper() and len(shortened) == 2 and shortened not in _TWO_LETTERS:
        return word  # IEEE
    return shortened


RULES: tuple[Rule, ...] = (
    # a letter three times or more; the interjections that need only two
    rule(r"(?<![\w.@/-])(?=[A-Za-z]{0,99}?([A-Za-z])(?i:\1\1)|(?i:hmm|mm|mhm|shh|ahh|ohh|aah|ooh|brr|grr|eww|aww|psst|pst|tsk|hah|heh|hoh)"
         r"[A-Za-z]{0,99}\b)[A-Za-z]{2,100}(?![\w@/]|\.\w)", _lengthened),
)  # fmt: skip
