"""What the backends say of a piece of work: its name, and that it kills whoever works on it."""

from phonolips.errors import PhonolipsError

LONGEST_NAME = 120  # characters of a piece's name in messages


def deadly(item: object, deaths: int) -> PhonolipsError:
    """Return the error for a piece of work over which `deaths` workers died, one after another."""
    name = str(item)
    name = name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}..."
    return PhonolipsError(
        f"{name}: {deaths} workers were killed over it, one after another (out of memory?); "
        "run the same command again to go on, with fewer workers or more memory for each"
    )
