"""Formats of other programs, one small writer each."""

from typing import TYPE_CHECKING

from phonolips.moved import old_names

if not TYPE_CHECKING:
    __getattr__ = old_names("export", "export.formats")
