"""Speak a text: synthesisers behind one interface."""
