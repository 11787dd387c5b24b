"""Measure whether what a text asks for is obeyed: times of subtitles, breaks and rates, in the lips and in the sound.

    python tools/bench/scripts.py [--backend espeak]

Times of the lips are those of the words and phones that they are made from; times of the sound are read off the samples
alone: where it rises above silence after the time asked for, and falls below it.
"""

import argparse
import warnings
from collections.abc import Sequence

import numpy as np

from phonolips.errors import PhonolipsWarning
from phonolips.model.network import load_network
from phonolips.phones.intervals import Alignment
from phonolips.speech.text.g2p import text_to_phones
from phonolips.speech.text.markup.ssml import RATES
from phonolips.speech.tts import speak
from phonolips.synth.timing import predict_alignment
from phonolips.timebase import SAMPLE_RATE

SILENT_LEVEL = 0.002  # of samples in [-1, 1]; espeak-ng's faintest fricatives are above
CUES = (
    (0.5, "Hello there."), (2.4, "How are you?"), (4.0, "I am fine."), (6.0, "Come in, the tea is ready."),
    (10.0, "Last year we bought a boat,"), (12.0, "and sailed it around the world."),
    (15.75, "My brother never came."), (18.0, "He was afraid of all that water, and of the animals in it."),
    (21.25, "But you can go."), (30.0, "Goodbye!"),
)  # fmt: skip
END_SECONDS = 35.0
BREAKS = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 5.0, 10.0)
SENTENCE = "an early owl in every elm"  # begins and ends in voiced sounds


def subtitles() -> str:
    """Write the cues as SubRip."""

    def clock(seconds: float) -> str:
        return f"00:{int(seconds) // 60:02}:{int(seconds) % 60:02},{round(seconds % 1 * 1000):03}"

    ends = [start for start, _ in CUES[1:]] + [END_SECONDS]
    blocks = zip(range(1, len(CUES) + 1), CUES, ends, strict=True)
    return "\n".join(f"{n}\n{clock(start)} --> {clock(end)}\n{text}\n" for n, (start, text), end in blocks)


def say(text: str, backend: str) -> tuple[Alignment, Alignment, np.ndarray]:
    """Return predicted times, spoken ones, and the sound."""
    network = load_network()
    row = network.speaker_row(None)
    words = text_to_phones(text)
    spoken = speak.speak_words(
        words, backend=backend, predict=lambda some, rate: predict_alignment(network, some, row, rate)
    )
    return predict_alignment(network, words, row), spoken.alignment, spoken.waveform


def loud_times(sound: np.ndarray) -> np.ndarray:
    """Return the times of all samples above silence, in seconds."""
    return np.flatnonzero(np.abs(sound) >= SILENT_LEVEL) / SAMPLE_RATE


def row(name: str, errors: Sequence[float]) -> str:
    """Write a line of the table: how many, and their median and largest size, in ms."""
    sizes = np.abs(np.array(errors)) * 1000
    return f"| {name} | {len(sizes)} | {np.median(sizes):.1f} | {sizes.max():.1f} |"


def bench(backend: str) -> list[str]:
    """Measure one synthesiser beside the predicted times; return a table."""
    lines = [f"### {backend}", "", "| what | times | median error, ms | largest, ms |", "|---|---|---|---|"]
    predicted, spoken, sound = say(subtitles(), backend)
    loud = loud_times(sound)
    for name, alignment in (("predicted", predicted), (backend, spoken)):
        starts = [min(w.start for w in alignment.speech_words() if w.start >= at - 0.005) - at for at, _ in CUES]
        lines.append(row(f"start of a subtitle, lips, {name}", starts))
    lines.append(
        row(f"start of a subtitle, sound, {backend}", [loud[np.searchsorted(loud, at)] - at for at, _ in CUES])
    )
    early = sum(bool(((loud < at) & (loud > at - 0.02)).any()) for at, _ in CUES if at not in (2.4,))
    lines.append(f"| subtitles that sound before their time, {backend} | {len(CUES)} | {early} | |")
    beyond = [alignment.duration - END_SECONDS for alignment in (predicted, spoken)]
    lines.append(row("length beyond the end of the last subtitle", beyond))

    text = "<speak>" + "".join(f'{SENTENCE} <break time="{seconds}s"/> ' for seconds in BREAKS) + f"{SENTENCE}</speak>"
    predicted, spoken, sound = say(text, backend)
    loud = loud_times(sound)
    count = len(SENTENCE.split())
    for name, alignment in (("predicted", predicted), (backend, spoken)):
        words = alignment.speech_words()
        found = [words[(n + 1) * count].start - words[(n + 1) * count - 1].end for n in range(len(BREAKS))]
        lines.append(row(f"length of a break, lips, {name}", np.subtract(found, BREAKS).tolist()))
    words = spoken.speech_words()
    silences = []
    for n in range(len(BREAKS)):
        middle = (words[(n + 1) * count].start + words[(n + 1) * count - 1].end) / 2
        place = np.searchsorted(loud, middle)
        silences.append(loud[place] - loud[place - 1])
    lines.append(row(f"length of a break, sound, {backend}", np.subtract(silences, BREAKS).tolist()))

    lines += ["", "| rate asked for | lips, predicted | sound and lips, " + backend + " |", "|---|---|---|"]
    for name, rate in RATES.items():
        predicted, spoken, _ = say(f'<speak><prosody rate="{name}">{SENTENCE}</prosody></speak>', backend)
        lengths = [each.speech_words()[-1].end - each.speech_words()[0].start for each in (predicted, spoken)]
        plain, aloud, _ = say(SENTENCE, backend)
        base = [each.speech_words()[-1].end - each.speech_words()[0].start for each in (plain, aloud)]
        lines.append(f"| {name} {rate:g} | {base[0] / lengths[0]:.2f} | {base[1] / lengths[1]:.2f} |")
    return [*lines, ""]


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", nargs="+", default=["espeak"], choices=speak.BACKENDS)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", PhonolipsWarning)
    for backend in arguments.backend:
        print("\n".join(bench(backend)))


if __name__ == "__main__":
    main()
