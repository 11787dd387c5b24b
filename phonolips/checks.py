"""Checks of what a caller hands in: numbers, texts and arrays that are what their argument says, or an InputError."""

import math
import os
import unicodedata
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from phonolips.errors import InputError

LONGEST_SHOWN = 40  # characters of a wrong value that a message shows
NUMBERS = "biuf"  # NumPy's kinds of arrays that hold real numbers


def shown(value: object) -> str:
    """Write a wrong value for a message: on one line, and cut where it is long; an array by its kind and shape."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape}"
    if isinstance(value, list | tuple | dict | set) and len(value) > 8:
        return f"a {type(value).__name__} of {len(value)} entries"
    try:
        text = repr(value[: 4 * LONGEST_SHOWN]) if isinstance(value, str | bytes) else ascii(value)
    except ValueError:  # an integer of more digits than Python writes
        text = f"a {type(value).__name__} of very many digits"
    return shortened(text)


def shortened(text: str, most: int = LONGEST_SHOWN) -> str:
    """Write a text for a message: on one line, without lone surrogates, and cut where it is long."""
    line = " ".join(text[: 4 * most].encode("utf-8", "backslashreplace").decode().split())
    return line if len(line) <= most else f"{line[:most]}..."


def check_number(value: object, name: str, expected: str, least: float = -math.inf, most: float = math.inf) -> float:
    """Return a number of a caller's; raise InputError unless it is a finite one from `least` to `most`.

    Args:
        value: of whatever type.
        name: of the argument, for the message.
        expected: what is expected, for the message.
        least: the least that may be.
        most: the most that may be.
    """
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if not isinstance(value, Real) or isinstance(value, bool):
        raise InputError(f"{name} is {shown(value)}; expected {expected}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not (math.isfinite(number) and least <= number <= most):
        raise InputError(f"{name} {shown(value)}; expected {expected}")
    return number


def check_text(value: object, name: str, example: str) -> str:
    """Return a text of a caller's; raise InputError, with an example, where it is something else."""
    if not isinstance(value, str):
        raise InputError(f"{name} is {shown(value)}; expected a text such as {example}")
    return value


def check_path(value: object, name: str, expected: str) -> Path:
    """Return a path of a caller's; raise InputError where it is something else."""
    if not isinstance(value, str | os.PathLike):
        raise InputError(f"{name} is {shown(value)}; expected {expected}")
    path = os.fspath(value)
    if not isinstance(path, str) or any(unicodedata.category(character) == "Cc" for character in path):
        raise InputError(f"{name} is {shown(path)}; expected {expected}")
    return Path(path)


def check_array(
    value: Any, name: str, expected: str, *, shape: Sequence[int | None] | None = None, dtype: Any = np.float32
) -> np.ndarray:
    """Return an array of finite numbers of a caller's, or from a file.

    Args:
        value: an array, or nested lists of numbers.
        name: of the argument, or the array in a file, for the message.
        expected: what is expected, for the message.
        shape: of every axis, None = any; None = any shape.
        dtype: what is returned.

    Returns:
        an array of `dtype`; `value` itself where it is one already.

    Raises:
        InputError: anything but real numbers, another shape, NaN or infinity (also where a number is too large for
            `dtype`).
    """
    try:
        given = np.asarray(value)
    except (ValueError, TypeError, OverflowError) as error:  # lists of different lengths, and what else is no array
        raise InputError(f"{name} is {shown(value)}; expected {expected}") from error
    if given.dtype.kind not in NUMBERS:
        raise InputError(f"{name} is {shown(given if given.ndim else value)}; expected {expected}")
    fits = shape is None or (
        given.ndim == len(shape) and all(size in (None, found) for size, found in zip(shape, given.shape, strict=True))
    )
    if not fits:
        raise InputError(f"{name} of shape {given.shape}; expected {expected}")
    with np.errstate(over="ignore", invalid="ignore"):
        array = given.astype(dtype, copy=False)
    if not np.isfinite(array).all():
        raise InputError(f"{name} holds NaN, infinity or a number beyond {np.dtype(dtype)}; expected {expected}")
    return array
