"""Find when each phone of a text is said: three aligners behind one function.

`mfa` is the Montreal Forced Aligner, a program of its own; `ctc` uses the posteriors of a network's encoder, and is
always there; `sphinx` is pocketsphinx, which the extra [align] brings. That encoder also judges, whichever aligner
works, whether the text is what is said: see `judge`. docs/alignment.md has how exact they are, which "auto" goes by.
"""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from phonolips.errors import InputError, PhonolipsError, PhonolipsWarning, did_you_mean
from phonolips.phones.intervals import Alignment
from phonolips.phones.inventory import UNKNOWN
from phonolips.speech.align.fit import TextFit, WordFit, confidence, measure_fit
from phonolips.speech.align.mfa import ACOUSTIC_MODEL, Mfa
from phonolips.speech.align.mfa_corpus import Utterance
from phonolips.timebase import samples_to_seconds

if TYPE_CHECKING:
    from phonolips.speech.align.ctc import PhoneEncoder
    from phonolips.speech.align.sphinx import Sphinx
    from phonolips.speech.text.own_words import LexiconArgument
    from phonolips.speech.words import SpokenWord


ALIGNERS = ("auto", "mfa", "sphinx", "ctc")
DESCRIBED = {"sphinx": "pocketsphinx", "ctc": "the model's own encoder (ctc)"}
# Chosen on the tuning speakers of tools/bench/text_fit.py; the shares are those of other held-out ones (70 utterances).
LEAST_FIT = 0.27  # of a text: 1 % of right ones are below, 5 % in noise of 10 dB; 100 % of other texts, in noise too
LEAST_WORD_FIT = 0.08  # of a word: 4 % of right ones are below, 5 % in noise of 10 dB; 86 % of another text's
# Words for which there is no time: in none of 105 right texts, in none of 210 in noise of 10 dB, in 2 of 210 in noise
# of 0 dB; in 96 % of 210 with three or more words too many.
CRAMMED_PHONE_SECONDS = 0.025  # of their phones on average, where the encoder hears something
CRAMMED_FIT = 0.018
LEAST_CRAMMED_PHONES = 4  # of such words in a row: an unstressed "to" may well be lost
LEAST_CRAMMED_IN_A_GOOD_TEXT = 8  # the same, where the text fits: names said in another way, and slips, have up to 5
MOST_NAMED_WORDS = 8


class Judged(NamedTuple):
    """An alignment, and how well the encoder thinks that its words fit the sound.

    Args:
        alignment: words and phones; with confidences where an encoder was given.
        fit: of the words; None without an encoder.
    """

    alignment: Alignment
    fit: TextFit | None

    def with_times_of(self, found: Alignment, posteriors: np.ndarray) -> "Judged":
        """Take the times that another aligner found for the same words, with the encoder's confidences.

        Where there is speech beyond the words, the encoder's own times stay: other aligners spread the words over it.
        """
        if unsaid_seconds(self.alignment):
            return self
        return self._replace(alignment=with_confidences(found, posteriors))

    def doubtful_words(self) -> list[WordFit]:
        """List the words that the encoder does not find where they are: fit under LEAST_WORD_FIT."""
        return [] if self.fit is None else [word for word in self.fit.words if word.fit < LEAST_WORD_FIT]


def choose_aligner(aligner: str = "auto", *, model: str | Path = ACOUSTIC_MODEL, encoder: bool = True) -> str:
    """Return the name of an aligner; "auto" becomes the most exact one that is there: mfa, else ctc.

    Without an encoder, which ctc needs, that is sphinx where it is installed. Warns where MFA is there but cannot be
    used (too old, or its model is not downloaded).

    Args:
        aligner: one of ALIGNERS.
        model: MFA's acoustic model, by name or file.
        encoder: whether the caller has a network, whose encoder ctc needs.

    Raises:
        InputError: a name that is none of ALIGNERS.
        MissingToolError: "sphinx", which is not installed.
    """
    if aligner not in ALIGNERS:
        raise InputError(f"aligner {aligner!r}; expected one of {', '.join(ALIGNERS)}{did_you_mean(aligner, ALIGNERS)}")
    if aligner == "sphinx":
        open_sphinx().version()
    if aligner != "auto":
        return aligner
    mfa = Mfa()
    why = ""
    if mfa.is_available():
        try:
            mfa.version()
            mfa.find_model(model)
            return "mfa"
        except PhonolipsError as error:
            why = str(error)
    chosen = "sphinx" if not encoder and open_sphinx().is_available() else "ctc"
    if why:
        warnings.warn(f"aligning with {DESCRIBED[chosen]}, because {why}", PhonolipsWarning, stacklevel=2)
    return chosen


def align(
    waveform: np.ndarray,
    text: str,
    *,
    aligner: str = "auto",
    language: str = "en-us",
    network: "PhoneEncoder | None" = None,
    model: str | Path = ACOUSTIC_MODEL,
    lexicon: "LexiconArgument" = None,
    text_format: str = "auto",
) -> Alignment:
    """Find when each word and phone of a text is said, and doubt it where the encoder finds other words.

    With a network, every phone has a confidence, the mean posterior over its time; speech that is none of the words
    is `spn`; and there are warnings: of such speech, and of a text that fits the sound badly.

    Args:
        waveform: float32 (samples,), 16 kHz, [-1, 1].
        text: what is said, plain words.
        aligner: one of ALIGNERS; "auto" is mfa where it is installed, else ctc; without a network sphinx.
        language: the text's language, for its pronunciation.
        network: whose encoder judges the fit, and aligns where the aligner is "ctc". None with another aligner: no
            confidences, and any text is taken.
        model: MFA's acoustic model, by name or file.
        lexicon: words of the user's own, see `speech.text.own_words.read_lexicon`.
        text_format: what the text is, one of `speech.text.markup.read.TEXT_FORMATS`; only its words count.

    Raises:
        InputError: nothing to say, silence, too short a sound, or a text that cannot be fitted to it.
        MissingToolError: the aligner that was asked for is not installed.
    """
    return align_and_judge(
        waveform,
        text,
        aligner=aligner,
        language=language,
        network=network,
        model=model,
        lexicon=lexicon,
        text_format=text_format,
    ).alignment


def align_and_judge(
    waveform: np.ndarray,
    text: str,
    *,
    aligner: str = "auto",
    language: str = "en-us",
    network: "PhoneEncoder | None" = None,
    model: str | Path = ACOUSTIC_MODEL,
    lexicon: "LexiconArgument" = None,
    text_format: str = "auto",
) -> Judged:
    """Find when each word and phone of a text is said, and how well they fit; arguments and errors of `align`."""
    from phonolips.media.audio import SILENCE_LEVEL, check_waveform
    from phonolips.speech.text.g2p import text_to_phones

    chosen = choose_aligner(aligner, model=model, encoder=network is not None)
    sound = check_waveform(waveform)
    words = text_to_phones(text, language=language, lexicon=lexicon, text_format=text_format)
    if np.abs(sound).max() < SILENCE_LEVEL:
        raise InputError("the sound is silent throughout; there is nothing to align the text with")
    if network is None:
        if chosen == "ctc":
            raise InputError("aligner 'ctc' needs network, whose encoder makes the posteriors")
        return Judged(_align_words(sound, words, chosen, model), None)
    posteriors = network.posteriors(sound)
    own = judge(posteriors, words, duration=samples_to_seconds(len(sound)))
    if chosen == "ctc" or unsaid_seconds(own.alignment):
        return own
    return own.with_times_of(_align_words(sound, words, chosen, model), posteriors)


def _align_words(sound: np.ndarray, words: "Sequence[SpokenWord]", chosen: str, model: str | Path) -> Alignment:
    """Align with an aligner that needs no encoder: "sphinx" or "mfa"."""
    if chosen == "sphinx":
        return open_sphinx().align(sound, words)
    ((_, result),) = Mfa().align([Utterance("utterance", "speaker", sound, words)], model=model, jobs=1)
    if isinstance(result, str):
        raise InputError(result)
    return result


def judge(posteriors: np.ndarray, words: "Sequence[SpokenWord]", *, duration: float) -> Judged:
    """Align words with posteriors, and judge whether they are what is said.

    Warns of speech beyond the words, which is `spn` in the alignment, and of words that fit badly.

    Args:
        posteriors: float (steps, NUM_PHONES), rows sum to 1.
        words: what is said; pauses among them are ignored.
        duration: of the sound, in seconds.

    Raises:
        InputError: as `align_posteriors` does; and several words for which there is no time in the sound.
    """
    from phonolips.speech.align.ctc import align_posteriors

    alignment = align_posteriors(posteriors, words, duration=duration)
    fit = measure_fit(posteriors, alignment)
    crammed = find_crammed(fit)
    if crammed:
        raise InputError(
            f"could not be found in the sound: {_name_words(crammed)}; the text must hold what is said and no more"
        )
    _warn_of_unsaid(alignment)
    if fit.fit < LEAST_FIT:
        worst = min(fit.words, key=lambda word: word.fit).word
        warnings.warn(
            f"the text fits the sound badly: {fit.fit:.3f}, expected {LEAST_FIT} to 1, least of all {worst.label!r} at "
            f"{worst.start:.2f} s; check that this is what is said",
            PhonolipsWarning,
            stacklevel=3,
        )
    return Judged(alignment, fit)


def find_crammed(fit: TextFit) -> list[WordFit]:
    """List the words that are crammed into a place without time for them: runs of several phones, all too short."""
    least = LEAST_CRAMMED_PHONES if fit.fit < LEAST_FIT else LEAST_CRAMMED_IN_A_GOOD_TEXT
    crammed: list[WordFit] = []
    run: list[WordFit] = []
    for word in (*fit.words, None):
        if word is not None and word.phone_seconds <= CRAMMED_PHONE_SECONDS and word.fit < CRAMMED_FIT:
            run.append(word)
            continue
        if sum(item.phones for item in run) >= least:
            crammed += run
        run = []
    return crammed


def unsaid_seconds(alignment: Alignment) -> float:
    """Return how many seconds of speech are in no word (`spn`)."""
    return float(sum(phone.duration for phone in alignment.phones if phone.label == UNKNOWN))


def with_confidences(alignment: Alignment, posteriors: np.ndarray) -> Alignment:
    """Give each phone of an alignment its mean posterior as confidence, 0 to 1; that of `spn` is 0."""
    return replace(alignment, confidences=tuple(confidence(phone, posteriors) for phone in alignment.phones))


def _warn_of_unsaid(alignment: Alignment) -> None:
    """Warn of speech that is in no word."""
    places = [phone for phone in alignment.phones if phone.label == UNKNOWN]
    if not places:
        return
    where = ", ".join(f"{item.start:.2f} to {item.end:.2f}" for item in places[:3])
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    warnings.warn(
        f"{unsaid_seconds(alignment):.2f} s of speech beyond the transcript, at {where} s{more}: marked {UNKNOWN}, "
        "unknown; check that the text holds all that is said",
        PhonolipsWarning,
        stacklevel=4,
    )


def _name_words(words: Sequence[WordFit]) -> str:
    """Name some words, not too many."""
    named = " ".join(word.word.label for word in words[:MOST_NAMED_WORDS])
    more = f" and {len(words) - MOST_NAMED_WORDS} more" if len(words) > MOST_NAMED_WORDS else ""
    return f'"{named}"{more}'


@cache
def open_sphinx() -> "Sphinx":
    """Keep one pocketsphinx for each process; loading its models takes longer than a short clip."""
    from phonolips.speech.align.sphinx import Sphinx

    return Sphinx()
