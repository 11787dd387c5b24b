"""Closures by construction: lips close in b, m and p whatever the decoder makes, and nearly in f and v."""

import numpy as np
import pytest

from phonolips.lips.closures import (
    BELIEVED,
    CLOSED_OPENING,
    CLOSURES,
    close_heard,
    close_phones,
    closing_beliefs,
    quick_heights,
)
from phonolips.lips.measures import inner_gaps, opening
from phonolips.lips.shapes import close_lips
from phonolips.model.anticipation import ANTICIPATION_STEPS, AnticipateStage, anticipate
from phonolips.model.motion import ClosureStage, QuickClosureStage, RestStage
from phonolips.model.network import load_network
from phonolips.model.stages import EncoderOutput
from phonolips.phones.intervals import Interval
from phonolips.phones.inventory import NUM_PHONES, PHONE_IDS, PHONES
from phonolips.phones.posteriors import labels_to_posteriors
from phonolips.synth import verbs

B, M, P, F, AA = (PHONE_IDS[phone] for phone in ("B", "M", "P", "F", "AA"))


@pytest.fixture(scope="module")
def wide_open() -> np.ndarray:
    """A mouth that never closes, 4 s at 25 frames a second."""
    made = verbs.from_text("ah", rest="natural").lips
    return np.repeat(made[opening(made).argmax()][None], 100, axis=0)


def test_what_closes_and_how_far():
    assert [{PHONES[phone] for phone in closure.phones} for closure in CLOSURES] == [{"F", "V"}, {"B", "M", "P"}]
    assert [closure.opening for closure in CLOSURES] == [0.06, CLOSED_OPENING]


@pytest.mark.parametrize("fps", [10, 24, 25, 29.97, 60, 240])
@pytest.mark.parametrize("seconds", [0.004, 0.01, 0.05, 0.121, 0.3])
def test_lips_that_never_close_do_in_every_p(wide_open, fps, seconds):
    """Wherever the phone begins between two frames; a phone that no frame falls into closes the nearest one."""
    for start in np.arange(1.0, 1.1, 0.0073):
        phones = [Interval("AA", 0, start), Interval("P", start, start + seconds), Interval("AA", start + seconds, 4)]
        closed = close_phones(np.repeat(wide_open[:1], int(4 * fps), axis=0), phones, fps)
        times = (np.arange(len(closed)) + 0.5) / fps
        heights = opening(closed)
        inside = (times >= start) & (times < start + seconds)
        inside[np.abs(times - start - seconds / 2).argmin()] |= not inside.any()
        assert heights[inside].min() < 0.019
        beyond = (times < start - 0.07 - 1 / fps) | (times > start + seconds + 0.07 + 1 / fps)
        np.testing.assert_array_equal(closed[beyond], np.repeat(wide_open[:1], beyond.sum(), axis=0))
        assert inner_gaps(closed).min() > -1e-6


def test_a_long_m_is_shut_all_along_and_two_in_a_row_between_them(wide_open):
    one = [Interval("AA", 0, 1), Interval("M", 1, 2), Interval("AA", 2, 4)]
    heights = opening(close_phones(wide_open, one, 25.0))
    assert heights[27:48].max() < 0.01
    two = [Interval("AA", 0, 1), Interval("M", 1, 1.1), Interval("B", 1.1, 1.16), Interval("AA", 1.16, 4)]
    heights = opening(close_phones(wide_open, two, 100 / 1.0)[:100])
    times = (np.arange(100) + 0.5) / 100
    assert (heights[times > 2] > 0.1).all()
    fine = opening(close_phones(np.repeat(wide_open[:1], 400, axis=0), two, 100.0))
    assert fine[105:113].max() < 0.01


def test_closures_are_smooth(wide_open):
    phones = [Interval("AA", 0, 1), Interval("P", 1, 1.08), Interval("AA", 1.08, 4)]
    heights = opening(close_phones(np.repeat(wide_open[:1], 960, axis=0), phones, 240.0))
    full = heights.max()
    fastest = np.abs(np.diff(heights)).max() * 240
    assert fastest < 1.05 * full * np.pi / 2 / 0.06  # of a cosine of 60 ms
    assert np.abs(np.diff(heights, 2)).max() < 1.05 * full / 2 * (np.pi / 0.06 / 240) ** 2


def test_what_is_closed_already_stays_as_it_is(wide_open):
    phones = [Interval("P", 0, 1), Interval("F", 1, 2), Interval("AA", 2, 4)]
    shut = close_phones(wide_open, phones, 25.0)
    again = close_phones(shut, phones, 25.0)
    held = [*range(4, 21), *range(30, 46)]
    np.testing.assert_allclose(again[held], shut[held], atol=1e-4)
    f = opening(shut[30:46])
    assert f.max() == pytest.approx(CLOSURES[0].opening, abs=1e-3)
    upper = [int(point) for point in range(40) if np.allclose(shut[40, point], wide_open[40, point])]
    assert len(upper) >= 20  # of an f the lower lip does it all


def test_what_was_heard_closes_as_surely_as_it_was(wide_open):
    labels = np.full(400, AA)
    labels[100:108] = P
    open_height = float(opening(wide_open[0]))
    for belief, share in ((1.0, 1.0), (BELIEVED, 1.0), (BELIEVED / 2, 0.5), (0.0, 0.0)):
        posteriors = np.full((400, NUM_PHONES), 0.0, np.float32)
        posteriors[:, AA] = 1.0
        posteriors[100:108, AA], posteriors[100:108, P] = 1 - belief, belief
        heights = opening(close_heard(wide_open, labels, closing_beliefs(posteriors), 25.0))
        assert heights.min() == pytest.approx(open_height - share * (open_height - CLOSED_OPENING), abs=2e-3)
        away = close_heard(wide_open, np.full(400, AA), closing_beliefs(posteriors), 25.0)  # not read: not closed
        assert np.array_equal(away, wide_open)


def moving_mouth(rng: np.random.Generator, frames: int) -> np.ndarray:
    """A mouth that opens and closes at random."""
    made = verbs.from_text("ah", rest="natural").lips
    wide, shut = made[opening(made).argmax()].astype(np.float64), made[opening(made).argmax()].astype(np.float64)
    shut = close_lips(shut)
    lips = shut + rng.uniform(0, 1, (frames, 1, 1)) * (wide - shut)
    return lips.astype(np.float32)


def random_labels(rng: np.random.Generator, steps: int) -> np.ndarray:
    phones = rng.choice([0, AA, B, M, P, F], 200)
    return np.repeat(phones, rng.integers(1, 30, 200))[:steps]


def brute_openings(lips: np.ndarray, labels: np.ndarray, beliefs: np.ndarray, fps: float) -> np.ndarray:
    """Openings after f and v, and b, m and p, frame by frame: each closure lowers what is around it."""
    times, openings = (np.arange(len(lips)) + 0.5) / fps, opening(lips).astype(float)
    by = np.zeros(len(lips))
    for kind, closure in enumerate(CLOSURES):
        first = 0
        while first < len(labels):
            last = first
            while last < len(labels) and labels[last] == labels[first]:
                last += 1
            windows = [(first, last)] if last - first <= 12 else [(at, at + 12) for at in range(first, last - 11)]
            for start, end in windows if labels[first] in closure.phones else ():
                inside = [frame for frame, time in enumerate(times) if start / 100 <= time < end / 100]
                inside = inside or [int(np.abs(times - (start + end) / 200).argmin())]
                most = min(float(beliefs[start:end, kind].max()) / BELIEVED, 1)
                excess = most * (min(openings[inside]) - closure.opening)
                low, high = min(start / 100, times[inside[0]]), max(end / 100, times[inside[-1]])
                for frame, time in enumerate(times):
                    away = max(low - time, time - high, 0)
                    if away < 0.06:
                        by[frame] = max(by[frame], excess * (0.5 + 0.5 * np.cos(np.pi * away / 0.06)))
            first = last
    return openings - np.minimum(by, np.maximum(openings, 0))


@pytest.mark.parametrize("fps", [10, 25, 60])
def test_closures_are_those_of_brute_force(fps):
    rng = np.random.default_rng(2)
    for _ in range(4):
        labels, beliefs = random_labels(rng, 200), rng.uniform(0, 1, (200, 2)).astype(np.float32)
        lips = moving_mouth(rng, int(2 * fps))
        found = opening(close_heard(lips, labels, beliefs, fps))
        np.testing.assert_allclose(found, brute_openings(lips, labels, beliefs, fps), atol=1e-6)


@pytest.mark.parametrize("fps", [1, 10, 24, 25, 60, 119.88])
def test_closures_piece_by_piece_are_those_of_the_whole_and_look_no_further(wide_open, fps):
    rng = np.random.default_rng(int(fps))
    for _ in range(8):
        labels = random_labels(rng, 400)
        beliefs = rng.uniform(0, 1, (400, 2)).astype(np.float32)
        frames = int(4 * fps)
        lips = moving_mouth(rng, frames)
        whole = close_heard(lips, labels, beliefs, fps)
        stage, made, known, came = ClosureStage(fps), [], 0, 0
        lag = float(rng.choice([0.0, stage.phones_seconds, 1.0]))
        for last in [*range(3, frames, 3), frames]:
            ended = 400 if last == frames else int(np.clip((last / fps + lag) * 100, known, 400))
            pushed = lips[came:last], labels[known:ended], beliefs[known:ended]
            made.append(stage.push(*pushed, last=last == frames))
            came, known = last, ended
            if lag >= stage.phones_seconds and last < frames:
                done = sum(map(len, made))
                assert done >= last - stage.ahead_frames - (0 if fps == 25 else 1)
        np.testing.assert_allclose(np.concatenate(made), whole, atol=2e-7, rtol=0)


@pytest.mark.parametrize("fps", [1, 10, 24, 25, 60, 119.88])
def test_quick_closures_close_every_frame_of_a_p_wherever_they_are_cut(wide_open, fps):
    labels = np.full(400, AA)
    labels[150:160] = P
    beliefs = np.zeros((400, 2), np.float32)
    beliefs[150:160, 1] = 1.0
    frames = int(4 * fps)
    lips, times = np.repeat(wide_open[:1], frames, axis=0), (np.arange(frames) + 0.5) / fps
    stage, made, known, came = QuickClosureStage(fps, 0.04), [], 0, 0
    for last in [*range(2, frames, 2), frames]:
        ended = 400 if last == frames else int(np.ceil((last / fps + stage.phones_seconds) * 100 - 1e-9))
        made.append(stage.push(lips[came:last], labels[known:ended], beliefs[known:ended], last=last == frames))
        came, known = last, max(known, ended)
        if ended < 400:
            assert sum(map(len, made)) == last  # nothing waits for more than it says
    closed = np.concatenate(made)
    heights, open_height = opening(closed), float(opening(wide_open[0]))
    inside, beyond = (times >= 1.5) & (times < 1.6), (times < 1.44) | (times > 1.66)
    np.testing.assert_allclose(heights[inside], CLOSED_OPENING, atol=0.02)
    np.testing.assert_allclose(heights[beyond], open_height, atol=1e-6)
    ahead = round((stage.phones_seconds + 0.5 / fps) * 100)
    whole = quick_heights(np.full(frames, open_height, np.float32), times, labels, beliefs, seen_steps=ahead)
    np.testing.assert_allclose(open_height - heights, whole[:, 1], atol=1e-6)
    assert inner_gaps(closed).min() > -1e-6


def test_what_was_not_believed_is_not_closed_quickly():
    labels, beliefs = np.full(20, P), np.zeros((20, 2), np.float32)
    openings, times = np.full(5, 0.2, np.float32), (np.arange(5) + 0.5) / 25
    for belief, share in ((1.0, 1.0), (BELIEVED / 2, 0.5), (0.0, 0.0)):
        beliefs[:, 1] = belief
        heights = quick_heights(openings, times, labels, beliefs)
        np.testing.assert_allclose(heights[:, 1], share * (0.2 - CLOSED_OPENING), rtol=0.03)
        assert not heights[:, 0].any()
    assert not quick_heights(openings, times, np.full(20, AA), np.ones((20, 2), np.float32)).any()


@pytest.mark.parametrize("ahead", [0, 1, 2, 3])
def test_a_mouth_leaves_its_rest_the_later_the_less_it_sees(ahead):
    labels = np.array([0] * 60 + [AA] * 20)
    stage, made = RestStage(ahead), []
    for first in range(0, 80, 4):
        made.append(stage.push(labels[first : first + 4]))
        assert sum(map(len, made)) == max(0, first // 4 + 1 - ahead)
    weights = np.concatenate([*made, stage.push(labels[:0], last=True)])
    assert weights[11 - ahead - 1] == 1
    assert not weights[15:].any()
    assert int(np.flatnonzero(weights < 1)[0]) == max(15 - ahead, 12)


def test_all_bilabials_of_all_contexts_close_from_text():
    lips, count = [], 0
    network = load_network()
    for phone in PHONES[1:]:
        for bilabial in ("B", "M", "P"):
            result = verbs.from_phones([phone, bilabial, phone, "sil", bilabial, phone, bilabial], network=network)
            heights, times = opening(result.lips), (np.arange(len(result.lips)) + 0.5) / 25
            for said in result.phones:
                if said.label == bilabial:
                    inside = (times >= said.start - 0.02) & (times < said.end + 0.02)
                    lips.append(heights[inside].min())
                    count += 1
    assert count >= 9 * 39
    assert max(lips) < 0.019


# ---------------------------------------------------------------- what comes before the decoder


def test_silence_fades_into_the_first_phone():
    labels = np.array([0] * 40 + [AA] * 20 + [0] * 20)
    moves = np.where(np.arange(20) < 10, 0.0, 1.0)[:, None].astype(np.float32)
    made = anticipate(EncoderOutput(labels_to_posteriors(labels), moves))
    np.testing.assert_allclose(made.posteriors.sum(1), 1, atol=1e-6)
    rising = made.posteriors[:40, AA]
    assert (np.diff(rising) >= 0).all()
    assert not rising[: 40 - ANTICIPATION_STEPS].any()
    assert rising[39] > 0.95
    assert rising[33] == pytest.approx(0.5, abs=0.07)
    np.testing.assert_array_equal(made.posteriors[40:], labels_to_posteriors(labels)[40:])
    assert (np.diff(made.lip_parameters[:11, 0]) >= 0).all()
    assert made.lip_parameters[9, 0] > 0.8


def test_anticipation_piece_by_piece_is_that_of_the_whole():
    rng = np.random.default_rng(4)
    rows = rng.dirichlet(np.r_[3.0, np.full(NUM_PHONES - 1, 0.02)], 200).astype(np.float32)
    moves = rng.normal(size=(50, 3)).astype(np.float32)
    whole = anticipate(EncoderOutput(rows, moves))
    stage = AnticipateStage()
    cuts = np.sort(rng.choice(51, 9))
    pieces = [EncoderOutput(rows[4 * a : 4 * b], moves[a:b]) for a, b in zip([0, *cuts], [*cuts, 50], strict=True)]
    made = [stage.push(piece, last=number == len(pieces) - 1) for number, piece in enumerate(pieces)]
    for kind in (0, 1):
        np.testing.assert_allclose(np.concatenate([part[kind] for part in made]), whole[kind], atol=1e-6)
    assert np.array_equal(closing_beliefs(rows)[:, 1], rows[:, [B, M, P]].sum(1))
