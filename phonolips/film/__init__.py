"""Films of a run: drawn lips, and lips on a face."""
