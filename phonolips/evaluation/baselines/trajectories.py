"""Reference rows that string mean movements together, one a phone or viseme."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from phonolips.corpus.occurrences import CONTEXT_SECONDS, PLACES, place_times
from phonolips.errors import InputError
from phonolips.evaluation.baselines.contract import require_clips, smooth, viseme_of
from phonolips.evaluation.clips import Clip
from phonolips.phones.decode import label_runs
from phonolips.phones.inventory import IGNORED_ID
from phonolips.timebase import STEPS_PER_FRAME, STEPS_PER_SECOND, frame_centres, step_centres


def _interpolate(wanted: np.ndarray, times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Interpolate (time, channels) linearly at `wanted`; beyond the ends the end value holds."""
    places = np.interp(wanted, times, np.arange(len(times)))
    before = np.floor(places).astype(int)
    after = np.minimum(before + 1, len(times) - 1)
    share = (places - before)[:, None]
    between: np.ndarray = (1 - share) * values[before] + share * values[after]
    return between


class PhoneTrajectories:
    """Every phone's mean movement, stretched to the phone's duration, strung together and smoothed.

    The classical concatenation of visemes: each phone's lips are sampled at evenly spaced points of its
    duration and averaged over training; a phone never seen gets the mean shape.

    Args:
        samples: points within a phone.
        smoothing_seconds: standard deviation of the Gaussian over the strung movement; more than about 10 ms
            opens the bilabials.
    """

    name = "phone trajectories"

    def __init__(self, samples: int = 16, smoothing_seconds: float = 0.01) -> None:
        self.samples = samples
        self.smoothing_seconds = smoothing_seconds

    def fit(self, clips: Sequence[Clip]) -> None:
        """Average the movement of every phone over its occurrences with all frames detected."""
        require_clips(clips)
        places = (np.arange(self.samples) + 0.5) / self.samples
        sums: dict[int, np.ndarray] = {}
        counts: dict[int, int] = defaultdict(int)
        for clip in clips:
            deviation = clip.deviation[clip.detected]
            centres = frame_centres(len(clip.lips))[clip.detected] * STEPS_PER_SECOND
            for label, start, end in label_runs(clip.labels):
                frames = slice(start // STEPS_PER_FRAME, -(-end // STEPS_PER_FRAME))
                if label == IGNORED_ID or not clip.detected[frames].all():
                    continue
                movement = _interpolate(start + places * (end - start), centres, deviation)
                sums[label] = sums[label] + movement if label in sums else movement
                counts[label] += 1
        self._movements = {label: total / counts[label] for label, total in sums.items()}

    def predict(self, clip: Clip) -> np.ndarray:
        """String the stretched movements together on the steps, smooth, and sample at frame centres."""
        places = (np.arange(self.samples) + 0.5) / self.samples
        strung = np.zeros((len(clip.labels), clip.deviation.shape[1]))
        for label, start, end in label_runs(clip.labels):
            if label in self._movements:
                wanted = (np.arange(end - start) + 0.5) / (end - start)
                strung[start:end] = _interpolate(wanted, places, self._movements[label])
        strung = smooth(strung, self.smoothing_seconds * STEPS_PER_SECOND)
        return clip.lips_from(_interpolate(frame_centres(len(clip.lips)), step_centres(len(strung)), strung))


class VisemeTrajectories:
    """Every viseme's mean movement, stretched to the phone's duration, joined by linear cross-fades.

    Plain phone-to-viseme sequencing: the phones of a class share one mean trajectory, which reaches 100 ms beyond
    the phone on either side, so that two neighbours overlap and can be faded; a class never seen gets the mean shape.

    Args:
        fade_seconds: how long a cross-fade lasts, half of it on either side of the boundary; at most 0.2.
            The default is one frame: on s1's validation clips 0.12 wins 0.007 of skill over it, and opens
            nearly all bilabials.

    Raises:
        InputError: a longer fade than the trajectories reach.
    """

    name = "viseme trajectories"

    def __init__(self, fade_seconds: float = 0.04) -> None:
        if not 0 <= fade_seconds <= 2 * CONTEXT_SECONDS:
            raise InputError(f"a cross-fade of {fade_seconds:g} s; expected 0 to {2 * CONTEXT_SECONDS:g}")
        self.fade_seconds = fade_seconds

    def fit(self, clips: Sequence[Clip]) -> None:
        """Average the movement of every class over its occurrences with all frames detected."""
        require_clips(clips)
        sums: dict[int, np.ndarray] = {}
        counts: dict[int, int] = defaultdict(int)
        for clip in clips:
            deviation = clip.deviation[clip.detected]
            centres = frame_centres(len(clip.lips))[clip.detected]
            for label, start, end in label_runs(clip.labels):
                frames = slice(start // STEPS_PER_FRAME, -(-end // STEPS_PER_FRAME))
                if label == IGNORED_ID or not clip.detected[frames].all():
                    continue
                times = place_times(start / STEPS_PER_SECOND, end / STEPS_PER_SECOND)
                movement = _interpolate(times, centres, deviation)
                viseme = viseme_of(label)
                sums[viseme] = sums[viseme] + movement if viseme in sums else movement
                counts[viseme] += 1
        self._movements = {viseme: total / counts[viseme] for viseme, total in sums.items()}

    def predict(self, clip: Clip) -> np.ndarray:
        """Join the stretched movements, every one weighted by a trapezium over its phone and half a fade around."""
        times = frame_centres(len(clip.lips))
        rest = np.zeros((PLACES, clip.deviation.shape[1]))
        joined = np.zeros((len(times), rest.shape[1]))
        weights = np.zeros((len(times), 1))
        fade = max(self.fade_seconds, 1e-6)
        for label, first, last in label_runs(clip.labels):
            start, end = first / STEPS_PER_SECOND, last / STEPS_PER_SECOND
            weight = np.clip(np.minimum(times - start, end - times) / fade + 0.5, 0, 1)[:, None]
            movement = rest if label == IGNORED_ID else self._movements.get(viseme_of(label), rest)
            joined += weight * _interpolate(times, place_times(start, end), movement)
            weights += weight
        return clip.lips_from(joined / np.maximum(weights, 1e-9))
