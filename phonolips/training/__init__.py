"""Fitting the networks with SpeechBrain."""
