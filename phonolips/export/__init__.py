"""Formats of other programs, one small writer each."""

from phonolips.moved import old_names

__getattr__ = old_names("export", "export.formats")
