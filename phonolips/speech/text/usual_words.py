"""Common words that the dictionary lacks, or whose first pronunciation there is not the usual one."""

from phonolips.speech.text.lexicon import Phones, pronunciations

# Chosen among the first 9,000 words by frequency, as far as the lips differ
USUAL_WORDS: dict[str, Phones] = {
    word: tuple(phones.split())
    for word, phones in (
        ("accent", "AE K S EH N T"),
        ("advice", "AH D V AY S"),
        ("africa", "AE F R IH K AH"),
        ("app", "AE P"),
        ("apps", "AE P S"),
        ("awry", "ER AY"),
        ("barack", "B ER AA K"),
        ("blog", "B L AA G"),
        ("brexit", "B R EH K S IH T"),
        ("concrete", "K AA N K R IY T"),
        ("covid", "K OW V IH D"),
        ("de", "D AH"),
        ("ellipses", "IH L IH P S IY Z"),
        ("emoji", "IH M OW JH IY"),
        ("entranced", "EH N T R AE N S T"),
        ("ev", "IY V IY"),
        ("friday", "F R AY D EY"),
        ("gif", "G IH F"),
        ("gifs", "G IH F S"),
        ("google", "G UW G AH L"),
        ("inquiry", "IH N K W AY ER IY"),
        ("ios", "AY OW EH S"),
        ("iphone", "AY F OW N"),
        ("ipad", "AY P AE D"),
        ("jpeg", "JH EY P EH G"),
        ("jpegs", "JH EY P EH G Z"),
        ("monday", "M AH N D EY"),
        ("particularly", "P ER T IH K Y AH L ER L IY"),
        ("quay", "K IY"),
        ("re", "R IY"),
        ("saturday", "S AE T ER D EY"),
        ("selfie", "S EH L F IY"),
        ("sri", "S R IY"),
        ("sunday", "S AH N D EY"),
        ("thursday", "TH ER Z D EY"),
        ("tuesday", "T UW Z D EY"),
        ("vlog", "V L AA G"),
        ("vs", "V ER S AH S"),
        ("was", "W AH Z"),
        ("wednesday", "W EH N Z D EY"),
        ("welsh", "W EH L SH"),
        ("wifi", "W AY F AY"),
        ("yourself", "Y AO R S EH L F"),
        ("youtube", "Y UW T UW B"),
    )
}
_ROUNDED_SPELLINGS = ("au", "aw", "ou", "off", "oft", "oss", "ost", "oth")


def usual_pronunciation(word: str) -> Phones:
    """Return how a word is usually said by itself; () for a word that neither it nor USUAL_WORDS has.

    That is the dictionary's first, but where two differ by AA and AO alone (`caught`, `lost`) and the spelling tells of
    the rounded vowel, the rounded one: speakers on both sides of the Atlantic who keep the two apart say it so.
    """
    if word in USUAL_WORDS:
        return USUAL_WORDS[word]
    found = pronunciations(word)
    if not found:
        return ()
    rounded = tuple("AO" if phone == "AA" else phone for phone in found[0])
    if rounded != found[0] and rounded in found and any(letters in word for letters in _ROUNDED_SPELLINGS):
        return rounded
    return found[0]
