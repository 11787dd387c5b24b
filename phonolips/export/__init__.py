"""Formats of other programs, one small writer each."""
