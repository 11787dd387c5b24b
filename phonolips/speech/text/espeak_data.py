"""What the package espeakng-loader carries, read from its files without starting the library."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from phonolips.errors import MissingToolError


def load_package() -> Any:
    """Import the package that carries the library; raise MissingToolError where it is not installed."""
    try:
        import espeakng_loader
    except ImportError as error:
        raise MissingToolError(
            "espeak-ng's library is not installed; install it with: pip install espeakng-loader"
        ) from error
    return espeakng_loader


@cache
def voice_names() -> dict[str, str]:
    """Map the code of each voice of a language, as phonemizer writes it, to its name."""
    return {code: name for code, (name, _) in _read_voices().items()}


@cache
def voice_files() -> dict[str, str]:
    """Map the code of each voice, in small letters, to its file, as the library names it."""
    return {code.lower(): file for code, (_, file) in _read_voices().items()}


@cache
def _read_voices() -> dict[str, tuple[str, str]]:
    """Map the first code of each voice to its name and its file."""
    folder = Path(load_package().get_data_path()) / "lang"
    found: dict[str, tuple[str, str]] = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        text = path.read_text("utf-8", "replace")
        code = re.search(r"^language\s+(\S+)", text, re.MULTILINE)
        name = re.search(r"^name\s+(.*\S)", text, re.MULTILINE)
        if code:
            found.setdefault(code[1], (name[1] if name else code[1], path.relative_to(folder).as_posix()))
    return found
