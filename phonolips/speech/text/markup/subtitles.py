"""Subtitles, SubRip (.srt) and WebVTT (.vtt): each cue is said from its time on."""

import re
from itertools import pairwise
from typing import NamedTuple

from phonolips.errors import InputError
from phonolips.speech.text.markup.html import decode_entities
from phonolips.speech.text.markup.script import LONGEST_SCRIPT_SECONDS, Cue, Script, ScriptWriter

_CLOCK = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})(?:[,.:](\d{1,3})\d*)?"
_TIMING = re.compile(rf"\s*{_CLOCK}\s*--?>\s*{_CLOCK}(?=\s|$)", re.ASCII)
# Of a text that is not said to be subtitles: nobody writes that in prose.
SUBTITLE_LINE = re.compile(rf"^[^\S\n]*{_CLOCK}[^\S\n]*-->[^\S\n]*{_CLOCK}[^\S\n]*(?:\n|$|[a-z]+:|X1:)", re.MULTILINE)
_NUMBER = re.compile(r"\s*\d+\s*", re.ASCII)
_VTT_BLOCK = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s|$)")

_TAG = re.compile(r"</?[A-Za-z][^<>]*>|</?c(?:\.[^<>]*)?>|<\d[\d:.]*>|</?>")
_RUBY = re.compile(r"<rt>[^<>]*</rt>")
_OVERRIDE = re.compile(r"\{\\[^{}]*\}|\{[biusYyCcFfPp]:[^{}]*\}")  # of ASS and MicroDVD, as in {\an8}
_SOUND = re.compile(r"\[[^\[\]]*\]|\([^()]*[^\W\d_][^()]*\)|（[^（）]*）|【[^【】]*】")  # [music], (laughs)
_SPEAKER = re.compile(r"([^\W\d_a-z][^\W_a-z .'-]*(?:[ .'-]+[^\W_a-z .'-]+){0,3}):(?=\s|$)")  # JOHN:, MAN 2:
_NOTES = re.compile("[♩♪♫♬♭♮♯#]+(?=\\s|$)|(?:^|(?<=\\s))[♩♪♫♬♯#]+|[♩♪♫♬]")
_DASH = re.compile(r"\s*(?:[-–—‐]|>>+)\s*(?=\S)")
_ENDED = re.compile(r"[.!?…:;,]['\"”’)\]]*\s*$")


class _Lines(NamedTuple):
    """One cue: when it is shown, in seconds, and its lines."""

    start: float
    end: float
    lines: list[str]


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> float:
    return 3600 * int(hours or 0) + 60 * int(minutes) + int(seconds) + float(f"0.{fraction or 0}")


def _read_cues(text: str, *, vtt: bool) -> list[_Lines]:
    """Read cues in the order of the file. Blank lines inside a SubRip cue belong to it; in WebVTT they end it."""
    cues: list[_Lines] = []
    skipping = vtt  # up to the next time: the head of a WebVTT file, its notes, the names of cues
    blank = True
    for line in text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").lstrip("\ufeff").split("\n"):
        timing = _TIMING.match(line) if ">" in line else None
        if timing:
            if cues and not skipping:
                _drop_number(cues[-1].lines, len(cues) + 1)
            start, end = _seconds(*timing.groups()[:4]), _seconds(*timing.groups()[4:])
            cues.append(_Lines(start, max(start, end), []))
            skipping = False
        elif vtt and (not line.strip() or (blank and _VTT_BLOCK.match(line))):
            skipping = True
        elif cues and not skipping:
            cues[-1].lines.append(line)
        blank = not line.strip()
    return cues


def _drop_number(lines: list[str], following: int) -> None:
    """Drop the number of the next cue from the end of a cue's lines; another line that is a number may be said.

    Args:
        lines: of the cue.
        following: the number of the next one, where they are counted from 1.
    """
    number = lines[-1].strip() if lines and _NUMBER.fullmatch(lines[-1]) else ""
    if number and (len(lines) == 1 or not lines[-2].strip() or number == str(following)):
        lines.pop()


def _say_lines(lines: list[str], writer: ScriptWriter) -> str:
    """Return what is said of the lines of a cue."""
    said = ""
    for line in lines:
        plain = _TAG.sub("", _OVERRIDE.sub("", _RUBY.sub("", line)))
        plain = _NOTES.sub(" ", decode_entities(plain)).replace("\\N", " ").replace("\\h", " ").strip()
        dash = _DASH.match(plain)
        if dash:
            plain = plain[dash.end() :]
        plain = _SOUND.sub(lambda found: _count(found[0], writer), plain).strip()
        speaker = _SPEAKER.match(plain)
        if speaker:
            writer.ignored[f"{speaker[1][:40]}:"] += 1
            plain = plain[speaker.end() :].strip()
        if not any(character.isalnum() for character in plain):
            continue
        if (dash or speaker) and said and not _ENDED.search(said):
            said += "."  # somebody else goes on
        said += f" {plain}"
    return said.strip()


def _count(sound: str, writer: ScriptWriter) -> str:
    """Count what is not said; return what stands in its place."""
    writer.ignored[sound if len(sound) <= 40 else f"{sound[:40]}..."] += 1
    return " "


def read_subtitles(text: str, *, vtt: bool = False) -> Script:
    """Read subtitles, each cue with its time; in order of their times.

    Tags, positions, notes, names of cues and of speakers (`JOHN:`), dashes of a dialogue, and what is in brackets as a
    sound is ([music], (laughs)) are not said; names and sounds are counted.

    Args:
        text: of a file.
        vtt: as WebVTT; otherwise as SubRip.

    Raises:
        InputError: no cue, or a time beyond LONGEST_SCRIPT_SECONDS.
    """
    cues = _read_cues(text, vtt=vtt)
    name = "WebVTT" if vtt else "SubRip"
    if not cues:
        raise InputError(f"the {name} subtitles hold no cue; expected lines such as 00:00:01,000 --> 00:00:04,000")
    last = max(cue.end for cue in cues)
    if last > LONGEST_SCRIPT_SECONDS:
        raise InputError(
            f"the {name} subtitles last {last / 3600:.1f} hours; expected at most {LONGEST_SCRIPT_SECONDS / 3600:.0f}: "
            "give them in parts"
        )
    writer = ScriptWriter()
    ordered = sorted(cues, key=lambda cue: cue.start)
    said = {id(cue): _say_lines(cue.lines, writer) for cue in ordered}
    for cue in ordered:
        if said[id(cue)]:
            writer.mark(Cue(cue.start))
            writer.say(said[id(cue)])
            writer.paragraph()
    writer.mark(Cue(last))
    late = sum(after.start < before.start for before, after in pairwise(cues))
    if late:
        writer.ignored[f"order of {late} cues that stand after later ones"] += 1
    return writer.finish()
