"""The command line: every command is one function call, and every flag one of its arguments.

Nothing but the end of a command is imported before it can be ended; `commands` has the commands.
"""

import sys
from typing import TYPE_CHECKING, Any

from phonolips.cli import ending

if TYPE_CHECKING:
    from phonolips.cli.commands import COMMANDS, app

__all__ = ["COMMANDS", "app", "main"]


def __getattr__(name: str) -> Any:
    """Import the commands when they are first asked for (PEP 562)."""
    if name not in ("COMMANDS", "app"):
        raise AttributeError(f"module 'phonolips.cli' has no attribute {name!r}")
    from phonolips.cli import commands

    return getattr(commands, name)


def main() -> None:
    """Run the command line; expected errors are one line and exit code 1, bugs keep their traceback."""
    ending.prepare()
    from phonolips.cli.commands import run

    status = run(sys.argv[1:])
    if status:
        sys.exit(status)
