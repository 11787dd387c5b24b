"""Plain text as espeak-ng itself reads it: speech whose phone times are known, to measure aligners and make corpora."""

import numpy as np

from phonolips.errors import InputError
from phonolips.speech.tts.espeak.events import SpokenPhone, read_marks
from phonolips.speech.tts.espeak.library import open_library, to_waveform


def speak_plain(
    text: str, voice: str = "en-us", rate: int = 160, pitch: int = 50, pitch_range: int = 50
) -> tuple[np.ndarray, list[SpokenPhone]]:
    """Speak a text as espeak-ng reads it.

    A process that says the same things in the same order gets the same samples; saying one thing twice does
    not, as espeak-ng keeps some state (times then differ by less than a millisecond).

    Args:
        text: plain words.
        voice: a voice of espeak-ng such as `en-us`, `en-gb-x-rp`, `en-us+f3`.
        rate: words per minute, 80 to 450.
        pitch: 0 to 100.
        pitch_range: 0 (monotone) to 100.

    Returns:
        The waveform, float32 (samples,) at 16 kHz in [-1, 1], and its phones in order and edge on edge, in IPA
        without stress (`split_phones` names them in ARPAbet); pauses are gaps.

    Raises:
        InputError: nothing was said, or the voice is unknown.
        MissingToolError: espeakng-loader is not installed.
    """
    with open_library() as library:
        library.set_voice(voice, rate, pitch, pitch_range)
        sound, marks = library.speak(text)
        phones, _ = read_marks(marks, sound, library.sample_rate)
        if not phones:
            raise InputError(f"espeak-ng found nothing to say in {text!r}")
        return to_waveform(sound, library.sample_rate), phones
