"""Small promises of single functions, each held against what the docstring says."""

import numpy as np
import pytest

from phonolips.lips.liveliness import exaggerate
from phonolips.lips.shapes import close_lips
from phonolips.phones.inventory import NUM_PHONES
from phonolips.phones.posteriors import check_posteriors

# Of mediapipe40: 20 points of the outer ring, then 20 of the inner one, each along the lower lip from the left corner.
OUTER, INNER = list(range(20)), list(range(20, 40))
LOWER, UPPER = INNER[1:10], INNER[:10:-1]  # facing each other


def ellipses(openings: np.ndarray) -> np.ndarray:
    """Lips of the given inner openings, (frames, 40, 2)."""
    angle = np.linspace(np.pi, 3 * np.pi, 20, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], -1)
    lips = np.zeros((len(openings), 40, 2))
    for frame, height in zip(lips, openings, strict=True):
        frame[INNER] = circle * [0.35, height / 2]
        frame[OUTER] = circle * [0.45, height / 2 + 0.1]
    return lips


def test_posteriors_that_nearly_sum_to_one_are_made_to():
    rows = np.random.default_rng(0).dirichlet(np.ones(NUM_PHONES), 50)
    for error in (0.991, 1.0, 1.009):
        checked = check_posteriors(rows * error)
        assert checked.sum(1) == pytest.approx(np.ones(50), abs=1e-6)
        assert checked == pytest.approx(rows, abs=1e-6)


def test_a_closed_mouth_touches_and_keeps_the_thickness_of_its_lips():
    lips = ellipses(np.array([0.0, 0.05, 0.3]))
    closed = close_lips(lips)
    assert closed[:, UPPER, 1] == pytest.approx(closed[:, LOWER, 1], abs=1e-9)
    middle = len(LOWER) // 2
    before, after = (shape[:, LOWER[middle], 1] - shape[:, OUTER[1:10][middle], 1] for shape in (lips, closed))
    assert after == pytest.approx(before)
    assert closed[..., 0] == pytest.approx(lips[..., 0])


@pytest.mark.parametrize("liveliness", [0.5, 2.0])
def test_exaggerated_lips_never_cross(liveliness):
    openings = 0.15 * (1 + np.sin(np.arange(50)))  # quick, and shut at times
    lively = exaggerate(ellipses(openings), liveliness)
    assert (lively[:, UPPER, 1] - lively[:, LOWER, 1]).min() >= -1e-9
    assert np.ptp(lively[:, UPPER, 1]) > 1.1 * np.ptp(ellipses(openings)[:, UPPER, 1])
