"""From text, sound, phones or posteriors to lips."""
