"""New words with times: predicted, or from somebody or something that says them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from phonolips.editing.recording import align_words
from phonolips.editing.sound import Voice
from phonolips.editing.timeline import Take
from phonolips.editing.words import Change, check_words
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import SILENCE
from phonolips.phones.sounds import phones_to_ids
from phonolips.speech.words import without_pauses, words_with_phones

if TYPE_CHECKING:
    from phonolips.model.network import Network
    from phonolips.speech.text.own_words import LexiconArgument
    from phonolips.speech.words import SpokenWord

LEAST_RATE, MOST_RATE = 0.5, 2.0  # of a synthesiser that keeps to the speaker's pace


class VoiceSource(NamedTuple):
    """Where the sound of new words comes from, and how words are found in a sound.

    Args:
        sound: a recording of the whole new sentence, by the same speaker at best: it gives the new words their sound
            and their times.
        speak: a synthesiser of `speech.tts` to say the new words; without it and `sound` they are silent.
        voice: of that synthesiser, as it names it; None = its own choice.
        aligner: which one finds the words in a sound, see `speech.align.align`.
        language: of both texts.
        lexicon: words of the user's own, see `speech.text.own_words.read_lexicon`.
    """

    sound: Path | None = None
    speak: str | None = None
    voice: str | None = None
    aligner: str = "auto"
    language: str = "en-us"
    lexicon: "LexiconArgument" = None


def predict_takes(
    network: "Network", sentence: "Sequence[SpokenWord]", changes: Sequence[Change], row: int, pace: float
) -> list[Take]:
    """Predict the times of the new words of every change within the whole new sentence.

    Args:
        network: for its durations.
        sentence: the new sentence with its pauses; those between two new words are kept.
        changes: from `find_changes`.
        row: of the speaker table.
        pace: factor on all times, from `speaking_pace`.
    """
    predicted = network.durations.predict([phones_to_ids(word.phones) for word in sentence], row)
    places = [place for place, word in enumerate(sentence) if any(phone != SILENCE for phone in word.phones)]
    takes = []
    for change in changes:
        words: list[Interval] = []
        phones: list[Interval] = []
        edge = 0.0
        chosen = places[change.new_first : change.new_last]
        for place in range(chosen[0], chosen[-1] + 1) if chosen else ():
            word = sentence[place]
            if word.phones == (SILENCE,):
                edge += word.pause_seconds
                continue
            start = edge
            for phone, seconds in zip(word.phones, predicted[place], strict=True):
                phones.append(Interval(phone, edge, edge + pace * seconds))
                edge = phones[-1].end
            words.append(Interval(word.word, start, edge))
        takes.append(Take(tuple(words), tuple(phones), float(edge)))
    return takes


def find_voice(
    network: "Network",
    sentence: "Sequence[SpokenWord]",
    text: str,
    row: int,
    pace: float,
    source: VoiceSource,
) -> tuple[Voice | None, str | None]:
    """Get the new sentence as sound: from a file, from a synthesiser at the speaker's pace, or not at all.

    Args:
        network: for its durations, which say what a synthesiser's own pace is worth.
        sentence: with its pauses.
        text: the same as written.
        row: of the speaker table.
        pace: of the speaker, from `speaking_pace`.
        source: where the sound comes from.

    Returns:
        the voice and its name, or None and None.

    Raises:
        InputError: a sound in which the sentence cannot be found, no such synthesiser or voice.
        MissingToolError: the synthesiser or aligner is not installed.
    """
    if source.sound is not None:
        from phonolips.media.audio import read

        waveform = read(source.sound)
        alignment = align_words(
            waveform, text, f"{source.sound}", source.aligner, source.language, network, source.lexicon
        )
        check_words(alignment.speech_words(), sentence, f"{source.sound}")
        return Voice(waveform, alignment, source.sound), source.sound.name
    if source.speak is None:
        return None, None
    from phonolips.speech.tts import speak as speech
    from phonolips.synth.timing import predict_alignment

    how: dict[str, Any] = {"backend": source.speak, "voice": source.voice, "language": source.language}

    def predict(words: "Sequence[SpokenWord]", rate: float) -> Alignment:
        return predict_alignment(network, words, row, rate / pace)

    said = speech.speak_words(sentence, predict=predict, **how)
    check_words(said.alignment.speech_words(), sentence, f"synthesiser {source.speak}")
    if said.timing != speech.OURS:
        own = sum(phone.duration for _, phones in words_with_phones(said.alignment) for phone in phones)
        wanted = network.durations.predict([phones_to_ids(word.phones) for word in without_pauses(sentence)], row)
        rate = float(np.clip(own / (pace * sum(part.sum() for part in wanted)), LEAST_RATE, MOST_RATE))
        said = speech.speak_words(sentence, rate=rate, predict=predict, **how)
    return Voice(said.waveform, said.alignment), f"synthesiser {source.speak}"


def voice_start(voice: Voice, change: Change) -> float:
    """Return where in a voice's sound the new words of a change begin, in seconds; 0 for a removal."""
    return 0.0 if change.is_removal else voice.alignment.speech_words()[change.new_first].start


def take_of(voice: Voice, change: Change) -> Take:
    """Take the new words of a change, with their times, from a voice; an empty one for a removal."""
    if change.is_removal:
        return Take((), (), 0.0)
    words = voice.alignment.speech_words()[change.new_first : change.new_last]
    start, end = words[0].start, words[-1].end
    phones = [
        phone
        for phone in voice.alignment.phones
        if phone.label != SILENCE and start <= (phone.start + phone.end) / 2 < end
    ]
    moved = [
        tuple(item._replace(start=max(item.start, start) - start, end=min(item.end, end) - start) for item in tier)
        for tier in (words, phones)
    ]
    return Take(moved[0], moved[1], end - start)
