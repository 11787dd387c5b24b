"""Measures of lips, one clip at a time, on plain arrays.

Lips are float32 (frames, 40, 2) in mouth space, phone labels int64 (steps,). A measure that a clip cannot give (a
constant curve, no bilabial, no silence) is NaN and never a made-up number; counts stand beside every rate, so that
rates are pooled over clips by adding the counts. Nothing is trimmed: arrays of different lengths raise. Only frames
with `detected` count, and for velocities and second differences only those whose neighbours are detected too. "Opening"
is the inner-lip height, "width" the distance of the mouth's corners.

What `lip_scores` returns ("units" are mouth-space units, "the mean shape" is the speaker's, from training clips):

    opening_r, width_r: Pearson correlation at lag 0; NaN where either curve is constant.
    opening_rmse, width_rmse: root mean squared error, units.
    opening_lag_ms: the lag within +-200 ms, in whole frames, at which opening correlates best; positive
        where the prediction is late; the smallest of equal ones. opening_best_r: the correlation there.
    error: mean squared error over frames, points and x, y. error_of_mean_lip: the same of the mean shape.
    skill: R² against the mean shape, 1 - error / error_of_mean_lip: 1 is perfect, 0 no better than the mean shape.
    shape_error: mean squared error of the 20-point lips, both centred on their centroid frame by frame,
        at an eye distance of 5. shape_error_of_mean_lip: the same of the mean shape. shape_skill: 1 minus
        their ratio; unlike skill it does not ask where in the face the mouth is.
    velocity_error: root mean squared error of the frame-to-frame velocity over points and x, y, units/s.
    velocity_ratio: mean speed of the points, predicted over true.
    articulation_ratio: standard deviation of opening, predicted over true.
    closure_recall: closure_hits / closure_total. Total: bilabial (P, B, M) intervals during which, or in
        the frame before or after, the true opening falls below `thresholds.closed`. Hits: those in which
        the predicted opening does so too.
    closure_rate_of_truth: closure_total / bilabials, all bilabial intervals with a detected frame.
    closure_gap: mean over these intervals of the least predicted opening minus the least true one, units.
    false_closure_rate: false_closures / false_closure_total. Total: frames whose centre lies in a vowel
        and whose true opening is above `thresholds.open`. False: those predicted below
        `thresholds.closed`.
    labiodental_opening, labiodental_opening_of_truth: mean over the F and V intervals of the least opening in
        them, predicted and true, units: the lip must come up to the teeth.
    rounding, rounding_of_truth: mean over frames whose centre lies in a rounded phone (AO OW OY UH UW W) of the
        mean shape's width minus the width, units: the mouth must narrow.
    silence_frames: frames that are silent and at least 100 ms away from any phone.
    silence_speed, silence_speed_of_truth: mean |velocity of opening| from silent frame to silent frame,
        units/s; the truth's is the tracker's jitter and the speaker's own movement.
    silence_opening_bias: mean predicted minus mean true opening in silent frames, units.
    jitter, jitter_of_truth: mean absolute second difference of opening, units.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from phonolips.errors import InputError
from phonolips.evaluation.metrics.statistics import mean_or_nan, ratio_or_nan
from phonolips.lips.measures import opening, width
from phonolips.lips.points import to_ibug20
from phonolips.phones.decode import label_runs
from phonolips.phones.inventory import BILABIALS, PHONE_IDS, SILENCE_ID, VISEMES, VOWELS
from phonolips.timebase import MODEL_FPS, STEPS_PER_SECOND, exact_div

LAG_SEARCH_SECONDS = 0.2  # lags are searched on both sides of zero up to here
SILENCE_MARGIN_SECONDS = 0.1  # a frame counts as silent this far from speech
EYE_DISTANCE_OF_SHAPE_ERROR = 5.0  # units between the eye centres in `shape_error`
CLOSED_SHARE, OPEN_SHARE = 0.1, 0.3  # of the speaker's range of opening; see OpeningThresholds
RANGE_QUANTILES = (0.05, 0.95)  # what counts as a speaker's range of opening
CONSTANT_BELOW = 1e-6  # a curve with a smaller standard deviation (mouth-space units) is constant

_VOWEL_IDS = [PHONE_IDS[phone] for phone in sorted(VOWELS)]
_LABIODENTAL_IDS = [PHONE_IDS[phone] for phone in VISEMES["labiodental"]]
_ROUNDED_IDS = [PHONE_IDS[phone] for phone in (*VISEMES["rounded"], "W")]
_BILABIAL_IDS = [PHONE_IDS[phone] for phone in sorted(BILABIALS)]


class OpeningThresholds(NamedTuple):
    """What counts as a closed and as a clearly open mouth of one speaker, in mouth-space units.

    `closed` lies a tenth, `open` three tenths of the way from the 5 % to the 95 % quantile of the speaker's
    true opening; between the two nothing is decided. On GRID's s1 (903 clips) that is 0.019 and 0.057 units,
    about 1.2 and 3.6 mm; the mouth is then closed in 98 % of the bilabials, and in 1.1 % of the open vowels
    (AA AE AW AY EH EY) at their centre. The tracker does not close every mouth: of s4's bilabials it closes
    41 % (of s26's, s30's, s31's and s33's all), hence `closure_rate_of_truth` beside the recall.
    """

    closed: float
    open: float


def opening_thresholds(openings: np.ndarray) -> OpeningThresholds:
    """Derive the thresholds from a speaker's true opening.

    Args:
        openings: float (frames,), mouth-space units, detected frames of many clips; a single clip without
            a closed mouth in it puts the thresholds too high.

    Raises:
        InputError: no frames.
    """
    if len(openings) == 0:
        raise InputError("no frames to derive a speaker's range of opening from; expected detected ones")
    low, high = (float(value) for value in np.quantile(openings, RANGE_QUANTILES))
    return OpeningThresholds(low + CLOSED_SHARE * (high - low), low + OPEN_SHARE * (high - low))


@dataclass(frozen=True)
class _Scored:
    """One clip as its measures need it, checked, in float64; curves of opening are (frames,)."""

    predicted: np.ndarray
    truth: np.ndarray
    mean_shape: np.ndarray
    labels: np.ndarray
    frame_labels: np.ndarray
    detected: np.ndarray
    thresholds: OpeningThresholds
    fps: float
    opening: np.ndarray
    true_opening: np.ndarray

    @property
    def centre_labels(self) -> np.ndarray:
        """The phone at each frame's centre, (frames,)."""
        return self.frame_labels[:, self.frame_labels.shape[1] // 2]

    @property
    def pairs(self) -> np.ndarray:
        """True where a frame and the next one are detected, (frames - 1,)."""
        both: np.ndarray = self.detected[1:] & self.detected[:-1]
        return both


def lip_scores(
    predicted: np.ndarray,
    truth: np.ndarray,
    *,
    mean_lip: np.ndarray,
    labels: np.ndarray,
    detected: np.ndarray | None = None,
    thresholds: OpeningThresholds | None = None,
    fps: float = MODEL_FPS,
) -> dict[str, float]:
    """Score one clip's predicted lips against the true ones.

    Args:
        predicted: float (frames, 40, 2), mouth space.
        truth: float (frames, 40, 2), mouth space.
        mean_lip: float (40, 2), the speaker's mean shape, taken from training clips.
        labels: int64 (steps,), the true phones; exactly 100 / fps steps a frame.
        detected: bool (frames,); all frames where None.
        thresholds: the speaker's, from `opening_thresholds`; from this clip's truth where None.
        fps: frames per second, a divisor of 100.

    Returns:
        the measures that the module's docstring defines.

    Raises:
        InputError: shapes or lengths do not fit one another, or values are not finite.
    """
    detected = np.ones(len(truth), bool) if detected is None else np.asarray(detected, bool)
    frame_labels = _check_lips(predicted, truth, mean_lip, labels, detected, fps)
    predicted, truth = predicted.astype(np.float64), truth.astype(np.float64)
    true_opening = opening(truth)
    clip = _Scored(
        predicted=predicted,
        truth=truth,
        mean_shape=np.broadcast_to(mean_lip.astype(np.float64), truth.shape),
        labels=labels,
        frame_labels=frame_labels,
        detected=detected,
        thresholds=opening_thresholds(true_opening[detected]) if thresholds is None else thresholds,
        fps=fps,
        opening=opening(predicted),
        true_opening=true_opening,
    )
    # The order is that of the columns of lips.csv.
    return {
        **_curve_scores(clip),
        **_error_scores(clip),
        **_speed_scores(clip),
        **_closure_scores(clip),
        **_labiodental_scores(clip),
        **_rounding_scores(clip),
        **_silence_scores(clip),
        **_jitter_scores(clip),
    }


def _curve_scores(clip: _Scored) -> dict[str, float]:
    """Correlate the curves of opening and width, and find the lag of opening."""
    scores: dict[str, float] = {}
    kept = clip.detected
    for name, predicted, truth in (
        ("opening", clip.opening, clip.true_opening),
        ("width", width(clip.predicted), width(clip.truth)),
    ):
        scores[f"{name}_r"] = correlation(predicted[kept], truth[kept])
        scores[f"{name}_rmse"] = float(np.sqrt(np.mean((predicted[kept] - truth[kept]) ** 2)))
    furthest = round(LAG_SEARCH_SECONDS * clip.fps)
    lag, scores["opening_best_r"] = best_lag(clip.opening, clip.true_opening, kept, furthest)
    scores["opening_lag_ms"] = 1000.0 * lag / clip.fps
    return scores


def _error_scores(clip: _Scored) -> dict[str, float]:
    """Measure the squared errors and the skills that follow from them."""
    kept = clip.detected
    error = float(np.mean((clip.predicted - clip.truth)[kept] ** 2))
    error_of_mean = float(np.mean((clip.mean_shape - clip.truth)[kept] ** 2))
    of_shape = shape_error(clip.predicted[kept], clip.truth[kept])
    of_mean_shape = shape_error(clip.mean_shape[kept], clip.truth[kept])
    return {
        "error": error,
        "error_of_mean_lip": error_of_mean,
        "skill": 1.0 - ratio_or_nan(error, error_of_mean),
        "shape_error": of_shape,
        "shape_error_of_mean_lip": of_mean_shape,
        "shape_skill": 1.0 - ratio_or_nan(of_shape, of_mean_shape),
    }


def _speed_scores(clip: _Scored) -> dict[str, float]:
    """Compare how fast and how far the lips move."""
    velocity = np.diff(clip.predicted, axis=0)[clip.pairs] * clip.fps
    true_velocity = np.diff(clip.truth, axis=0)[clip.pairs] * clip.fps
    speed, true_speed = (mean_or_nan(np.linalg.norm(values, axis=-1)) for values in (velocity, true_velocity))
    spread, true_spread = (float(np.std(curve[clip.detected])) for curve in (clip.opening, clip.true_opening))
    return {
        "velocity_error": float(np.sqrt(mean_or_nan((velocity - true_velocity) ** 2))),
        "velocity_ratio": ratio_or_nan(speed, true_speed),
        "articulation_ratio": ratio_or_nan(spread, true_spread),
    }


def _closure_scores(clip: _Scored) -> dict[str, float]:
    """Count bilabial closures and false closures."""
    steps_per_frame = clip.frame_labels.shape[1]
    closed = clip.thresholds.closed
    bilabials, hits, gaps = 0, 0, []
    for label, start, end in label_runs(clip.labels):
        if label not in _BILABIAL_IDS:
            continue
        window = slice(max(0, start // steps_per_frame - 1), -(-end // steps_per_frame) + 1)
        kept = clip.detected[window]
        if not kept.any():
            continue
        bilabials += 1
        true_least = clip.true_opening[window][kept].min()
        if true_least >= closed:
            continue
        least = clip.opening[window][kept].min()
        hits += int(least < closed)
        gaps.append(float(least - true_least))
    wide = clip.detected & np.isin(clip.centre_labels, _VOWEL_IDS) & (clip.true_opening > clip.thresholds.open)
    false = int((clip.opening[wide] < closed).sum())
    return {
        "closure_hits": float(hits),
        "closure_total": float(len(gaps)),
        "closure_recall": ratio_or_nan(hits, len(gaps)),
        "bilabials": float(bilabials),
        "closure_rate_of_truth": ratio_or_nan(len(gaps), bilabials),
        "closure_gap": mean_or_nan(np.array(gaps)),
        "false_closures": float(false),
        "false_closure_total": float(wide.sum()),
        "false_closure_rate": ratio_or_nan(false, float(wide.sum())),
    }


def _labiodental_scores(clip: _Scored) -> dict[str, float]:
    """Measure how far the lips come together in F and V."""
    steps_per_frame = clip.frame_labels.shape[1]
    least: list[tuple[float, float]] = []
    for label, start, end in label_runs(clip.labels):
        window = slice(start // steps_per_frame, -(-end // steps_per_frame))
        kept = clip.detected[window]
        if label in _LABIODENTAL_IDS and kept.any():
            least.append((float(clip.opening[window][kept].min()), float(clip.true_opening[window][kept].min())))
    values = np.array(least).reshape(-1, 2)
    return {
        "labiodental_opening": mean_or_nan(values[:, 0]),
        "labiodental_opening_of_truth": mean_or_nan(values[:, 1]),
    }


def _rounding_scores(clip: _Scored) -> dict[str, float]:
    """Measure how much the mouth narrows in rounded phones."""
    rounded = np.isin(clip.centre_labels, _ROUNDED_IDS) & clip.detected
    wide = width(clip.mean_shape)
    return {
        "rounding": mean_or_nan((wide - width(clip.predicted))[rounded]),
        "rounding_of_truth": mean_or_nan((wide - width(clip.truth))[rounded]),
    }


def _silence_scores(clip: _Scored) -> dict[str, float]:
    """Measure how much the mouth moves, and how far it is open, in silence."""
    silent = _silent_frames(clip.frame_labels, round(SILENCE_MARGIN_SECONDS * STEPS_PER_SECOND)) & clip.detected
    pairs = silent[1:] & silent[:-1]
    return {
        "silence_frames": float(silent.sum()),
        "silence_speed": mean_or_nan(np.abs(np.diff(clip.opening))[pairs]) * clip.fps,
        "silence_speed_of_truth": mean_or_nan(np.abs(np.diff(clip.true_opening))[pairs]) * clip.fps,
        "silence_opening_bias": mean_or_nan((clip.opening - clip.true_opening)[silent]),
    }


def _jitter_scores(clip: _Scored) -> dict[str, float]:
    """Measure the second differences of opening."""
    triples = clip.pairs[1:] & clip.pairs[:-1]
    return {
        "jitter": mean_or_nan(np.abs(np.diff(clip.opening, n=2))[triples]),
        "jitter_of_truth": mean_or_nan(np.abs(np.diff(clip.true_opening, n=2))[triples]),
    }


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Compute Pearson's r of two curves (frames,); NaN where either is constant or shorter than 3 frames."""
    if len(first) < 3 or min(np.std(first), np.std(second)) < CONSTANT_BELOW:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def best_lag(predicted: np.ndarray, truth: np.ndarray, detected: np.ndarray, furthest: int) -> tuple[float, float]:
    """Find the lag in frames at which two curves correlate best.

    Args:
        predicted: float (frames,).
        truth: float (frames,).
        detected: bool (frames,), of the truth; other frames do not count.
        furthest: the largest lag tried in either direction, frames.

    Returns:
        The lag, positive where the prediction is late, the smallest of equal ones; and the correlation
        there. NaN both where every correlation is.
    """
    best = (float("nan"), float("nan"))
    frames = len(truth)
    for lag in sorted(range(-furthest, furthest + 1), key=abs):
        start, end = max(0, -lag), frames - max(0, lag)
        if end - start < 3:
            continue
        kept = detected[start:end]
        r = correlation(predicted[start + lag : end + lag][kept], truth[start:end][kept])
        if not np.isnan(r) and (np.isnan(best[1]) or r > best[1]):
            best = (float(lag), r)
    return best


def shape_error(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Compute the mean squared error of the 20-point lips at an eye distance of 5, place taken out.

    Both (frames, 40, 2) or (frames, 20, 2), mouth space; each frame is centred on its own centroid.
    """
    predicted, truth = to_ibug20(predicted), to_ibug20(truth)
    difference = (predicted - predicted.mean(1, keepdims=True)) - (truth - truth.mean(1, keepdims=True))
    return mean_or_nan((EYE_DISTANCE_OF_SHAPE_ERROR * difference) ** 2)


def _check_lips(
    predicted: np.ndarray,
    truth: np.ndarray,
    mean_lip: np.ndarray,
    labels: np.ndarray,
    detected: np.ndarray,
    fps: float,
) -> np.ndarray:
    """Check that everything fits; return the labels by frame, (frames, steps a frame)."""
    if predicted.shape != truth.shape:
        raise InputError(
            f"predicted lips of shape {predicted.shape} against true ones of {truth.shape}; expected equal "
            "shapes: bring them to the same frames first, scores never trim"
        )
    if mean_lip.shape != truth.shape[1:]:
        raise InputError(f"mean_lip has shape {mean_lip.shape}; expected {truth.shape[1:]}, that of a frame of lips")
    if detected.shape != (len(truth),):
        raise InputError(f"'detected' has shape {detected.shape}; expected ({len(truth)},), one a frame")
    if not detected.any():
        raise InputError("no frame of this clip is detected; leave it out of the scores")
    if not np.isfinite(predicted).all():
        raise InputError("predicted lips hold values that are not finite; look at the model that made them")
    if not (np.isfinite(truth[detected]).all() and np.isfinite(mean_lip).all()):
        raise InputError("true lips hold values that are not finite; repair or leave out the clip")
    if not float(fps).is_integer():
        raise InputError(f"{fps} frames per second; scores need a divisor of {STEPS_PER_SECOND}, such as 25")
    steps_per_frame = exact_div(STEPS_PER_SECOND, int(fps))
    if labels.shape != (len(truth) * steps_per_frame,):
        raise InputError(
            f"labels of shape {labels.shape} for {len(truth)} frames; expected "
            f"({len(truth) * steps_per_frame},), {steps_per_frame} a frame"
        )
    return labels.reshape(len(truth), steps_per_frame)


def _silent_frames(frame_labels: np.ndarray, margin_steps: int) -> np.ndarray:
    """Mark the frames without any phone in them or within the margin; (frames, steps) -> (frames,)."""
    speech = (frame_labels.ravel() != SILENCE_ID).astype(np.int64)
    # A step is near speech where there is some from the margin before it to the margin after it.
    counted = np.concatenate([[0], np.cumsum(speech)])
    steps = np.arange(len(speech))
    last = np.minimum(steps + margin_steps + 1, len(speech))
    near = np.asarray(counted[last] > counted[np.maximum(steps - margin_steps, 0)])
    silent: np.ndarray = np.logical_not(near.reshape(frame_labels.shape).any(1))
    return silent
