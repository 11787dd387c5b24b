"""Screenplays and stage directions: only what characters say is said.

A screenplay (Fountain, or a script pasted as plain text) has headings (INT. HOUSE - DAY), characters' names in capitals
on a line of their own with their words below, parentheticals, action and transitions. A text without any such name is
taken as dialogue: names before a colon, [laughs], (whispering) and *sighs* are left out of it.
"""

import re

from phonolips.speech.text.markup.html import decode_entities
from phonolips.speech.text.markup.script import Script, ScriptWriter

# A heading in capitals, as screenwriting programs tell it; also what makes a text a screenplay.
SCENE_HEADING = re.compile(
    r"^[^\S\n]*(?:\d+[A-Z]?\.?[^\S\n]+)?(?:INT|EXT|EST|INT\.?/EXT|EXT\.?/INT|I/E)[. ][^\Wa-z\n]?[^a-z\n]*$",
    re.MULTILINE,
)
_TRANSITION = re.compile(
    r"[^a-z]*\bTO:|FADE (?:IN|OUT|TO BLACK)[.:]?|THE END[.]?|CUT TO BLACK[.:]?|(?:DISSOLVE|SMASH CUT)\b[^a-z]*"
)
_CHARACTER = re.compile(r"(@?)([^\W\d_][^\n:()]{0,40}?)(?:\s*\([^()\n]*\))*\s*\^?")
_NAME = r"[^\W\d_a-z][\w.'-]{0,30}"
_SPEAKER = re.compile(rf"(?:(?<=[.!?…\"”'\]*)] )|^)({_NAME}(?:[ ]{_NAME}){{0,2}})\s?(?:\([^()\n]*\))?:(?=\s)")
_DIRECTION = re.compile(r"\[[^\[\]\n]*\]|\([^()\n]*\)|(?<![*\w])\*(?!\s|\*)[^*\n]+(?<!\s)\*(?![*\w])")
_NOTE = re.compile(r"/\*(?:[^*]|\*(?!/))*\*/|\[\[[^\[\]]*\]\]")  # Fountain's boneyard and notes
_UNDERLINES = re.compile(r"(?<!\w)_([^_\n]+)_(?!\w)|\*\*([^*\n]+)\*\*")
_TITLE_PAGE = re.compile(r"(?:Title|Credit|Author|Authors|Source|Draft date|Contact|Copyright|Notes):", re.IGNORECASE)


def read_screenplay(text: str) -> Script:
    """Read what the characters of a screenplay, or of a dialogue, say; the rest is counted."""
    writer = ScriptWriter()
    text = _NOTE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    lines = [line.strip() for line in text.split("\n")]
    dialogue = _is_screenplay(lines)
    place = 0
    if lines and _TITLE_PAGE.match(lines[0]):
        place = next((i for i, line in enumerate(lines) if not line), len(lines))
        writer.ignored["title page"] += 1
    speaking = not dialogue
    blank = True
    while place < len(lines):
        line = lines[place]
        place += 1
        if not line:
            speaking = not dialogue
            writer.paragraph()
        elif SCENE_HEADING.match(line) or (line[0] == "." and line[1:2].isalnum()):
            writer.ignored["scene headings"] += 1
            speaking = not dialogue
        elif line[0] in "#=>" or _TRANSITION.fullmatch(line):
            writer.ignored["transitions"] += 1
        elif blank and place < len(lines) and lines[place] and _is_name(line):
            writer.ignored[f"name {_bare_name(line)}"] += 1
            speaking = True
        elif speaking or line[0] == "~" or (dialogue and _SPEAKER.match(line)):
            _say_line(line.lstrip("~"), writer)
        else:
            writer.ignored["lines of action"] += 1
        blank = not line
    return writer.finish()


def _is_screenplay(lines: list[str]) -> bool:
    """Return whether names stand on lines of their own, with words below."""
    return any(
        _is_name(line) and (not number or not lines[number - 1]) and number + 1 < len(lines) and bool(lines[number + 1])
        for number, line in enumerate(lines)
    )


def _is_name(line: str) -> bool:
    """Return whether a line is the name of whoever speaks next."""
    if SCENE_HEADING.match(line) or _TRANSITION.fullmatch(line) or line.endswith((".", "!", "?", ",")):
        return False
    found = _CHARACTER.fullmatch(line)
    return found is not None and (bool(found[1]) or found[2] == found[2].upper())


def _bare_name(line: str) -> str:
    return re.sub(r"\s*\([^()]*\)|[@^]", "", line).strip()[:40]


def _say_line(line: str, writer: ScriptWriter) -> None:
    """Say a line of dialogue, without names and directions."""

    def drop(found: re.Match[str]) -> str:
        writer.ignored[found[0] if len(found[0]) <= 40 else f"{found[0][:40]}..."] += 1
        return " "

    def drop_name(found: re.Match[str]) -> str:
        writer.ignored[f"name {found[1]}"] += 1
        return " "

    plain = _UNDERLINES.sub(lambda found: found[1] or found[2], line)
    plain = _SPEAKER.sub(drop_name, re.sub(r"\s+", " ", _DIRECTION.sub(drop, plain)).strip())
    writer.say(decode_entities(plain) + "\n")
