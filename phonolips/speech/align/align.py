"""Find when each phone is said: three aligners behind one function.

`mfa` is the Montreal Forced Aligner, a program of its own and the most exact; `sphinx` is pocketsphinx,
always there; `ctc` uses the posteriors of a network's encoder.
"""

import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phonolips.errors import InputError, PhonolipsError, PhonolipsWarning, did_you_mean
from phonolips.phones.intervals import Alignment
from phonolips.speech.align.mfa import ACOUSTIC_MODEL, Mfa
from phonolips.speech.align.mfa_corpus import Utterance

if TYPE_CHECKING:
    from phonolips.speech.align.ctc import PhoneEncoder
    from phonolips.speech.align.sphinx import Sphinx


ALIGNERS = ("auto", "mfa", "sphinx", "ctc")


def choose_aligner(aligner: str = "auto", *, model: str | Path = ACOUSTIC_MODEL) -> str:
    """Return the name of an aligner; "auto" becomes the best one that is installed: mfa, otherwise sphinx.

    Warns where MFA is there but cannot be used (too old, or its model is not downloaded).

    Raises:
        InputError: a name that is none of ALIGNERS.
    """
    if aligner not in ALIGNERS:
        raise InputError(f"aligner {aligner!r}; expected one of {', '.join(ALIGNERS)}{did_you_mean(aligner, ALIGNERS)}")
    if aligner != "auto":
        return aligner
    mfa = Mfa()
    if not mfa.is_available():
        return "sphinx"
    try:
        mfa.version()
        mfa.find_model(model)
    except PhonolipsError as error:
        warnings.warn(f"aligning with pocketsphinx, because {error}", PhonolipsWarning, stacklevel=2)
        return "sphinx"
    return "mfa"


def align(
    waveform: np.ndarray,
    text: str,
    *,
    aligner: str = "auto",
    language: str = "en-us",
    network: "PhoneEncoder | None" = None,
    model: str | Path = ACOUSTIC_MODEL,
) -> Alignment:
    """Find when each word and phone of a text is said.

    Args:
        waveform: float32 (samples,), 16 kHz, [-1, 1].
        text: what is said, plain words.
        aligner: one of ALIGNERS; "auto" is mfa where it is installed, otherwise sphinx.
        language: the text's language, for its pronunciation.
        network: whose encoder "ctc" uses; the others need none.
        model: MFA's acoustic model, by name or file.

    Raises:
        InputError: nothing to say, silence, too short a sound, or a text that cannot be fitted to it.
        MissingToolError: the aligner that was asked for is not installed.
    """
    from phonolips.media.audio import SILENCE_LEVEL, check_waveform
    from phonolips.speech.text.g2p import text_to_phones

    chosen = choose_aligner(aligner, model=model)
    sound = check_waveform(waveform)
    words = text_to_phones(text, language=language)
    if np.abs(sound).max() < SILENCE_LEVEL:
        raise InputError("the sound is silent throughout; there is nothing to align the text with")
    if chosen == "sphinx":
        return open_sphinx().align(sound, words)
    if chosen == "ctc":
        if network is None:
            raise InputError("aligner 'ctc' needs network, whose encoder makes the posteriors")
        from phonolips.speech.align.ctc import align_waveform

        return align_waveform(sound, words, network)
    ((_, result),) = Mfa().align([Utterance("utterance", "speaker", sound, words)], model=model, jobs=1)
    if isinstance(result, str):
        raise InputError(result)
    return result


@cache
def open_sphinx() -> "Sphinx":
    """Keep one pocketsphinx for each process; loading its models takes longer than a short clip."""
    from phonolips.speech.align.sphinx import Sphinx

    return Sphinx()
