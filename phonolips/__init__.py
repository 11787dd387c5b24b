"""Speech or text to lip movement, through a phonetic layer that people can see and edit.

    import phonolips
    result = phonolips.from_text("bin blue at f two now")
    result.lips            # float32 (frames, 40, 2), mouth space
    result.posteriors      # float32 (steps, 40): the layer in between
    result.save("demo")    # the files that the command line writes

Nothing heavy is imported before it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from phonolips import moved

__version__ = "0.1.0"

if TYPE_CHECKING:
    from phonolips.editing.edit import edit
    from phonolips.errors import (
        CheckpointError,
        CorpusError,
        InputError,
        MissingToolError,
        PhonolipsError,
        PhonolipsWarning,
    )
    from phonolips.synth.adapt import adapt
    from phonolips.synth.folder import read_result as read
    from phonolips.synth.result import Result
    from phonolips.synth.stream import Stream
    from phonolips.synth.verbs import from_alignment, from_audio, from_phones, from_posteriors, from_text

__all__ = [
    "CheckpointError",
    "CorpusError",
    "InputError",
    "MissingToolError",
    "PhonolipsError",
    "PhonolipsWarning",
    "Result",
    "Stream",
    "adapt",
    "edit",
    "from_alignment",
    "from_audio",
    "from_phones",
    "from_posteriors",
    "from_text",
    "read",
]

# Where the public names live: name -> (module, its name there).
_HOMES = {
    **{name: ("errors", name) for name in __all__ if name.endswith(("Error", "Warning"))},
    **{name: ("synth.verbs", name) for name in __all__ if name.startswith("from_")},
    "Result": ("synth.result", "Result"),
    "Stream": ("synth.stream", "Stream"),
    "adapt": ("synth.adapt", "adapt"),
    "edit": ("editing.edit", "edit"),
    "read": ("synth.folder", "read_result"),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'phonolips' has no attribute {name!r}")
    module, there = _HOMES[name]
    value = getattr(import_module(f"phonolips.{module}"), there)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List what is public."""
    return sorted((*__all__, "__version__"))


moved.install()
