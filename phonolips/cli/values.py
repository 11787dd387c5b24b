"""Read the plain values of a command's options without pydantic, which typer would load for them.

Loading it takes longer than all else that typer does. Whatever is no text, path or default goes typer's own way still,
and so does whatever it has to complain of.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any


def read_plain_values(command: Any) -> Any:
    """Let the options of a command line, as typer makes it, and of its commands read plain values; return it."""
    for one in (command, *getattr(command, "commands", {}).values()):
        one.get_params = partial(_plain_parameters, one.get_params)
    return command


def _plain_parameters(typers_own: Callable[[Any], list[Any]], context: Any) -> list[Any]:
    """Return the options of a command, --help among them."""
    parameters = typers_own(context)
    for parameter in parameters:
        # Earlier versions of typer know no pydantic; and one option may be asked for several times.
        if hasattr(parameter, "type_descriptor") and "process_value" not in vars(parameter):
            parameter.process_value = partial(_process, parameter, parameter.process_value)
    return parameters


def _process(parameter: Any, typers_own: Callable[[Any, Any], Any], context: Any, value: Any) -> Any:
    """Return the value of an option for its command, as `typers_own` does too, which is called where it is not plain.

    Args:
        parameter: the option.
        typers_own: its own `process_value`.
        context: of the command.
        value: as the user wrote it; its default, or None, where they left it out.
    """
    kind, info = parameter.type_descriptor.annotation, parameter.type_descriptor.parameter_info
    if info.parser is not None or (parameter.required and value is None):
        return typers_own(context, value)
    if value is None:
        value = () if parameter.multiple or parameter.nargs == -1 else None
    elif kind is Path and isinstance(value, str) and (not os.path.exists(value) or os.access(value, os.R_OK)):
        value = Path(value)
    elif type(value) is not kind or (kind not in (bool, str) and value != parameter.default):
        return typers_own(context, value)
    return value if parameter.callback is None else parameter.callback(context, parameter, value)
