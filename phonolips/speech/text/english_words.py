"""How English words are said, as far as the dictionary, their context, the names of letters and their parts tell."""

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from phonolips.speech.text.heteronyms import choose_senses
from phonolips.speech.text.interjections import INTERJECTIONS, reduce_lengthened
from phonolips.speech.text.letters import SAID_AS_LETTERS, find_initialisms, find_letter_a, spell
from phonolips.speech.text.lexicon import ALPHABET, Phones, letter_name, pronunciations
from phonolips.speech.text.normalise import Token
from phonolips.speech.text.usual_words import USUAL_WORDS, usual_pronunciation
from phonolips.speech.text.word_parts import say_by_parts, with_s

# Where the phones of a word came from, as `phonolips say` names it.
DICTIONARY, USUAL, SOUND = "dictionary", "usual words", "interjections"
LETTERS, PARTS = "letters", "parts of the word"


class Said(NamedTuple):
    """The phones of one word, () where they are not known, and where they came from."""

    phones: Phones
    source: str = ""


NOT_KNOWN = Said(())


def _plain_letters(word: str) -> str:
    """Strip the accents of a word: café -> cafe."""
    parts = unicodedata.normalize("NFD", word)
    return "".join(part for part in parts if not unicodedata.combining(part))


def _look_up(word: str) -> Said:
    """Look a written form up as it stands; NOT_KNOWN where neither the dictionary nor the lists here have it."""
    if word in INTERJECTIONS:
        return Said(INTERJECTIONS[word], SOUND)
    if word in USUAL_WORDS:
        return Said(USUAL_WORDS[word], USUAL)
    if found := usual_pronunciation(word):
        return Said(found, DICTIONARY)
    return NOT_KNOWN


def _say_letters(letters: str, ending: str, language: str) -> Said:
    """Say an initialism, and the -s of several."""
    names = spell(letters, language)
    if not names:
        return NOT_KNOWN
    return Said(with_s(names) if ending.endswith("s") else names, LETTERS)


def _glued_initialism(word: str, language: str) -> Phones:
    """Say a word glued to an initialism that the dictionary lacks: chatgpt, openai."""
    for length in (2, 3, 4):
        stem, letters = word[:-length], word[-length:]
        vowelless = length > 2 and not any(vowel in letters for vowel in "aeiouy")
        if len(stem) > 2 and (letters in ("ai", "tv") or vowelless) and (found := usual_pronunciation(stem)):
            return (*found, *spell(letters, language))
    return ()


def known_phones(token: Token, language: str, *, spelled: bool = False) -> Said:
    """Find the phones of an English word without its context and without espeak; NOT_KNOWN if that fails.

    Args:
        token: one word.
        language: its British voice says `Z EH D`.
        spelled: its capitals are an initialism.
    """
    word = token.word
    plain = _plain_letters(word)
    if token.spelled and (names := spell(plain.replace("'", ""), language)):
        return Said(names, LETTERS)
    if plain in ALPHABET and len(plain) == 1 and plain != "a":
        return Said(letter_name(plain, language), LETTERS)
    letters, ending = (plain[: token.capitals], plain[token.capitals :]) if token.capitals else (plain, "")
    if spelled and (said := _say_letters(letters, ending, language)).phones:
        return said
    if not token.capitals or not ending:
        for stem in (plain, plain.removesuffix("'s"), plain.removesuffix("s")):
            small = stem in SAID_AS_LETTERS and (stem in ("ai", "id", "lol") or not pronunciations(stem))
            if not token.capitals and small and (said := _say_letters(stem, plain[len(stem) :], language)).phones:
                return said
    for form in dict.fromkeys((word, plain, plain.rstrip("'"))):
        if (said := _look_up(form)).phones:
            return said
    if "-" in word:
        parts = [known_phones(Token(part, spelled=len(part) == 1), language).phones for part in word.split("-")]
        return Said(tuple(phone for part in parts for phone in part), PARTS) if all(parts) else NOT_KNOWN
    if plain.endswith("'s") and (said := _look_up(plain.removesuffix("'s"))).phones:
        return Said(with_s(said.phones), PARTS)
    if (shorter := reduce_lengthened(plain)) != plain:
        return known_phones(Token(shorter), language)
    if plain.isalpha() and len(plain) > 1 and not any(vowel in plain for vowel in "aeiouyäöü"):
        return _say_letters(plain, "", language)
    if glued := _glued_initialism(plain, language):
        return Said(glued, PARTS)
    if by_parts := say_by_parts(plain):
        return Said(by_parts, PARTS)
    return NOT_KNOWN


def say_english(tokens: Sequence[Token], language: str, spell_letters: bool) -> list[Said]:
    """Find the phones of English words, as far as they are known without espeak.

    Args:
        tokens: a whole text, or a stretch of one in one language.
        language: an English voice's code.
        spell_letters: every `a` is the letter.
    """
    letters = find_letter_a(tokens, spell_letters)
    initialisms = find_initialisms(tokens)
    senses = choose_senses(tokens)
    alone: dict[tuple[Token, bool], Said] = {}
    said = []
    for index, token in enumerate(tokens):
        key = (token, index in initialisms)
        if index in letters:
            said.append(Said(letter_name("a", language), LETTERS))
        elif index in senses and index not in initialisms:
            said.append(Said(senses[index].phones, f"{DICTIONARY}, by context ({senses[index].name})"))
        elif token.word:
            if key not in alone:
                alone[key] = known_phones(token, language, spelled=index in initialisms)
            said.append(alone[key])
        else:
            said.append(NOT_KNOWN)
    return said
