"""How long pauses and lips are: a pause follows the rate, the lips end with what ends first."""

import math

import numpy as np
import pytest

from phonolips.phones.inventory import NUM_PHONES, SILENCE, SILENCE_ID
from phonolips.synth import verbs as synth
from phonolips.timebase import SAMPLE_RATE, STEP_SECONDS

PAUSE_SECONDS = 0.2  # of `sil` among phones


@pytest.mark.parametrize("rate", [0.5, 1.0, 2.0, 4.0])
def test_a_pause_between_words_follows_the_rate(rate):
    phones = synth.from_phones("B IH N sil N AW", rate=rate).alignment.phones
    pauses = [phone.end - phone.start for phone in phones[1:-1] if phone.label == SILENCE]
    assert pauses == [pytest.approx(PAUSE_SECONDS / rate, abs=STEP_SECONDS + 1e-6)]


@pytest.mark.parametrize("fps", [25, 30])
@pytest.mark.parametrize(("steps", "sound_seconds"), [(100, 0.8), (100, 1.2), (80, None)])
def test_lips_last_as_long_as_the_shorter_of_sound_and_posteriors(fps, steps, sound_seconds):
    posteriors = np.zeros((steps, NUM_PHONES), np.float32)
    posteriors[:, SILENCE_ID] = 1.0
    sound = None if sound_seconds is None else np.zeros(round(sound_seconds * SAMPLE_RATE), np.float32)
    result = synth.from_posteriors(posteriors, waveform=sound, fps=fps)
    seconds = min(steps / 100, math.inf if sound_seconds is None else sound_seconds)
    assert len(result.lips) == math.ceil(seconds * fps - 1e-9)
