"""What is said: sound, words, text, aligners, synthesisers."""

from phonolips.moved import old_names

__getattr__ = old_names("speech", "speech.tts.speak", "speech.tts.spoken")
