"""Damaged and malicious inputs for everything that reads: run with pytest, or `python tests/fuzz/run.py`."""
