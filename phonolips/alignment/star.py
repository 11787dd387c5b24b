"""Find one known word in running speech that nobody transcribed, and label the rest by listening.

The word's phones are found by forced alignment near the window in which a corpus says that it lies; on both sides
stands a *star*, a class that may be anything (Pratap, Hannun, Synnaeve and Collobert 2022). What a star costs decides
who gets the steps at the edges. Posteriors that name one phone for every step have no blank to
tell, so it is set against the likeliest phone of each step: a step of the word's may be so much less likely than
that, and no more. All constants were chosen on validation clips of GRID and LibriSpeech, in windows that were up to
0.16 s wrong at each edge.
"""

import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from phonolips.alignment.ctc import check_posteriors, confidence, log_posteriors, search, steps_needed
from phonolips.alignment.mfa import ACOUSTIC_MODEL, Mfa, Utterance
from phonolips.alignment.spoken import speech_only
from phonolips.alignment.tiers import EDGE_TOLERANCE_SECONDS, Alignment, Interval, write_textgrid
from phonolips.errors import InputError, PhonolipsError, PhonolipsWarning
from phonolips.phones import IGNORED_ID, NUM_PHONES, PHONE_IDS, SILENCE, SILENCE_ID, UNKNOWN
from phonolips.text import SpokenWord
from phonolips.timebase import (
    frames_to_samples,
    samples_to_frames,
    samples_to_seconds,
    samples_to_steps,
    seconds_to_samples,
    step_centres,
    steps_to_seconds,
)

if TYPE_CHECKING:
    from phonolips.corpus.records import Dropped, Record
    from phonolips.model.network import Network

SLACK_SECONDS = 0.16  # four frames: how wrong a window may be at each edge
STAR_COST = 1.0  # nats by which a star is less likely than a step's likeliest phone
WINDOW_TILT = 0.5  # nats by which it is yet less likely inside the window, and more likely outside
LEAST_WORD_CONFIDENCE = 0.2  # keeps 98 % of the true words and 16 % of wrong ones in the same window (LibriSpeech)
LEAST_SOFT_CONFIDENCE = 0.5  # steps above it: 77 %, 81 % of them right; below it: 39 % right (LibriSpeech)
STAR_ID = NUM_PHONES
IMPOSSIBLE = -1e4  # log probability; finite, so that sums stay numbers
BATCH_CLIPS = 64
MARGIN_SECONDS = 0.3  # of near-silence around a word that is cut out for MFA
MARGIN_LEVEL = 1e-4  # amplitude of its noise; exact zeros are no sound that MFA was trained on
MISFIT = "misfit"  # the kind of every refusal


class _Found(NamedTuple):
    """A word where it was found: the edges of its phones in steps, int64 (phones + 1,), and the path's sum."""

    word: SpokenWord
    edges: np.ndarray
    score: float


def align_word(
    posteriors: np.ndarray,
    word: SpokenWord | Sequence[SpokenWord],
    window: tuple[float, float],
    *,
    duration: float,
    slack: float = SLACK_SECONDS,
    least_confidence: float = LEAST_WORD_CONFIDENCE,
) -> Alignment:
    """Find the phones of one word near its window, with anything around it.

    The word begins and ends within `slack` of the window's edges, but where it is silent there, it may be shorter.
    Silence inside the word goes to the phone before. All that is not the word is `spn` in both tiers, silence too:
    see `soft_labels`.

    Args:
        posteriors: float (steps, NUM_PHONES), rows sum to 1, one row for each 10 ms.
        word: the word with its phones, or several pronunciations of it, of which the likeliest is taken.
        window: start and end of the word in seconds, about.
        duration: seconds; the alignment's length, no more than the steps.
        slack: seconds by which each edge of the window may be wrong.
        least_confidence: of the word, the mean over its phones; 0 takes whatever there is.

    Returns:
        an alignment with confidences: the mean posterior of each of the word's phones, 0 for `spn`.

    Raises:
        InputError: "misfit: ..." where the word cannot be there: no window inside the sound, too few steps, or
            posteriors that disagree; no words, or posteriors of another shape.
        MissingToolError: torchaudio is not installed.
    """
    posteriors = check_posteriors(posteriors)
    choices = speech_only([word] if isinstance(word, SpokenWord) else list(word))
    if not 0 < duration <= steps_to_seconds(len(posteriors)) + 1e-9:
        raise InputError(f"a clip of {duration:g} s; expected one that {len(posteriors)} steps of posteriors cover")
    name, (start, end) = choices[0].word, _check_window(window, duration, choices[0].word)
    logs = _with_star(posteriors, start, end, slack)
    near = int((logs[:, SILENCE_ID + 1 : NUM_PHONES].max(1) > IMPOSSIBLE).sum())
    tokens = [np.array([PHONE_IDS[phone] for phone in choice.phones]) for choice in choices]
    fitting = [(choice, ids) for choice, ids in zip(choices, tokens, strict=True) if steps_needed(ids) <= near]
    if not fitting:
        raise InputError(
            f"{MISFIT}: {name!r} has {min(map(len, tokens))} phones, but its window of {end - start:.2f} s with "
            f"{slack:g} s on both sides has {near} steps; check the word's times"
        )
    found = max((_find(logs, choice, ids) for choice, ids in fitting), key=lambda result: result.score)
    alignment = _build(found, duration)
    confidences = tuple(0.0 if p.label == UNKNOWN else confidence(p, posteriors) for p in alignment.phones)
    heard = float(np.mean([c for c, p in zip(confidences, alignment.phones, strict=True) if p.label != UNKNOWN]))
    if heard < least_confidence:
        raise InputError(
            f"{MISFIT}: {name!r} is not heard from {start:.2f} to {end:.2f} s: its phones have a confidence of "
            f"{heard:.2f}; expected at least {least_confidence:g}"
        )
    return replace(alignment, confidences=confidences)


def pronounce(record: "Record", *, language: str = "en-us") -> list[SpokenWord]:
    """List the ways to say the one word that is known of a record, the usual one first.

    Raises:
        InputError: "misfit: ..." where the record has no times of a word, or of several; a word that cannot be said.
    """
    from phonolips.text import text_to_phones
    from phonolips.text.lexicon import pronunciations

    if len(record.words) != 1:
        raise InputError(f"{MISFIT}: {len(record.words)} words with known times; expected one, with the rest unknown")
    word = record.words[0][0]
    spoken = speech_only(text_to_phones(word, language=language))
    usual = tuple(phone for part in spoken for phone in part.phones)
    others = pronunciations(word) if language.startswith("en") else []
    return [SpokenWord(word, phones) for phones in dict.fromkeys((usual, *others))]


def align_record(record: "Record", network: "Network", *, language: str = "en-us") -> Alignment:
    """Find the known word of a record by listening.

    Args:
        record: with `words` = ((word, start, end),).
        network: its ears listen.
        language: of the word, for its pronunciation.

    Raises:
        InputError: as `pronounce` and `align_word`; the sound cannot be read.
        MissingToolError: torchaudio is not installed.
    """
    from phonolips.audio import read

    choices = pronounce(record, language=language)
    waveform = read(Path(record.audio))
    ((_, posteriors),) = hear([waveform], network)
    return align_word(posteriors, choices, record.words[0][1:], duration=samples_to_seconds(len(waveform)))


def align_records(
    records: "Sequence[Record]",
    out: Path,
    *,
    aligner: str = "auto",
    network: "Network | None" = None,
    language: str = "en-us",
    model: str | Path = ACOUSTIC_MODEL,
    jobs: int = 1,
) -> "list[Dropped]":
    """Find the known word of every record, writing `out/<record.id>.TextGrid`; those that are there are kept.

    Args:
        records: clips in which one word is known, with its time.
        out: a folder; made where it is not there.
        aligner: "mfa", on the cut-out words; "ctc", our own ears, and so is "sphinx", which knows no star; "auto" is
            mfa where it is installed.
        network: whose ears; None = the model in the package.
        language: of the words.
        model: MFA's acoustic model, by name or file.
        jobs: processes that MFA may use.

    Returns:
        The clips without a TextGrid, and why. Warnings about a clip's sound are given on.

    Raises:
        InputError: an unknown aligner; a run of MFA that failed as a whole.
        MissingToolError: the aligner that was asked for is not installed.
    """
    from phonolips.alignment import choose_aligner
    from phonolips.corpus.records import Dropped

    paths = {record.id: Path(out) / f"{record.id}.TextGrid" for record in records}
    waiting = [record for record in records if not paths[record.id].is_file()]
    results: Iterable[tuple[str, Alignment | str]]
    if choose_aligner(aligner, model=model) == "mfa":
        results = _align_cuts(waiting, language, model, jobs)
    else:
        if network is None and waiting:
            from phonolips.synth import load_network

            network = load_network()
        batches = (waiting[first : first + BATCH_CLIPS] for first in range(0, len(waiting), BATCH_CLIPS))
        results = (result for batch in batches for result in _align_heard(batch, network, language))  # type: ignore[arg-type]
    dropped = []
    for name, result in results:
        if isinstance(result, str):
            dropped.append(Dropped(name, result))
        else:
            write_textgrid(result, paths[name])
    return dropped


def hear(waveforms: Sequence[np.ndarray], network: "Network") -> Iterator[tuple[int, np.ndarray]]:
    """Listen to short clips, those of one length together, which is faster than one by one.

    Args:
        waveforms: float32 (samples,), 16 kHz.
        network: its ears listen.

    Yields:
        the place in `waveforms` and posteriors float32 (steps, phones), as many steps as cover the clip.
    """
    import torch

    from phonolips.audio.features import log_mel

    by_length: dict[int, list[int]] = {}
    for place, waveform in enumerate(waveforms):
        by_length.setdefault(frames_to_samples(samples_to_frames(len(waveform))), []).append(place)
    for samples, places in by_length.items():
        mel = np.stack([log_mel(np.pad(waveforms[place], (0, samples - len(waveforms[place])))) for place in places])
        with torch.inference_mode():
            posteriors = network.audio_encoder.posteriors(torch.from_numpy(mel)).numpy()
        for place, rows in zip(places, posteriors, strict=True):
            yield place, rows[: samples_to_steps(len(waveforms[place]))]


def soft_labels(
    posteriors: np.ndarray, labels: np.ndarray, *, least_confidence: float = LEAST_SOFT_CONFIDENCE
) -> np.ndarray:
    """Take the ears' posteriors as labels where the phone is unknown and the ears are sure enough.

    Args:
        posteriors: float (steps, NUM_PHONES), rows sum to 1.
        labels: int (steps,), phone ids; IGNORED_ID where nobody knows.
        least_confidence: the least greatest posterior of a step that is taken.

    Returns:
        float16 (steps, NUM_PHONES); zeros where the label is known, and where it is not and the ears do not know
        either.

    Raises:
        InputError: posteriors of another shape than the labels, or not finite.
    """
    posteriors = check_posteriors(posteriors)
    labels = np.asarray(labels)
    if labels.shape != posteriors.shape[:1]:
        raise InputError(f"labels of shape {labels.shape} for {len(posteriors)} steps; expected one a step")
    taken = (labels == IGNORED_ID) & (posteriors.max(1, initial=0.0) >= least_confidence)
    return np.where(taken[:, None], posteriors, 0.0).astype(np.float16)


def _check_window(window: tuple[float, float], duration: float, word: str) -> tuple[float, float]:
    """Cut a window to the clip; raise InputError where nothing is left."""
    start, end = (float(time) for time in window)
    low, high = max(start, 0.0), min(end, duration)
    if not (math.isfinite(start) and math.isfinite(end) and low < high):
        raise InputError(
            f"{MISFIT}: {word!r} from {start:g} to {end:g} s in a clip of {duration:.2f} s; "
            "expected a start before the end, both in the clip"
        )
    return low, high


def _with_star(posteriors: np.ndarray, start: float, end: float, slack: float) -> np.ndarray:
    """Add the star as a last column, and one step of star at both ends; float32 (steps + 2, NUM_PHONES + 1).

    Far from the window no phone of the word is possible, deep inside it no star.
    """
    logs = log_posteriors(posteriors)
    times = step_centres(len(logs))
    inside = (times >= start) & (times < end)
    star = logs.max(1) - STAR_COST + np.where(inside, -WINDOW_TILT, WINDOW_TILT)
    star[(times >= start + slack) & (times < end - slack)] = IMPOSSIBLE
    logs[(times < start - slack) | (times >= end + slack), SILENCE_ID + 1 :] = IMPOSSIBLE
    edge = np.full((1, STAR_ID + 1), IMPOSSIBLE)
    edge[0, STAR_ID] = 0.0
    return np.concatenate([edge, np.c_[logs, star], edge]).astype(np.float32)


def _find(logs: np.ndarray, word: SpokenWord, tokens: np.ndarray) -> _Found:
    """Find the best path star, word, star."""
    starts, ends, score = search(logs, np.array([STAR_ID, *tokens, STAR_ID]))
    return _Found(word, np.append(starts[1:-1], ends[-2]) - 1, score)


def _build(found: _Found, duration: float) -> Alignment:
    """Make the tiers: the word, and `spn` before and after it."""
    edges = [min(float(steps_to_seconds(int(edge))), duration) for edge in found.edges]
    phones = [Interval(*item) for item in zip(found.word.phones, edges[:-1], edges[1:], strict=True)]
    return _surround([Interval(found.word.word, edges[0], edges[-1])], phones, duration)


def _surround(words: Sequence[Interval], phones: Sequence[Interval], duration: float) -> Alignment:
    """Put `spn` before and after what is known."""
    before, after = Interval(UNKNOWN, 0.0, phones[0].start), Interval(UNKNOWN, phones[-1].end, duration)

    def whole(tier: Sequence[Interval]) -> list[Interval]:
        return [item for item in (before, *tier, after) if item.duration > EDGE_TOLERANCE_SECONDS]

    return Alignment.build(whole(words), whole(phones), duration)


def _align_heard(
    records: "Sequence[Record]", network: "Network", language: str
) -> Iterator[tuple[str, Alignment | str]]:
    """Align some clips with our own ears; yield (id, alignment or the reason)."""
    clips = []
    for record in records:
        try:
            clips.append((record, pronounce(record, language=language), _read(record)))
        except PhonolipsError as error:
            yield record.id, str(error)
    for place, posteriors in hear([waveform for _, _, waveform in clips], network):
        record, choices, waveform = clips[place]
        duration = samples_to_seconds(len(waveform))
        try:
            yield record.id, align_word(posteriors, choices, record.words[0][1:], duration=duration)
        except InputError as error:
            yield record.id, str(error)


def _align_cuts(
    records: "Sequence[Record]", language: str, model: str | Path, jobs: int
) -> Iterator[tuple[str, Alignment | str]]:
    """Align some clips with MFA, which gets the windows alone; yield (id, alignment or the reason)."""
    cuts: dict[str, tuple[float, float]] = {}  # id: start of the window, and the clip's length, in seconds
    utterances = []
    for record in records:
        try:
            word, waveform = pronounce(record, language=language)[0], _read(record)
            duration = samples_to_seconds(len(waveform))
            start, end = _check_window(record.words[0][1:], duration, word.word)
        except PhonolipsError as error:
            yield record.id, str(error)
            continue
        first = seconds_to_samples(start)
        cuts[record.id] = (samples_to_seconds(first), duration)
        sound = _between_margins(waveform[first : seconds_to_samples(end)])
        utterances.append(Utterance(record.id, record.speaker or "unknown", sound, (word,)))
    for name, result in Mfa().align(utterances, model=model, jobs=jobs):
        if isinstance(result, str):
            yield name, f"{MISFIT}: {result}"
        else:
            yield name, _shift_back(result, *cuts[name])


def _read(record: "Record") -> np.ndarray:
    """Read a clip's sound, giving warnings on with the clip's name."""
    from phonolips.audio import read

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        waveform = read(Path(record.audio))
    for item in caught:
        kind = item.category
        text = f"{record.id}: {item.message}" if issubclass(kind, PhonolipsWarning) else str(item.message)
        warnings.warn(text, kind, stacklevel=3)
    return waveform


def _between_margins(sound: np.ndarray) -> np.ndarray:
    """Put a cut-out word between two margins of near-silence, float32, always the same."""
    margin = seconds_to_samples(MARGIN_SECONDS)
    noise = np.random.default_rng(0).normal(0.0, MARGIN_LEVEL, 2 * margin).astype(np.float32)
    return np.concatenate([noise[:margin], sound, noise[margin:]])


def _shift_back(found: Alignment, start: float, duration: float) -> Alignment | str:
    """Put the alignment of a cut-out word to its place in the clip; the reason where it is none."""
    shift = start - samples_to_seconds(seconds_to_samples(MARGIN_SECONDS))
    spoken = [place for place, phone in enumerate(found.phones) if phone.label != SILENCE]
    if not spoken or any(found.phones[place].label == UNKNOWN for place in spoken):
        return f"{MISFIT}: MFA found no phones of the word"

    def moved(item: Interval) -> Interval:
        low, high = (min(max(time + shift, 0.0), duration) for time in (item.start, item.end))
        return Interval(item.label, low, high)

    phones = [moved(phone) for phone in found.phones[spoken[0] : spoken[-1] + 1]]
    words = [moved(word) for word in found.speech_words()]
    try:
        return _surround(words, phones, duration)
    except InputError as error:
        return f"{MISFIT}: {error}"
