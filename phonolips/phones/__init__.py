"""The layer in between: phones, alignments, posteriors. NumPy only."""

from phonolips.moved import old_names

__getattr__ = old_names("phones", "phones.inventory")
