"""The layer in between: phones, alignments, posteriors. NumPy only."""

from typing import TYPE_CHECKING

from phonolips.moved import old_names

if not TYPE_CHECKING:
    __getattr__ = old_names("phones", "phones.inventory", "phones.sounds")
