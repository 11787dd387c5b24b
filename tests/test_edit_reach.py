"""How far around new words the lips are made anew, found by walking from the cut in small steps."""

import numpy as np
import pytest

from phonolips.editing.timeline import LEAST_ZONE_SECONDS, Take, make_timeline
from phonolips.editing.words import Change
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import BILABIALS

FPS = 200
TICK = 0.001
WORDS = ("before", "old", "after")


def sentence(*words: str, seconds: float = 0.05) -> Alignment:
    """Three words of phones of equal length, the words next to each other, in half a second of silence."""
    edge, word_tier, phone_tier = 0.5, [], []
    for label, phones in zip(WORDS, words, strict=True):
        start = edge
        for phone in phones.split():
            phone_tier.append(Interval(phone, edge, edge + seconds))
            edge += seconds
        word_tier.append(Interval(label, start, edge))
    return Alignment.build(word_tier, phone_tier, edge + 0.5)


def walk(recorded: Alignment, cut: float, step: float, reach_seconds: float) -> float:
    """Go from the cut until a b, m or p, the middle of the word there, or the reach stops it."""
    word = next(w for w in recorded.words if w.start < cut + 10 * step < w.end)
    middle = (word.start + word.end) / 2
    time = cut
    while abs(time - cut) < reach_seconds - TICK / 2 and abs(time - middle) > TICK / 2:
        label = next(p.label for p in recorded.phones if p.start <= time + step / 2 < p.end)
        if label in BILABIALS:
            break
        time += step
    return abs(time - cut)


SIDES = ["T EH S T EH S T EH", "M EH S T EH S T EH", "T EH S T M EH S T", "T EH S T EH S P EH", "T EH S T EH S T B",
         "B AA B AA B AA B AA", "T B", "B T", "AA"]  # fmt: skip


@pytest.mark.parametrize("reach_seconds", [0.06, 0.3])
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("other", ["T EH S T EH S T EH", "B AA B AA B AA B AA"])
@pytest.mark.parametrize("back", [True, False])
def test_lips_are_made_anew_up_to_a_closure(side, other, reach_seconds, back):
    mirrored = " ".join(reversed(side.split()))
    before, after = (side, other) if back else (other, mirrored)
    recorded = sentence(before, "R EH D R EH D", after)
    old = recorded.speech_words()[1]
    new = Take((Interval("new", 0.0, 0.3),), (Interval("EH", 0.0, 0.3),), 0.3)
    assert old.end - old.start == pytest.approx(new.seconds), "nothing moves"
    assert new.seconds > LEAST_ZONE_SECONDS, "the zone is not widened to the least that there is"
    frames = round(recorded.duration * FPS)
    timeline = make_timeline(recorded, frames, FPS, [Change(1, 2, 1, 2)], [new], reach_seconds=reach_seconds)
    (zone,) = timeline.zones
    first, last = zone.first / FPS, zone.last / FPS
    expected_first = old.start - walk(recorded, old.start, -TICK, reach_seconds)
    expected_last = old.end + walk(recorded, old.end, TICK, reach_seconds)
    assert (first, last) == pytest.approx((expected_first, expected_last), abs=1 / FPS)


def test_every_frame_that_is_made_anew_spares_the_closures_beside_it():
    rng = np.random.default_rng(0)
    new = Take((Interval("new", 0.0, 0.3),), (Interval("EH", 0.0, 0.3),), 0.3)
    for _ in range(50):
        words = [" ".join(rng.choice(["B", "M", "P", "AA", "T", "S"], 6)) for _ in WORDS]
        recorded = sentence(*words)
        old = recorded.speech_words()[1]
        frames = round(recorded.duration * FPS)
        (zone,) = make_timeline(recorded, frames, FPS, [Change(1, 2, 1, 2)], [new], reach_seconds=0.2).zones
        centres = (np.arange(zone.first, zone.last) + 0.5) / FPS
        beside = [time for time in centres if not old.start - 0.5 / FPS <= time < old.end + 0.5 / FPS]
        labels = {p.label for time in beside for p in recorded.phones if p.start <= time < p.end}
        assert not labels & set(BILABIALS)
