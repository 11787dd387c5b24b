"""From text, sound, phones or posteriors to lips."""

from phonolips.moved import old_names

__getattr__ = old_names(
    "synth",
    "synth.verbs",
    "synth.result",
    "synth.timing",
    "model.network",
    "phones.decode",
    "speech.words",
    "model.bundle",
)
