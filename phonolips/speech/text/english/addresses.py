"""E-mail addresses, web addresses, paths, file names, handles, hashtags; words joined by capitals or underscores."""

import re

from phonolips.speech.text.english.numbers import digit_words, whole_words
from phonolips.speech.text.english.rules import SPELLED, Rule, rule
from phonolips.speech.text.lexicon import pronunciations

_SIGN_WORDS = {
    ".": "dot", "@": "at", "/": "slash", "-": "dash", "_": "underscore", ":": "colon", "?": "question mark",
    "=": "equals", "&": "and", "#": "hash", "%": "percent", "+": "plus", "~": "tilde", "\\": "backslash", "!": "bang",
    ",": "comma", ";": "semicolon", "*": "star", "$": "dollar", "(": "open parenthesis", ")": "close parenthesis",
    "'": "apostrophe",
}  # fmt: skip
# parts of addresses that are said letter by letter though they look like words
_LETTERS = frozenset(
    ("www", "http", "https", "ftp", "html", "htm", "txt", "pdf", "png", "jpg", "csv", "xml", "php", "asp", "css",
     "mp", "io", "ai", "us", "it", "de", "in", "me", "tv", "eu", "ie", "ca", "ac", "nl", "es", "fr", "ch", "at",
     "be", "se", "no", "js", "ts", "py", "rs", "md", "exe", "dll", "api", "uk", "co", "sh", "srt", "vtt", "svg",
     "url")
)  # fmt: skip
_WORDS = frozenset(("com", "org", "net", "edu", "gov", "info", "biz", "doc", "zip", "gif"))
_TOP = (
    "com|org|net|edu|gov|info|biz|io|ai|uk|us|de|fr|it|es|nl|eu|ca|au|ch|at|be|se|no|dk|fi|pl|ru|jp|cn|in|ie|nz|tv|me|co|"
    "app|dev|mil|int|xyz|online|site|shop"
)
_FILES = (
    "txt|pdf|docx?|xlsx?|pptx?|html?|xml|json|csv|tsv|ya?ml|toml|md|rst|py|js|ts|tsx|css|c|h|cpp|hpp|java|rs|go|rb|sh|bat|"
    "exe|dll|zip|tar|gz|bz2|7z|rar|png|jpe?g|gif|svg|webp|bmp|tiff?|mp3|mp4|wav|flac|ogg|avi|mov|mkv|srt|vtt|log|ini|cfg|"
    "conf|db|sql|iso|bin|npz|npy|onnx"
)
_CAPITAL_FILES = "JPE?G|PNG|GIF|PDF|TXT|DOCX?|MP3|MP4|WAV|ZIP|CSV|XML|HTML?|EXE|SRT|MOV|AVI"
_RUN = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z]?[a-z']+|[A-Z]+|[^\W\d_]+|\d+|[^\w\s]|_")
LONGEST_ADDRESS = 300  # characters; longer ones are read as the words in them


def _part_words(part: str, *, last: bool) -> str:
    """Read one run of letters, digits or one sign of an address."""
    if part in _SIGN_WORDS:
        return _SIGN_WORDS[part]
    if part.isdigit():
        return whole_words(part) if len(part) <= 2 else digit_words(part)
    low = part.lower()
    if low in _WORDS:
        return low
    spelled = (low in _LETTERS and (last or len(low) > 2 or low in ("www", "co", "ac"))) or not re.search(
        "[aeiouy]", low
    )
    return SPELLED + low if spelled and len(low) < 7 else low


def address_words(address: str) -> str:
    """Read an address sign by sign and word by word."""
    parts = _RUN.findall(address)
    words = []
    for index, part in enumerate(parts):
        after_dot = index > 0 and parts[index - 1] == "."
        words.append(_part_words(part, last=after_dot))
    return " ".join(words)


def _address(match: re.Match[str], british: bool) -> str:
    written = match[0]
    ending = re.search(r"[.,;:!?)']{0,8}$", written)
    closing = ending[0] if ending else ""
    body = written[: len(written) - len(closing)]
    if len(body) > LONGEST_ADDRESS or not re.search(r"[^\W_]", body):
        return written
    return f" {address_words(body)} {closing}"


def _file_name(match: re.Match[str], british: bool) -> str:
    return f" {address_words(match[0])} "


# ---------------------------------------------------------------- words joined together

_PREPOSITIONS = frozenset(
    ("my", "to", "we", "go", "no", "be", "by", "do", "in", "on", "up", "so", "us", "me", "he", "is", "it", "of",
     "or", "an", "as", "at", "if")
)  # fmt: skip


# Chemical elements that salts, acids and bases are made of
_ELEMENTS = frozenset(("H", "Li", "Na", "K", "Ca", "Mg", "Al", "Fe", "Cu", "Zn", "Ag", "Cl", "F", "Br", "I", "O", "OH"))
# One letter, and a word: iPhone, eBay, SpaceX, ModelS
_APART = re.compile(r"[ei][A-Z][a-z]{2,}|[A-Z][a-z]{2,}[A-Z]")


_JOINING_WORDS = frozenset(("for", "and", "of", "in", "the", "with"))  # small between capitals: AIforGood


def split_capitals(word: str) -> list[str]:
    """Split a word written in camel case: BlackLivesMatter, ChatGPT, OpenAI, AIforGood."""
    parts = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]{2,}s?(?![a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]+|\d+", word)
    for place in range(1, len(parts)):
        letters, after = parts[place - 1], parts[place]
        if letters.isupper() and after[0].isupper() and after[1:] in _JOINING_WORDS:
            parts[place - 1 : place + 1] = [letters + after[0], after[1:]]
    return parts


def _is_word(word: str) -> bool:
    return bool(pronunciations(word))


def _join(parts: list[str]) -> str:
    """Write the parts of a joined word one after the other; a letter alone by its name."""
    return " ".join(SPELLED + part.lower() if len(part) == 1 and part not in "IAa" else part for part in parts)


def _camel(match: re.Match[str], british: bool) -> str:
    """Read a word with a capital inside in its parts, unless it is a name or only the whole is a word."""
    word = match[0]
    stem = re.sub(r"'s?$", "", word)
    parts = split_capitals(stem)
    first = parts[0] if parts else ""
    if len(parts) < 2 or first == "Mc" or re.fullmatch(r"[A-Z]{2,}s", stem) or stem in ("PhD", "PhDs"):
        return word
    if len(parts) == 2 and parts[0] in _ELEMENTS and parts[1] in _ELEMENTS:
        return SPELLED + stem.lower() + word[len(stem) :]  # NaCl
    if _is_word(stem) and not (first != "Mac" and all(len(part) > 1 and _is_word(part) for part in parts)):
        return _join(parts) + word[len(stem) :] if _APART.fullmatch(stem) else word
    if first == "Mac" and not _is_word(parts[1]):
        return word
    if re.fullmatch("[A-Z]?[a-z][A-Z]", stem):
        return SPELLED + stem.lower() + word[len(stem) :]  # IoT, DoD, pH
    if len(first) == 2 and first[0].isupper() and first.lower() not in _PREPOSITIONS and not parts[1].isupper():
        return word  # LeBron, DeVito
    return _join(parts) + word[len(stem) :]


def _name_parts(name: str) -> list[str]:
    """Split the name of a tag or a person; what the dictionary knows whole stays whole."""
    runs = re.findall(r"[^\W\d_]+|\d+", name)
    return [part for run in runs for part in ([run] if _is_word(run) else split_capitals(run) or [run])]


def _hashtag(match: re.Match[str], british: bool) -> str:
    parts = _name_parts(match[1])
    return f" {_join(parts)}{match[2] or ''} "


def _handle(match: re.Match[str], british: bool) -> str:
    parts = _name_parts(match[1])
    return f" at {_join(parts)}{match[2] or ''} "


_REST = r"[^\s<>\U000F0000-\U000FFFFD]"  # of an address
RULES: tuple[Rule, ...] = (
    rule(rf"(?<![\w.])(?:https?|ftp|file|HTTPS?)://{_REST}{{1,2000}}", _address),
    rule(rf"(?<![\w.@])[\w.+&%-]{{1,64}}@[\w-]{{1,63}}(?:\.[\w-]{{1,63}}){{1,6}}(?:/{_REST}{{0,300}})?", _address),
    rule(rf"(?<![\w.@/-])(?:[wW]{{3}}\.|(?=[\w-]{{1,63}}(?:\.[\w-]{{1,63}}){{0,5}}\.(?:{_TOP})(?![\w-])))"
         rf"[A-Za-z][\w-]{{0,62}}(?:\.[A-Za-z][\w-]{{0,62}}){{1,6}}(?:[:/?#]{_REST}{{0,300}})?", _address),
    rule(rf"(?<![\w.@/\\-])[A-Za-z_][\w-]{{0,63}}"
         rf"(?:\.[\w-]{{1,63}}){{0,3}}\.(?:{_FILES}|{_CAPITAL_FILES})(?![\w-]|\.\w)", _file_name),
    rule(r"(?<![\w.@:/~\\])(?:~/[\w./-]{1,200}|/(?:[\w.-]{1,64}/){1,20}[\w.-]{0,64}(?:\?[\w=&%.-]{1,200})?|[A-Za-z]:\\[\w.\\-]{1,200}|"
         r"\.{1,2}/[\w./-]{1,200})", _address),
    rule(r"(?<![\w@.])@([A-Za-z_]\w{0,39})('s\b)?", _handle),
    rule(r"(?<![\w&/])#(?!(?=[A-Fa-f]{0,5}\d)[0-9A-Fa-f]{6}\b)"
         r"([^\W\d]\w{0,139}|\d{1,9}[A-Z][a-z]\w{0,139})('s\b)?", _hashtag),
)  # fmt: skip

JOINED: tuple[Rule, ...] = (
    # a point inside a name is spoken
    rule(r"(?<=[^\W\d_]{2})\.(?=[a-z]{2})", "dot"),
    rule(r"(?<=\w)@(?=\w)", "at"),
    rule(r"_{1,80}", " "),
    rule(r"(?<![\w\x01'])(?=[A-Za-z]{0,59}?[a-z][A-Z]|[A-Z]{2,59}[a-z]{2})[A-Za-z]{2,60}(?:'s)?(?![\w'])", _camel),
)
