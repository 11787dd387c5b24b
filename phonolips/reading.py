"""Files from anywhere: every one is read here, once, within limits, and what is wrong with it is one line.

Texts, lists, JSON, YAML and NPZ may come from another program, another system, or an enemy. So sizes are looked at
before anything is read, what a header promises before memory is taken for it, and nothing that a file says is
executed, resolved or looked up anywhere.
"""

import json
import math
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from phonolips.checks import shown
from phonolips.errors import InputError

MOST_TEXT_BYTES = 64 << 20  # of a text, list or JSON; ten hours of alignments have some 10 MB
BLOCK_BYTES = 1 << 16  # read at a time, so that a short file takes little memory, and a pipe may be of any length
MOST_YAML_BYTES = 256 << 10  # of settings; ours have 1 kB
MOST_DEPTH = 20  # levels of YAML inside each other; ours have 3, and its reader recurses
MOST_ARRAYS = 100  # in an NPZ file; ours have up to 12
MOST_ARRAY_BYTES = 1 << 30  # of an NPZ file, unpacked: posteriors of 18 hours, lips at 60 fps of 15
LONGEST_LINE = 4_096  # characters of a line in a list: the longest path that Linux has
ARRAY_NAME = re.compile(r"[A-Za-z_]\w{0,99}", re.ASCII)
PLAIN_KINDS = "biufcUS"  # NumPy's kinds of arrays that hold numbers and texts, and nothing that could be executed
INTERPOLATION = "${"


def _read_bytes(path: Path, most: int) -> bytes:
    """Read a file; raise InputError for one that is not there, cannot be read, or is larger than `most`."""
    try:
        with path.open("rb") as file:
            data = bytearray()
            while len(data) <= most and (block := file.read(BLOCK_BYTES)):
                data += block
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise InputError(f"{path}: is a folder; expected a file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:  # NUL in its name
        raise InputError(f"{str(path)!r}: no such file") from error
    if len(data) > most:
        raise InputError(f"{path}: larger than {most >> 10} kB, the most that such a file may have")
    return bytes(data)


def decode_text(data: bytes) -> str:
    """Decode a text as Unix, Windows and macOS write it.

    UTF-8 with or without a byte order mark, or UTF-16 with one; line ends become a single line feed.

    Raises:
        InputError: bytes that are no text, or a NUL in it; with the line.
    """
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(f"line {line} is no text: bytes that are no UTF-8; save it as UTF-8") from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise InputError(f"line {line} is no text: a NUL character in it; save it as UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_text(path: Path, *, most: int = MOST_TEXT_BYTES) -> str:
    """Read a text file; see `decode_text`. Raises InputError where it is missing, too large, or no text."""
    try:
        return decode_text(_read_bytes(Path(path), most))
    except InputError as error:
        raise error if str(error).startswith(str(path)) else InputError(f"{path}: {error}") from error


def read_lines(path: Path) -> list[tuple[int, str]]:
    """Read a list: its lines with their numbers from 1, without white space around them; `#` begins a comment line.

    Raises:
        InputError: as `read_text`; or a line longer than LONGEST_LINE.
    """
    lines = [(number, line.strip()) for number, line in enumerate(read_text(path).split("\n"), start=1)]
    long = next((number for number, line in lines if len(line) > LONGEST_LINE), None)
    if long is not None:
        raise InputError(f"{path}: line {long}: longer than {LONGEST_LINE} characters; expected a list, a name a line")
    return [(number, line) for number, line in lines if line and not line.startswith("#")]


# ---------------------------------------------------------------- JSON


def parse_json(text: str) -> dict[str, Any]:
    """Parse a JSON object; raise InputError, with the line, for anything else."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}" if text.strip() else "it is empty"
        raise InputError(f"not JSON: {where}") from error
    except RecursionError as error:
        raise InputError("hundreds of brackets inside each other; expected plain JSON") from error
    except ValueError as error:  # Python's limit for the digits of an integer
        raise InputError("a number of thousands of digits; expected plain JSON") from error
    if not isinstance(value, dict):
        raise InputError(f"found {shown(value)}; expected a JSON object, names with values")
    return value


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file; raise InputError as `read_text` and `parse_json`."""
    try:
        return parse_json(read_text(path))
    except InputError as error:
        raise error if str(error).startswith(str(path)) else InputError(f"{path}: {error}") from error


# ---------------------------------------------------------------- YAML


def parse_yaml(text: str, name: object) -> Any:
    """Check YAML before it is built: plain mappings, lists and words alone; return it with every word a string.

    Aliases (which can stand for gigabytes), tags (which can name code) and interpolations (`${...}`, which could read
    the environment) are refused.

    Args:
        text: the YAML.
        name: of the file or argument, for messages.

    Raises:
        InputError: one of these, or no YAML.
    """
    import yaml

    depth, loader = 0, getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # some builds of PyYAML lack the quick one
    try:
        for event in yaml.parse(text, Loader=loader):
            line = event.start_mark.line + 1
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MOST_DEPTH:
                raise InputError(f"{name}: line {line}: more than {MOST_DEPTH} levels inside each other")
            if isinstance(event, yaml.AliasEvent) or (isinstance(event, yaml.NodeEvent) and event.anchor is not None):
                raise InputError(f"{name}: line {line}: an alias or anchor (* or &); write the value itself")
            if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
                raise InputError(f"{name}: line {line}: a tag (!); expected plain values")
            if isinstance(event, yaml.ScalarEvent) and INTERPOLATION in event.value:
                raise InputError(f"{name}: line {line}: {INTERPOLATION}...}} is never resolved; write the value itself")
        return yaml.load(text, Loader=loader)
    except InputError:
        raise
    except yaml.constructor.ConstructorError as error:
        raise InputError(f"{name}: not YAML: a list or mapping in the place of a name") from error
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}" if error.problem_mark is not None else "at its end"
        raise InputError(f"{name}: not YAML ({where}: {' '.join(str(error.problem).split())[:120]})") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{name}: not YAML; expected names and values such as 'lips: {{epochs: 3}}'") from error


def read_yaml(path: Path) -> Any:
    """Read a YAML file, every word a string; raise InputError as `read_text` and `parse_yaml`."""
    return parse_yaml(read_text(path, most=MOST_YAML_BYTES), path)


# ---------------------------------------------------------------- NPZ


class _Refused(Exception):
    """What is wrong with an NPZ file, in words for people."""


def read_npz(path: Path) -> dict[str, Any]:
    """Read the arrays of an NPZ file, after a look at what their heads promise.

    Returns:
        name -> array of numbers or texts, in C order.

    Raises:
        InputError: no such file, no NPZ file, damaged; more than MOST_ARRAYS arrays or MOST_ARRAY_BYTES; two arrays
            of one name; or arrays of anything but numbers and texts.
    """
    path = Path(path)
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as packed:
            return dict(_read_members(packed))
    except _Refused as error:
        raise InputError(str(error)) from error
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise InputError(str(error.strerror)) from error
    except MemoryError:
        raise
    # Three readers of other people's (zip, deflate or LZMA, NPY) look at bytes that may be anything, and raise whatever
    # they stumble over.
    except Exception as error:
        raise InputError("damaged, cut short, or no NPZ file at all") from error


def _read_members(packed: zipfile.ZipFile) -> Iterator[tuple[str, Any]]:
    import numpy as np

    members = packed.infolist()
    if len(members) > MOST_ARRAYS:
        raise _Refused(f"{len(members)} arrays; expected at most {MOST_ARRAYS}")
    if sum(member.file_size for member in members) > MOST_ARRAY_BYTES:
        raise _Refused(f"arrays of more than {MOST_ARRAY_BYTES >> 30} GiB")
    seen: set[str] = set()
    for member in members:
        name = member.filename.removesuffix(".npy")
        if name in seen:
            raise _Refused(f"two arrays {_short(name)}")
        if not ARRAY_NAME.fullmatch(name) or name == "file":  # which NumPy cannot write
            raise _Refused(f"an array called {_short(name)}; expected a plain name")
        seen.add(name)
        with packed.open(member) as file:
            _check_head(file, name, member.file_size)
        with packed.open(member) as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
            file.read(1)  # at its end the zip file's own checksum is looked at
        yield name, np.asarray(array, order="C")


def _check_head(file: IO[bytes], name: str, size: int) -> None:
    """Raise _Refused unless an NPY file of `size` bytes holds what its head promises: plain values alone."""
    import numpy as np

    version = np.lib.format.read_magic(file)
    read_head = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_head(file)
    if dtype.hasobject:
        raise _Refused(f"the array {_short(name)} holds Python objects, which are never loaded")
    if dtype.kind not in PLAIN_KINDS:
        raise _Refused(f"the array {_short(name)} holds {dtype}; expected numbers or texts")
    promised = math.prod(shape) * dtype.itemsize
    if any(length < 0 for length in shape) or promised != size - file.tell():
        raise _Refused(f"the array {_short(name)} is damaged: its head promises {shown(promised)} bytes")


def _short(name: str) -> str:
    return ascii(name if len(name) <= 40 else name[:40] + "...")
