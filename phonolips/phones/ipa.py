"""From IPA to the phone inventory: one table, for what espeak writes and for what aligners write.

Each IPA symbol goes to the English phone that is nearest to it in sound, or in the shape of the lips
where no English phone sounds like it (a rounded vowel stays rounded). Nasal vowels lose their nasality,
palatalised, aspirated and long sounds become plain ones, tones and stress are dropped.
"""

# Every key is matched as the longest prefix, so `tʃ` wins over `t`. Length marks and diacritics that
# are not in a key are skipped.
IPA_TO_ARPABET: dict[str, tuple[str, ...]] = {
    # plosives
    "p": ("P",), "b": ("B",), "t": ("T",), "d": ("D",), "k": ("K",), "ɡ": ("G",), "g": ("G",),
    "ʈ": ("T",), "ɖ": ("D",), "c": ("CH",), "ɟ": ("JH",), "q": ("K",), "ɢ": ("G",), "ɓ": ("B",),
    "ɗ": ("D",), "ʄ": ("JH",), "ɠ": ("G",), "ʛ": ("G",), "ʔ": (), "ʡ": (),
    # affricates
    "tʃ": ("CH",), "t͡ʃ": ("CH",), "tɕ": ("CH",), "t͡ɕ": ("CH",), "ʈʂ": ("CH",), "ʈ͡ʂ": ("CH",), "tʂ": ("CH",),
    "ʧ": ("CH",), "ʨ": ("CH",), "tS": ("CH",), "dʒ": ("JH",), "d͡ʒ": ("JH",), "dʑ": ("JH",),
    "d͡ʑ": ("JH",), "ɖʐ": ("JH",), "ɖ͡ʐ": ("JH",), "dʐ": ("JH",), "ʤ": ("JH",), "ʥ": ("JH",), "dZ": ("JH",),
    "ʦ": ("T", "S"), "ʣ": ("D", "Z"),
    # fricatives
    "f": ("F",), "v": ("V",), "θ": ("TH",), "ð": ("DH",), "s": ("S",), "z": ("Z",), "ʃ": ("SH",),
    "ʒ": ("ZH",), "ʂ": ("SH",), "ʐ": ("ZH",), "ɕ": ("SH",), "ʑ": ("ZH",), "ɧ": ("SH",), "S": ("SH",),
    "Z": ("ZH",), "ɸ": ("F",), "Φ": ("F",), "β": ("B",), "ç": ("HH",), "ʝ": ("Y",), "x": ("HH",),
    "X": ("HH",), "χ": ("HH",), "ɣ": ("G",), "ħ": ("HH",), "h": ("HH",), "ɦ": ("HH",), "ʜ": ("HH",),
    "ʕ": (), "ʢ": (), "ɬ": ("L",), "ɮ": ("L",),
    # nasals
    "m": ("M",), "ɱ": ("M",), "n": ("N",), "ɳ": ("N",), "ɲ": ("N", "Y"), "ŋ": ("NG",), "ɴ": ("NG",),
    "N": ("NG",),
    # liquids and glides
    "l": ("L",), "ɫ": ("L",), "ɭ": ("L",), "ʎ": ("Y",), "ʟ": ("L",), "ɺ": ("L",), "ɹ": ("R",), "r": ("R",),
    "ɻ": ("R",), "ɾ": ("R",), "ɽ": ("R",), "ʀ": ("R",), "ʁ": ("R",), "ʙ": ("B",), "ⱱ": ("V",), "r̝": ("ZH",),
    "r̝̊": ("SH",), "j": ("Y",), "ɰ": ("W",), "w": ("W",), "ʍ": ("W",), "ɥ": ("W",), "ʋ": ("V",),
    # syllabic consonants
    "n̩": ("AH", "N"), "ŋ̩": ("AH", "NG"), "m̩": ("AH", "M"), "l̩": ("AH", "L"), "r̩": ("ER",),
    "ɹ̩": ("ER",), "əl": ("AH", "L"),
    # vowels, front to back
    "i": ("IY",), "ɪ": ("IH",), "ᵻ": ("IH",), "e": ("EH",), "eː": ("EY",), "ɛ": ("EH",), "ε": ("EH",),
    "æ": ("AE",), "a": ("AA",), "ä": ("AA",), "A": ("AA",), "y": ("UW",), "ʏ": ("UH",), "ø": ("ER",),
    "œ": ("ER",), "ɶ": ("AE",), "ɨ": ("IH",), "ʉ": ("UW",), "ɘ": ("AH",), "ɵ": ("UH",), "ə": ("AH",),
    "ɐ": ("AH",), "ʌ": ("AH",), "ɜ": ("AH",), "ɜː": ("ER",), "ɞ": ("ER",), "ɚ": ("ER",), "ɝ": ("ER",),
    "ɯ": ("IH",), "u": ("UW",), "ʊ": ("UH",), "ɤ": ("AH",), "o": ("OW",), "ɔ": ("AO",), "ɑ": ("AA",),
    "ɒ": ("AA",),
    # diphthongs, and vowels before r
    "eɪ": ("EY",), "ei": ("EY",), "ɛɪ": ("EY",), "aɪ": ("AY",), "ai": ("AY",), "ɑɪ": ("AY",), "aʊ": ("AW",),
    "au": ("AW",), "ɑʊ": ("AW",), "æʊ": ("AW",), "oʊ": ("OW",), "ou": ("OW",), "əʊ": ("OW",), "ɔɪ": ("OY",),
    "ɔi": ("OY",), "oi": ("OY",), "oɪ": ("OY",), "ɔø": ("OY",), "œy": ("AY",), "øy": ("OY",),
    "eʊ": ("EH", "UH"), "iə": ("IY", "AH"), "ɪə": ("IY", "AH"), "eə": ("EH", "R"), "ʊə": ("UH", "R"),
    "əɹ": ("ER",), "oːɹ": ("AO", "R"), "oɹ": ("AO", "R"),
}  # fmt: skip

# Where espeak's English voices mean something else by a symbol: the vowel of British `cat`, the flap of
# American `water`, the last sound of `loch`, the stop in American `button`.
ENGLISH_READINGS: dict[str, tuple[str, ...]] = {"a": ("AE",), "ɾ": ("T",), "x": ("K",), "ʔ": ("T",)}

# Where aligners mean something else by a symbol. The Montreal Forced Aligner writes palatal letters for k, g, n and l
# before front vowels ("keep" is cʰ iː p), glides in diphthongs, and the vowel of "thought" as ɒː.
ALIGNER_READINGS: dict[str, tuple[str, ...]] = {
    "c": ("K",), "ɟ": ("G",), "ɲ": ("N",), "ʎ": ("L",), "ɫ̩": ("AH", "L"), "ɒː": ("AO",), "ɛː": ("EH",), "aː": ("AA",),
    "aj": ("AY",), "aw": ("AW",), "ej": ("EY",), "ow": ("OW",), "əw": ("OW",), "ɔj": ("OY",), "oj": ("OY",),
    "ɛj": ("EY",), "ɑj": ("AY",), "ɔʏ": ("OY",), "ɔy": ("OY",), "oy": ("OY",), "ɡb": ("G", "B"), "kp": ("K", "P"),
}  # fmt: skip

# Symbols of English, whose phone is the same sound: reading them is no approximation.
ENGLISH_SYMBOLS = frozenset((
    "p", "b", "t", "d", "k", "ɡ", "g", "tʃ", "ʧ", "dʒ", "ʤ", "f", "v", "θ", "ð", "s", "z", "ʃ", "ʒ", "h", "ɦ", "m",
    "ɱ", "n", "ŋ", "l", "ɫ", "ɹ", "r", "j", "w", "ʍ", "n̩", "m̩", "l̩", "ɫ̩", "ŋ̩", "i", "ɪ", "ᵻ", "e", "ɛ", "ɛː",
    "æ", "ə", "ɐ", "ʌ", "ɜ", "ɜː", "ɝ", "ɚ", "ɑ", "ɒ", "ɒː", "ɔ", "ʊ", "u", "ʉ", "eɪ", "ei", "ej", "ɛɪ", "ɛj", "aɪ",
    "ai", "aj", "ɑɪ", "ɑj", "aʊ", "au", "aw", "ɑʊ", "oʊ", "ou", "ow", "əʊ", "əw", "ɔɪ", "ɔi", "ɔj", "oɪ", "oi", "oj",
))  # fmt: skip
# Symbols that are variants of English phones where the transcription is English, and sounds of their own elsewhere.
ENGLISH_VARIANTS = frozenset(("a", "aː", "ɾ", "x", "ʔ", "c", "ɟ", "ɲ", "ʎ", "ç"))
# What shows that a transcription is English: symbols that hardly another language is written with.
ENGLISH_MARKS = ("ɹ", "ɝ", "ɚ", "əʊ", "əw", "ɜː")
