"""Measures, reference methods, and reports."""
