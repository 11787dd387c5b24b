"""Reading sound, and its log-mel features."""

from phonolips.audio.io import read, read_blocks

__all__ = ["read", "read_blocks"]
