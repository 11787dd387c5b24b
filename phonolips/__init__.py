"""Speech or text to lip movement, through a phonetic layer that people can see and edit."""

__version__ = "0.1.0"
