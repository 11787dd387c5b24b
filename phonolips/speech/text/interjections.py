"""Words that are sounds rather than words, as mm, shh and brr, and words whose letters are drawn out, as sooo."""

import re

from phonolips.speech.text.lexicon import Phones
from phonolips.speech.text.usual_words import usual_pronunciation

# What the dictionary lacks or says otherwise. A mouth that hums stays shut: M.
INTERJECTIONS: dict[str, Phones] = {
    word: tuple(phones.split())
    for words, phones in (
        ("m mm mmm", "M"),
        ("mhm mm-hmm mm-hm mhmm m-hm um-hum", "M HH M"),
        ("mm-mm nuh-uh", "M M"),
        ("hm hmm hmmm hrm", "HH M"),
        ("sh shh shhh", "SH"),
        ("pst psst pssst", "P S T"),
        ("brr brrr", "B ER"),
        ("grr grrr", "G ER"),
        ("zz zzz", "Z"),
        ("tsk", "T S K"),
        ("tsk-tsk", "T S K T S K"),
        ("pff pfft pft", "P F T"),
        ("ugh urgh", "AH G"),
        ("uh uhh", "AH"),
        ("uh-huh", "AH HH AH"),
        ("uh-uh", "AH AH"),
        ("uh-oh", "AH OW"),
        ("um umm erm", "AH M"),
        ("er err", "ER"),
        ("ah aah ahh aahh", "AA"),
        ("oh ohh", "OW"),
        ("ooh oooh oo ooo", "UW"),
        ("ow oww", "AW"),
        ("aw aww awww", "AO"),
        ("ew eww", "IY UW"),
        ("argh arrgh aargh", "AA R G"),
        ("gah", "G AA"),
        ("ick", "IH K"),
        ("eek", "IY K"),
        ("oof", "UW F"),
        ("mwah", "M W AA"),
        ("woah whoah", "W OW"),
        ("woohoo woo-hoo", "W UW HH UW"),
        ("yoohoo yoo-hoo", "Y UW HH UW"),
        ("haha ha-ha", "HH AA HH AA"),
        ("hahaha ha-ha-ha", "HH AA HH AA HH AA"),
        ("hehe heh-heh", "HH EH HH EH"),
        ("hehehe", "HH EH HH EH HH EH"),
        ("hihi", "HH IY HH IY"),
        ("hoho ho-ho", "HH OW HH OW"),
        ("hohoho ho-ho-ho", "HH OW HH OW HH OW"),
        ("meh", "M EH"),
        ("ahem", "AH HH EH M"),
        ("aha", "AA HH AA"),
        ("cmon", "K AH M AA N"),
        ("gonna", "G AH N AH"),
        ("sorta", "S AO R T AH"),
        ("coulda", "K UH D AH"),
        ("shoulda", "SH UH D AH"),
        ("woulda", "W UH D AH"),
        ("musta", "M AH S T AH"),
        ("whatcha watcha", "W AH CH AH"),
        ("cuz coz", "K AH Z"),
        ("innit", "IH N IH T"),
        ("ya", "Y AH"),
    )
    for word in words.split()
}
del INTERJECTIONS["m"]  # by itself the letter

_DRAWN_OUT = re.compile(r"([a-z])\1{2,}")
_LONGEST_TRIED = 4  # runs of one letter in a word; each doubles the spellings that are tried


def _is_known(word: str) -> bool:
    return word in INTERJECTIONS or bool(usual_pronunciation(word))


def reduce_lengthened(word: str) -> str:
    """Write a word with drawn-out letters as it is in the dictionary: `sooo` is `so`, `goood` is `good`.

    Runs of three and more become two letters, or one where that is no word; a run at the end becomes one first
    (`nooo`), as few English words end with a doubled letter. Returns the word itself where nothing is known.
    """
    runs = list(_DRAWN_OUT.finditer(word))
    if not runs or len(runs) > _LONGEST_TRIED:
        return word
    spellings = [""]
    position = 0
    for run in runs:
        final = run.end() == len(word)
        lengths = (1, 2) if final else (2, 1)
        spellings = [
            spelling + word[position : run.start()] + run[1] * length for length in lengths for spelling in spellings
        ]
        position = run.end()
    spellings = [spelling + word[position:] for spelling in spellings]
    interjection = next((spelling for spelling in spellings if spelling in INTERJECTIONS), None)
    return interjection or next((spelling for spelling in spellings if _is_known(spelling)), word)
