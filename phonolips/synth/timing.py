"""When each phone of some words is said: predicted durations, or given times that must fit the words."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from phonolips.errors import InputError
from phonolips.lips.motion import Emphasis, word_factor
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import SILENCE
from phonolips.phones.sounds import phones_to_ids
from phonolips.speech.tts.spoken import EDGE_SECONDS
from phonolips.timebase import seconds_to_steps, steps_to_seconds

if TYPE_CHECKING:
    from phonolips.model.network import Network
    from phonolips.speech.words import SpokenWord


def check_durations(words: "Sequence[SpokenWord]", durations: Alignment) -> None:
    """Refuse times of other phones than those of the words; raise InputError."""
    wanted = [phone for word in words for phone in word.phones if phone != SILENCE]
    found = durations.phone_sequence()
    if wanted != found:
        at = next((i for i, (a, b) in enumerate(zip(wanted, found, strict=False)) if a != b), -1)
        where = f"phone {at + 1} is {found[at]}, not {wanted[at]}" if at >= 0 else "one of them ends early"
        raise InputError(
            f"`durations` holds {len(found)} phones and the text {len(wanted)}: {where}; "
            "give a TextGrid of this text, or speak the TextGrid's own phones with `textgrid`"
        )


def predict_alignment(
    network: "Network",
    words: "Sequence[SpokenWord]",
    speaker_row: int,
    rate: float = 1.0,
    emphasis: Emphasis | None = None,
) -> Alignment:
    """Predict a time for every phone of some words, with a little silence before and after.

    Pauses last as the words say, and emphasised words longer; phone edges fall on whole steps.

    Args:
        network: for its duration predictor.
        words: with their phones; pauses are words with the silence phone.
        speaker_row: of the network's speaker table.
        rate: 2.0 speaks twice as fast.
        emphasis: word, or its place among those that are no pauses -> factor.
    """
    predicted = network.durations.predict([phones_to_ids(word.phones) for word in words], speaker_row, rate)
    exact = EDGE_SECONDS  # the time so far, and the step edge that stands for it
    edge = seconds_to_steps(exact)
    word_tier: list[Interval] = []
    phone_tier: list[Interval] = []
    for word, lengths in zip(words, predicted, strict=True):
        if word.phones == (SILENCE,):
            exact += word.pause_seconds / rate
            edge = max(edge, seconds_to_steps(exact))
            continue
        start = edge
        longer = word_factor(word.word, len(word_tier), emphasis or {})
        for phone, length in zip(word.phones, lengths, strict=True):
            exact += longer * length
            first, edge = edge, max(edge + 1, seconds_to_steps(exact))
            phone_tier.append(Interval(phone, steps_to_seconds(first), steps_to_seconds(edge)))
        word_tier.append(Interval(word.word, steps_to_seconds(start), steps_to_seconds(edge)))
    return Alignment.build(word_tier, phone_tier, steps_to_seconds(edge + seconds_to_steps(EDGE_SECONDS)))
