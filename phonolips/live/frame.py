"""One frame of live lips: what every sink is given."""

from typing import NamedTuple

import numpy as np

from phonolips.phones.intervals import Interval


class LiveFrame(NamedTuple):
    """What is known of one frame once its lips are.

    index: counted from 0 at the beginning of the sound.
    time: seconds, the centre of the frame, on the clock of the sound: (index + 0.5) / fps.
    lips: float32 (40, 2), mouth space.
    fps: frames per second.
    phones: those that have ended since the last frame, with their times; perhaps none.
    posteriors: float32 (steps, 40), of the steps that lie in this frame; perhaps none.
    lip_parameters: float32 (n,), opening, width, height as the model knows them, those of the latest 40 ms.
    """

    index: int  # type: ignore[assignment]  # of tuples a method, which nobody needs here
    time: float
    lips: np.ndarray
    fps: float
    phones: tuple[Interval, ...]
    posteriors: np.ndarray
    lip_parameters: np.ndarray
