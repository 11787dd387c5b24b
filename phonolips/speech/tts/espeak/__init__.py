"""espeak-ng: speech whose own phone times drive the lips."""
