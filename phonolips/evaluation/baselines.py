"""Reference rows: simple predictors that any model has to beat.

All share one contract: `fit(clips)` learns from training clips, `predict(clip)` returns lips float32
(frames, 40, 2) in mouth space. Each predicts how the lips deviate from the speaker's mean lip and adds
`clip.mean_lip`, so a speaker who was not in training needs only a mean lip. Only detected frames are
learnt from. `predict` never looks at `clip.lips`, but for `PcaFloor`, which is a floor and not a predictor.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from phonolips.corpus.occurrences import CONTEXT_SECONDS, PLACES, place_times
from phonolips.errors import InputError
from phonolips.phones.decode import label_runs
from phonolips.phones.inventory import IGNORED_ID, PHONE_TO_VISEME, PHONES
from phonolips.timebase import STEPS_PER_FRAME, STEPS_PER_SECOND, frame_centres, step_centres


@dataclass(frozen=True)
class Clip:
    """One clip with everything that a baseline or a score needs.

    Args:
        id: such as `s1/bbaf2n`.
        speaker: such as `s1`.
        lips: float32 (frames, 40, 2), mouth space, the truth.
        detected: bool (frames,).
        labels: int64 (4 * frames,), the true phones.
        mel: float32 (4 * frames, mels), log-mel.
        mean_lip: float32 (40, 2), the speaker's mean lip, from training clips.
        posteriors: float32 (4 * frames, phones) or None.

    Raises:
        InputError: the lengths do not fit one another.
    """

    id: str
    speaker: str
    lips: np.ndarray
    detected: np.ndarray
    labels: np.ndarray
    mel: np.ndarray
    mean_lip: np.ndarray
    posteriors: np.ndarray | None = None

    def __post_init__(self) -> None:
        steps = STEPS_PER_FRAME * len(self.lips)
        rows = {"labels": self.labels, "mel": self.mel, "posteriors": self.posteriors}
        for name, array in rows.items():
            if array is not None and len(array) != steps:
                raise InputError(
                    f"clip {self.id}: {name} has {len(array)} steps; expected {steps} for {len(self.lips)} frames"
                )
        if len(self.detected) != len(self.lips):
            raise InputError(f"clip {self.id}: detected has {len(self.detected)}, lips {len(self.lips)} frames")
        if self.mean_lip.shape != self.lips.shape[1:]:
            raise InputError(f"clip {self.id}: a mean lip of {self.mean_lip.shape}, lips {self.lips.shape}")

    @property
    def deviation(self) -> np.ndarray:
        """The true lips minus the mean lip, flat: float32 (frames, 80)."""
        return (self.lips - self.mean_lip).reshape(len(self.lips), -1)

    def lips_from(self, deviation: np.ndarray) -> np.ndarray:
        """Add the mean lip to a deviation (frames, 80); float32 (frames, 40, 2)."""
        return (self.mean_lip + deviation.reshape(self.lips.shape)).astype(np.float32)


class Baseline(Protocol):
    """The contract of a reference row."""

    name: str

    def fit(self, clips: Sequence[Clip]) -> None:
        """Learn from training clips; raise InputError where there are none."""

    def predict(self, clip: Clip) -> np.ndarray:
        """Predict lips, float32 (frames, 40, 2), for a clip of any speaker."""


def standard_baselines() -> list[Baseline]:
    """Make every reference row with its default settings, in the order of a report."""
    return [
        MeanLip(),
        MeanCurve(),
        VisemeMean(),
        VisemeTrajectories(),
        PhoneMean(),
        PhoneInContext(),
        PhoneTrajectories(),
        MelRidge(),
        PcaFloor(),
    ]


def mean_lips(clips: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> dict[str, np.ndarray]:
    """Average every speaker's detected lips.

    Args:
        clips: (speaker, lips (frames, 40, 2), detected (frames,)).

    Returns:
        speaker -> float32 (40, 2).

    Raises:
        InputError: a speaker without any detected frame.
    """
    sums: dict[str, np.ndarray] = {}
    counts: dict[str, int] = defaultdict(int)
    for speaker, lips, detected in clips:
        sums[speaker] = sums.get(speaker, 0.0) + lips[detected].sum(0, dtype=np.float64)
        counts[speaker] += int(detected.sum())
    for speaker, count in counts.items():
        if count == 0:
            raise InputError(f"speaker {speaker}: no detected frame, so no mean lip; leave the speaker out")
    return {speaker: (total / counts[speaker]).astype(np.float32) for speaker, total in sums.items()}


def _require_clips(clips: Sequence[Clip]) -> None:
    if not clips:
        raise InputError("no training clips for the reference rows; expected at least one")


def _smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """Smooth (time, channels) over time by a Gaussian of `sigma` rows."""
    from scipy.ndimage import gaussian_filter1d

    return gaussian_filter1d(values, sigma, axis=0, mode="nearest") if sigma > 0 else values


def _centre_labels(labels: np.ndarray) -> np.ndarray:
    """Pick the phone at each frame's centre; (steps,) -> (frames,). A centre on an edge takes the later."""
    return labels[STEPS_PER_FRAME // 2 :: STEPS_PER_FRAME]


class MeanLip:
    """The speaker's mean lip, in every frame: the zero of skill."""

    name = "mean lip"

    def fit(self, clips: Sequence[Clip]) -> None:
        """Learn nothing: the mean lip comes with the clip."""

    def predict(self, clip: Clip) -> np.ndarray:
        """Repeat the mean lip."""
        return np.repeat(clip.mean_lip[None].astype(np.float32), len(clip.lips), axis=0)


class PcaFloor:
    """The truth itself through a few principal components: the error that no model on them can undercut."""

    def __init__(self, components: int = 12) -> None:
        self.components = components
        self.name = f"truth through PCA-{components}"

    def fit(self, clips: Sequence[Clip]) -> None:
        """Find the components of the deviation from the mean lip."""
        from sklearn.decomposition import PCA

        _require_clips(clips)
        deviations = np.concatenate([clip.deviation[clip.detected] for clip in clips])
        if len(deviations) < self.components:
            raise InputError(f"{len(deviations)} detected frames for {self.components} components; too few")
        self._pca: Any = PCA(self.components, svd_solver="covariance_eigh").fit(deviations)

    def predict(self, clip: Clip) -> np.ndarray:
        """Project the clip's true lips."""
        return clip.lips_from(self._pca.inverse_transform(self._pca.transform(clip.deviation)))


class MeanCurve:
    """The mean over the training clips frame by frame: what the corpus' rhythm alone is worth.

    A speaker who was in training gets the own curve, another one that of all; frames beyond the longest
    training clip get the mean lip.
    """

    name = "mean curve"

    def fit(self, clips: Sequence[Clip]) -> None:
        """Average the deviation by frame index."""
        _require_clips(clips)
        self._curves: dict[str | None, np.ndarray] = {}
        for speaker in (None, *sorted({clip.speaker for clip in clips})):
            chosen = [clip for clip in clips if speaker in (None, clip.speaker)]
            frames = max(len(clip.lips) for clip in chosen)
            total = np.zeros((frames, chosen[0].deviation.shape[1]))
            count = np.zeros((frames, 1))
            for clip in chosen:
                places = np.flatnonzero(clip.detected)
                total[places] += clip.deviation[places]
                count[places] += 1
            self._curves[speaker] = total / np.maximum(count, 1)

    def predict(self, clip: Clip) -> np.ndarray:
        """Play the curve, whatever is said."""
        curve = self._curves.get(clip.speaker, self._curves[None])
        deviation = np.zeros_like(clip.deviation, dtype=np.float64)
        deviation[: len(curve)] = curve[: len(deviation)]
        return clip.lips_from(deviation)


class _Lookup:
    """A table of mean deviations under ever coarser keys; the finest key with enough frames answers.

    Subclasses give a name, and `keys(labels)`: for every frame its keys, finest first.
    """

    def __init__(self, least_frames: int, smoothing_frames: float) -> None:
        self.least_frames = least_frames
        self.smoothing_frames = smoothing_frames

    def keys(self, labels: np.ndarray) -> list[list[Hashable]]:
        """Name the keys of every frame, finest first."""
        raise NotImplementedError

    def fit(self, clips: Sequence[Clip]) -> None:
        """Average the deviation under every key."""
        _require_clips(clips)
        sums: dict[Hashable, np.ndarray] = {}
        counts: dict[Hashable, int] = defaultdict(int)
        for clip in clips:
            deviation = clip.deviation
            for frame, keys in enumerate(self.keys(clip.labels)):
                if not clip.detected[frame]:
                    continue
                for key in keys:
                    counts[key] += 1
                    if key in sums:
                        sums[key] += deviation[frame]
                    else:
                        sums[key] = deviation[frame].astype(np.float64)
        self._table = {key: total / counts[key] for key, total in sums.items() if counts[key] >= self.least_frames}

    def predict(self, clip: Clip) -> np.ndarray:
        """Look every frame up; a frame whose phone was never seen gets the mean lip; smooth over time."""
        rest = np.zeros(clip.deviation.shape[1])
        rows = [next((self._table[key] for key in keys if key in self._table), rest) for keys in self.keys(clip.labels)]
        return clip.lips_from(_smooth(np.stack(rows), self.smoothing_frames))


class PhoneMean(_Lookup):
    """The mean lips of the phone at the frame's centre."""

    name = "phone mean"

    def __init__(self, least_frames: int = 1, smoothing_frames: float = 0.0) -> None:
        super().__init__(least_frames, smoothing_frames)

    def keys(self, labels: np.ndarray) -> list[list[Hashable]]:
        """One key a frame: its phone."""
        return [[] if label == IGNORED_ID else [int(label)] for label in _centre_labels(labels)]


class VisemeMean(_Lookup):
    """The mean lips of the viseme class at the frame's centre: one picture a viseme."""

    name = "viseme mean"

    def __init__(self, least_frames: int = 1, smoothing_frames: float = 0.0) -> None:
        super().__init__(least_frames, smoothing_frames)

    def keys(self, labels: np.ndarray) -> list[list[Hashable]]:
        """One key a frame: its viseme class."""
        return [[] if label == IGNORED_ID else [_viseme(int(label))] for label in _centre_labels(labels)]


class PhoneInContext(_Lookup):
    """The mean lips of the phone between its neighbours and of the third of it that the frame lies in.

    Falls back from (previous, phone, next) to (previous, phone), (phone, next) and the phone, always
    within the same third; at last to the phone alone.

    Args:
        least_frames: a key with fewer training frames falls back to a coarser one.
        smoothing_frames: standard deviation of the Gaussian over the looked-up lips; more than about half a
            frame opens the bilabials.
    """

    name = "phone in context"

    def __init__(self, least_frames: int = 2, smoothing_frames: float = 0.5) -> None:
        super().__init__(least_frames, smoothing_frames)

    def keys(self, labels: np.ndarray) -> list[list[Hashable]]:
        """Five keys a frame, none where the phone is unknown."""
        runs = label_runs(labels)
        names = [None, *(run[0] for run in runs), None]
        run_of_step = np.repeat(np.arange(len(runs)), [end - start for _, start, end in runs])
        keys: list[list[Hashable]] = []
        for frame in range(len(labels) // STEPS_PER_FRAME):
            centre = frame * STEPS_PER_FRAME + STEPS_PER_FRAME // 2
            run = run_of_step[centre]
            label, start, end = runs[run]
            third = 3 * (centre - start) // (end - start)
            before, after = names[run], names[run + 2]
            keys.append(
                []
                if label == IGNORED_ID
                else [
                    ("both", before, label, after, third),
                    ("before", before, label, third),
                    ("after", label, after, third),
                    ("third", label, third),
                    ("phone", label),
                ]
            )
        return keys


class PhoneTrajectories:
    """Every phone's mean movement, stretched to the phone's duration, strung together and smoothed.

    The classical concatenation of visemes: each phone's lips are sampled at evenly spaced points of its
    duration and averaged over training; a phone never seen gets the mean lip.

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
        _require_clips(clips)
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
        smooth = _smooth(strung, self.smoothing_seconds * STEPS_PER_SECOND)
        return clip.lips_from(_interpolate(frame_centres(len(clip.lips)), step_centres(len(smooth)), smooth))


class VisemeTrajectories:
    """Every viseme's mean movement, stretched to the phone's duration, joined by linear cross-fades.

    Plain phone-to-viseme sequencing: the phones of a class share one mean trajectory, which reaches 100 ms beyond
    the phone on either side, so that two neighbours overlap and can be faded; a class never seen gets the mean lip.

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
        _require_clips(clips)
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
                viseme = _viseme(label)
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
            movement = rest if label == IGNORED_ID else self._movements.get(_viseme(label), rest)
            joined += weight * _interpolate(times, place_times(start, end), movement)
            weights += weight
        return clip.lips_from(joined / np.maximum(weights, 1e-9))


def _viseme(label: int) -> int:
    """Look up the viseme class of a phone id."""
    return PHONE_TO_VISEME[PHONES[label]]


def _interpolate(wanted: np.ndarray, times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Interpolate (time, channels) linearly at `wanted`; beyond the ends the end value holds."""
    places = np.interp(wanted, times, np.arange(len(times)))
    before = np.floor(places).astype(int)
    after = np.minimum(before + 1, len(times) - 1)
    share = (places - before)[:, None]
    return (1 - share) * values[before] + share * values[after]


class MelRidge:
    """Ridge regression from log-mel around the frame: what a linear ear without phones is worth.

    Features are the log-mel of every third step within 12 steps around the frame's centre, standardised;
    the penalty is the best of `penalties` on every eighth training clip.

    Args:
        context_steps: how far the features reach in either direction.
        stride_steps: the distance between the steps that are used.
        penalties: ridge penalties to choose from.
    """

    name = "ridge from log-mel"

    def __init__(
        self,
        context_steps: int = 12,
        stride_steps: int = 3,
        penalties: Sequence[float] = (1e2, 1e3, 1e4, 1e5),
    ) -> None:
        self.offsets = np.arange(-context_steps, context_steps + 1, stride_steps)
        self.penalties = tuple(penalties)

    def fit(self, clips: Sequence[Clip]) -> None:
        """Choose the penalty on held-out training clips, then fit on all of them."""
        from sklearn.linear_model import Ridge

        _require_clips(clips)
        features = np.concatenate([self._features(clip)[clip.detected] for clip in clips])
        targets = np.concatenate([clip.deviation[clip.detected] for clip in clips])
        self._mean, self._scale = features.mean(0), features.std(0) + np.float32(1e-6)
        features -= self._mean
        features /= self._scale
        held = np.repeat(np.arange(len(clips)) % 8 == 7, [int(clip.detected.sum()) for clip in clips])
        self.penalty = self.penalties[0]
        if held.any():
            errors = []
            for penalty in self.penalties:
                model = Ridge(penalty, solver="cholesky").fit(features[~held], targets[~held])
                errors.append(float(np.mean((model.predict(features[held]) - targets[held]) ** 2)))
            self.penalty = self.penalties[int(np.argmin(errors))]
        self._model: Any = Ridge(self.penalty, solver="cholesky").fit(features, targets)

    def predict(self, clip: Clip) -> np.ndarray:
        """Predict the deviation from the sound alone."""
        return clip.lips_from(self._model.predict((self._features(clip) - self._mean) / self._scale))

    def _features(self, clip: Clip) -> np.ndarray:
        """Gather the log-mel around every frame's centre; float32 (frames, offsets * mels)."""
        steps = len(clip.mel)
        centres = np.arange(STEPS_PER_FRAME // 2, steps, STEPS_PER_FRAME)
        places = np.clip(centres[:, None] + self.offsets, 0, steps - 1)
        return np.asarray(clip.mel, dtype=np.float32)[places].reshape(len(centres), -1)
