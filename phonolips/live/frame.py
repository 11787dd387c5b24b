"""One frame of live lips: what every sink is given."""

from typing import NamedTuple

import numpy as np

from phonolips.phones.intervals import Interval


class LiveFrame(NamedTuple):
    """What is known of one frame once its lips are.

    index: which frame of the sound it is, counted from 0: int(time * fps). Numbers are missing where sound was skipped.
    time: seconds, the centre of the frame, on the clock of the sound, which goes on where sound is skipped or missing.
    lips: float32 (40, 2), mouth space.
    fps: frames per second.
    phones: those that have ended since the last frame, with their times; perhaps none.
    posteriors: float32 (steps, 40), of the steps that became known with this frame, 4 at 25 frames a second; at other
        rates some frames have none.
    lip_parameters: float32 (n,), opening, width, height as the model knows them, of the latest 40 ms; of size 0 before
        the first are known.
    """

    index: int  # type: ignore[assignment]  # of tuples a method, which nobody needs here
    time: float
    lips: np.ndarray
    fps: float
    phones: tuple[Interval, ...]
    posteriors: np.ndarray
    lip_parameters: np.ndarray
