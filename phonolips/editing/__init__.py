"""Editing a recording by its transcript."""
