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
    from phonolips.synth.result import Result, read_run
    from phonolips.synth.verbs import from_alignment, from_audio, from_phones, from_posteriors, from_text

# Public name -> (module, name there).
_PUBLIC = {
    "from_text": ("synth.verbs", "from_text"),
    "from_audio": ("synth.verbs", "from_audio"),
    "from_phones": ("synth.verbs", "from_phones"),
    "from_alignment": ("synth.verbs", "from_alignment"),
    "from_posteriors": ("synth.verbs", "from_posteriors"),
    "Result": ("synth.result", "Result"),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562)."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'phonolips' has no attribute {name!r}")
    module, there = _PUBLIC[name]
    return getattr(import_module(f"phonolips.{module}"), there)


def __dir__() -> list[str]:
    return sorted((*_PUBLIC, "__version__"))
