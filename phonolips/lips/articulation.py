"""How large the movements are: a gain each for opening, width and height, about the speaker's shut mouth.

Gains scale, they do not steer: a correlation with true lips stays what it is, only the size changes.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from phonolips.checks import check_number, shown
from phonolips.errors import InputError
from phonolips.lips.measures import LIP_PARAMETERS, width
from phonolips.lips.shapes import uncross
from phonolips.lips.smoothing import BLOCK_ROWS

LEAST_GAIN, MOST_GAIN = 0.0, 3.0
LEAST_WIDTH = 0.1  # mouth-space units; no mouth is so narrow, and nothing is divided by less


class Gains(NamedTuple):
    """Factors on the movements of a mouth, 1 = as the decoder says.

    Args:
        opening: of all points up and down, about the middle of the mouth.
        width: of the mouth, all of which is stretched with it: how far it spreads and rounds.
        height: of the mouth as a whole, up and down in the face.
    """

    opening: float = 1.0
    width: float = 1.0
    height: float = 1.0

    def times(self, other: "Gains") -> "Gains":
        """Return both gains one after the other."""
        return Gains(*(one * two for one, two in zip(self, other, strict=True)))


AS_DECODED = Gains()
Articulation = float | Mapping[str, float]  # of all movements; or of some of LIP_PARAMETERS, the others 1


def check_articulation(articulation: Articulation) -> Gains:
    """Return the gains that a caller asks for: one number for all, or some by name; raise InputError."""
    expected = f"{LEAST_GAIN:.0f} to {MOST_GAIN:.0f}, 1 being as the model says"
    if not isinstance(articulation, Mapping):
        gain = check_number(
            articulation, "articulation", f"{expected}; or such by name, {{'width': 1.5}}", LEAST_GAIN, MOST_GAIN
        )
        return Gains(gain, gain, gain)
    unknown = next((name for name in articulation if name not in LIP_PARAMETERS), None)
    if unknown is not None:
        raise InputError(f"articulation of {shown(unknown)}; expected some of {', '.join(LIP_PARAMETERS)}")
    return Gains(
        **{
            name: check_number(gain, f"articulation of {name}", expected, LEAST_GAIN, MOST_GAIN)
            for name, gain in articulation.items()
        }
    )


def articulate(lips: np.ndarray, gains: Gains, shut: np.ndarray) -> np.ndarray:
    """Enlarge or lessen movements, each kind by its own gain; inner lips that would cross then touch.

    A shut mouth stays shut with any gain of the opening, and the width at rest stays as it is. Looks at no other frame.

    Args:
        lips: float (frames, 40, 2), mouth space.
        gains: factors.
        shut: float (40, 2), the speaker's mouth when it is shut.

    Returns:
        float, the same shape; `lips` themselves where all gains are 1.
    """
    if gains == AS_DECODED:
        return lips
    result = np.empty_like(lips)
    rest, at_rest = shut.astype(np.float32), np.float32(width(shut))
    for first in range(0, len(lips), BLOCK_ROWS):
        some = lips[first : first + BLOCK_ROWS]
        wide = width(some)
        factor = (at_rest + np.float32(gains.width) * (wide - at_rest)) / np.maximum(wide, np.float32(LEAST_WIDTH))
        middle = some[..., 0].mean(1, keepdims=True)
        away = some[..., 1] - rest[:, 1]
        raised = away.mean(1, keepdims=True)  # how much higher than at rest the mouth lies in the face
        moved = np.empty_like(some)
        moved[..., 0] = middle + factor[:, None] * (some[..., 0] - middle)
        moved[..., 1] = rest[:, 1] + np.float32(gains.opening) * (away - raised) + np.float32(gains.height) * raised
        result[first : first + BLOCK_ROWS] = uncross(moved)
    return result
