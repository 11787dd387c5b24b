"""The layer in between: phones, alignments, posteriors. NumPy only."""
