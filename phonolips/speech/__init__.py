"""What is said: sound, words, text, aligners, synthesisers."""

from typing import TYPE_CHECKING

from phonolips.moved import old_names

if not TYPE_CHECKING:
    __getattr__ = old_names("speech", "speech.tts.speak", "speech.tts.spoken")
