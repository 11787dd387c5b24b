"""From text, sound, phones or posteriors to lips."""

from typing import TYPE_CHECKING

from phonolips.moved import old_names

if not TYPE_CHECKING:
    __getattr__ = old_names(
        "synth",
        "synth.verbs",
        "synth.arguments",
        "synth.result",
        "synth.timing",
        "model.network",
        "phones.decode",
        "speech.words",
        "model.bundle",
    )
