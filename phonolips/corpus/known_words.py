"""Find the known word of every clip of a corpus in which one word of each clip is known (LRW)."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phonolips.corpus.layout import textgrid_path
from phonolips.corpus.prepare.loaded import network_of
from phonolips.corpus.records import Dropped, Record
from phonolips.errors import InputError, PhonolipsError, PhonolipsWarning
from phonolips.model.stream import encode_clips
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import SILENCE, UNKNOWN
from phonolips.phones.textgrid import write_textgrid
from phonolips.speech.align.align import choose_aligner, with_confidences
from phonolips.speech.align.known_word import MISFIT, align_word, check_window, surround
from phonolips.speech.align.mfa import ACOUSTIC_MODEL, Mfa
from phonolips.speech.align.mfa_corpus import Utterance
from phonolips.speech.text.markup.read import PLAIN
from phonolips.speech.words import SpokenWord, words_to_align
from phonolips.timebase import samples_to_seconds, seconds_to_samples

if TYPE_CHECKING:
    from phonolips.model.network import Network
    from phonolips.speech.text.own_words import LexiconArgument

BATCH_CLIPS = 64
MARGIN_SECONDS = 0.3  # of near-silence around a word that is cut out for MFA
MARGIN_LEVEL = 1e-4  # amplitude of its noise; exact zeros are no sound that MFA was trained on


def pronounce(record: Record, *, language: str = "en-us", lexicon: "LexiconArgument" = None) -> list[SpokenWord]:
    """List the pronunciations of the one word that is known of a record, the usual one first.

    Raises:
        InputError: "misfit: ..." where the record has no times of a word, or of several; a word that cannot be said.
    """
    from phonolips.speech.text.g2p import text_to_phones
    from phonolips.speech.text.lexicon import pronunciations

    if len(record.words) != 1:
        raise InputError(f"{MISFIT}: {len(record.words)} words with known times; expected one, with the rest unknown")
    word = record.words[0][0]
    spoken = words_to_align(text_to_phones(word, language=language, lexicon=lexicon, text_format=PLAIN))
    usual = tuple(phone for part in spoken for phone in part.phones)
    others = pronunciations(word) if language.startswith("en") else []
    return [SpokenWord(word, phones) for phones in dict.fromkeys((usual, *others))]


def align_records(
    records: Sequence[Record],
    out: Path,
    *,
    aligner: str = "auto",
    network: "Network | None" = None,
    language: str = "en-us",
    model: str | Path = ACOUSTIC_MODEL,
    jobs: int = 1,
    lexicon: "LexiconArgument" = None,
) -> list[Dropped]:
    """Find the known word of every record, writing `out/<record.id>.TextGrid`; existing files are kept.

    Args:
        records: clips in which one word is known, with its time.
        out: a folder; created where it is missing.
        aligner: "mfa", on the cut-out words; "ctc", the encoder of `network`, which also stands in for "sphinx", since
            that knows no wildcard; "auto" is mfa where it is installed.
        network: the model whose encoder aligns, and gives the confidences; None = the one in the package.
        language: of the words.
        model: MFA's acoustic model, by name or file.
        jobs: processes that MFA may use.
        lexicon: words of the user's own, see `speech.text.own_words.read_lexicon`.

    Returns:
        The clips without a TextGrid, and why. Warnings about a clip's sound are passed on.

    Raises:
        InputError: an unknown aligner; a run of MFA that failed as a whole.
        MissingToolError: the aligner that was asked for is not installed.
    """
    waiting = [record for record in records if not textgrid_path(out, record.id).is_file()]
    results: Iterable[tuple[str, Alignment | str]]
    if choose_aligner(aligner, model=model) == "mfa":
        results = _align_cuts(waiting, network, language, model, jobs, lexicon)
    else:
        results = _align_encoded(waiting, network, language, lexicon)
    dropped = []
    for name, result in results:
        if isinstance(result, str):
            dropped.append(Dropped(name, result))
        else:
            write_textgrid(result, textgrid_path(out, name))
    return dropped


def _align_encoded(
    records: Sequence[Record], network: "Network | None", language: str, lexicon: "LexiconArgument"
) -> Iterator[tuple[str, Alignment | str]]:
    """Align clips with the encoder of a network, a batch at a time; yield (id, alignment or the reason)."""
    if network is None and records:
        from phonolips.model.network import load_network

        network = load_network()
    for first in range(0, len(records), BATCH_CLIPS):
        assert network is not None
        yield from _align_batch(records[first : first + BATCH_CLIPS], network, language, lexicon)


def _align_batch(
    records: Sequence[Record], network: "Network", language: str, lexicon: "LexiconArgument"
) -> Iterator[tuple[str, Alignment | str]]:
    clips = []
    for record in records:
        try:
            clips.append((record, pronounce(record, language=language, lexicon=lexicon), _read(record)))
        except PhonolipsError as error:
            yield record.id, str(error)
    for place, posteriors in encode_clips([waveform for _, _, waveform in clips], network):
        record, choices, waveform = clips[place]
        duration = samples_to_seconds(len(waveform))
        try:
            yield record.id, align_word(posteriors, choices, record.words[0][1:], duration=duration)
        except InputError as error:
            yield record.id, str(error)


def _align_cuts(
    records: Sequence[Record],
    network: "Network | None",
    language: str,
    model: str | Path,
    jobs: int,
    lexicon: "LexiconArgument",
) -> Iterator[tuple[str, Alignment | str]]:
    """Align some clips with MFA, which gets the windows alone; yield (id, alignment or the reason).

    The confidences are those of the network's encoder.
    """
    cuts: dict[str, tuple[float, float]] = {}  # id: start of the window, and the clip's length, in seconds
    utterances = []
    by_id = {record.id: record for record in records}
    for record in records:
        try:
            word, waveform = pronounce(record, language=language, lexicon=lexicon)[0], _read(record)
            duration = samples_to_seconds(len(waveform))
            start, end = check_window(record.words[0][1:], duration, word.word)
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
            found = _shift_back(result, *cuts[name])
            if isinstance(found, Alignment):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # what there is to say of the sound was said
                    sound = _read(by_id[name])
                found = with_confidences(found, (network or network_of(None)).posteriors(sound))
            yield name, found


def _read(record: Record) -> np.ndarray:
    """Read a clip's sound, passing warnings on with the clip's name."""
    from phonolips.media.audio import read

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
    """Move the alignment of a cut-out word to its place in the clip; return the reason where it is none."""
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
        return surround(words, phones, duration)
    except InputError as error:
        return f"{MISFIT}: {error}"
