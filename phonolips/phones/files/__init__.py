"""Alignment files of other programs: one reader a kind of file, and `read.read_alignment`, which decides by content."""
