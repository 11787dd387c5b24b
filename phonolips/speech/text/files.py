"""Texts from files and from standard input, in whatever encoding an editor wrote them."""

import codecs
import sys
import warnings
from pathlib import Path

from phonolips.errors import InputError, PhonolipsWarning, system_line
from phonolips.media.pipes import STANDARD_INPUT

MOST_BYTES = 16 << 20  # of a text; the longest novels have 4 MB, and /dev/zero has no end
# With the marks that begin them; UTF-32 first, since its mark begins as that of UTF-16 does.
_MARKED = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LOOKED_AT = 1000  # bytes from which UTF-16 without a mark is told: every second one of European letters is 0


def read_text_file(source: Path | str, expected: str = "a text to speak") -> str:
    """Read a text: UTF-8 with or without a byte order mark, UTF-16, UTF-32, or else Windows-1252 with a warning.

    Args:
        source: a file, also a pipe such as /dev/stdin; "-" is standard input.
        expected: what the file should hold, for messages.

    Raises:
        InputError: it cannot be read, is empty, is no text, or has more than MOST_BYTES.
    """
    if str(source) == STANDARD_INPUT:
        name = "standard input"
        content = sys.stdin.buffer.read(MOST_BYTES + 1) if sys.stdin is not None else b""
    else:
        name = str(source)
        try:
            with Path(source).open("rb") as file:
                content = file.read(MOST_BYTES + 1)
        except FileNotFoundError as error:
            raise InputError(f"{name}: no such file; expected {expected}") from error
        except OSError as error:
            raise InputError(f"{system_line(error)}; expected a file with {expected}") from error
    if len(content) > MOST_BYTES:
        raise InputError(f"{name}: more than {MOST_BYTES >> 20} MB; expected {expected}: cut it into parts")
    text = decode_text(content, name)
    if not text.strip():
        raise InputError(f"{name}: holds no text; expected {expected}")
    return text


def decode_text(content: bytes, name: str) -> str:
    """Decode a text of unknown encoding, with line ends as one newline each.

    Args:
        content: the bytes of a file.
        name: of the file, for messages.

    Raises:
        InputError: these are not the bytes of a text.
    """
    encoding = next((how for mark, how in _MARKED if content.startswith(mark)), None) or _unmarked(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise InputError(f"{name}: damaged {encoding.upper()} ({error.reason}); save it as UTF-8") from error
        text = content.decode("cp1252", errors="replace")
        _check_characters(text, name)
        message = f"{name}: not UTF-8; read as Windows-1252 (Latin-1): save it as UTF-8 if words come out wrong"
        warnings.warn(message, PhonolipsWarning, stacklevel=3)
    _check_characters(text, name)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _unmarked(content: bytes) -> str:
    """Tell UTF-16 without a mark from UTF-8 by its zeros."""
    start = content[:_LOOKED_AT]
    pairs = len(start) // 2
    high, low = start[::2].count(0), start[1::2].count(0)
    if low * 2 > pairs and not high:
        return "utf-16-le"
    return "utf-16-be" if high * 2 > pairs and not low else "utf-8"


def _check_characters(text: str, name: str) -> None:
    """Raise InputError where a text holds control characters, as sounds, pictures and archives do."""
    found = next((c for c in text if (c < " " and c not in "\t\n\v\f\r\x1a") or c == "\x7f"), None)
    if found is not None:
        raise InputError(f"{name}: not a text (it holds the control character {found!r}); expected words in UTF-8")
