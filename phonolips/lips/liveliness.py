"""Quick movements exaggerated: a decoder trained with squared error moves too little."""

import numpy as np

from phonolips.lips.shapes import uncross
from phonolips.lips.smoothing import BLOCK_ROWS, smooth_gaussian

EXAGGERATION_SIGMA_FRAMES = 2.0  # 80 ms at 25 frames a second
EXAGGERATION_REACH_FRAMES = 8  # four standard deviations, where `smooth_gaussian` ends


def exaggerate(lips: np.ndarray, liveliness: float, ahead_frames: int = EXAGGERATION_REACH_FRAMES) -> np.ndarray:
    """Exaggerate movements faster than about a syllable; 0 leaves everything as it is.

    Squared error makes a decoder hesitate: what it is unsure of comes out smaller. This gives quick movements
    back their size: lips + liveliness * (lips - lips smoothed by a Gaussian of 80 ms), and inner lips that
    would cross then touch. Looks 8 frames back, and `ahead_frames` ahead.

    Args:
        lips: float (frames, 40, 2), mouth space, 25 frames a second.
        liveliness: 0 or more.
        ahead_frames: 0 to 8; the last frame that may be seen stands for those after it.

    Returns:
        float, the same shape; `lips` themselves where `liveliness` is 0.
    """
    if not liveliness:
        return lips
    result = np.empty_like(lips)
    for first in range(0, len(lips), BLOCK_ROWS):
        back = min(first, EXAGGERATION_REACH_FRAMES)
        part = lips[first - back : first + BLOCK_ROWS + EXAGGERATION_REACH_FRAMES]
        smooth = smooth_gaussian(part, EXAGGERATION_SIGMA_FRAMES, ahead_frames)
        more = uncross(part + np.float32(liveliness) * (part - smooth))
        result[first : first + BLOCK_ROWS] = more[back : back + BLOCK_ROWS]
    return result
