"""Means and ratios of what may be empty, and intervals of means over clips."""

from collections.abc import Sequence

import numpy as np

from phonolips.errors import InputError

BOOTSTRAP_RESAMPLES = 2000
CONFIDENCE_LEVEL = 0.95


def mean_or_nan(values: np.ndarray) -> float:
    """Return the mean; NaN for no values."""
    return float(np.mean(values)) if values.size else float("nan")


def ratio_or_nan(numerator: float, denominator: float) -> float:
    """Return the ratio; NaN unless the denominator is above 0."""
    return float(numerator / denominator) if denominator > 0 else float("nan")


def bootstrap_interval(
    values: Sequence[float] | np.ndarray,
    *,
    weights: Sequence[float] | np.ndarray | None = None,
    seed: int = 0,
) -> tuple[float, float]:
    """Compute a 95 % percentile bootstrap interval of a mean over clips.

    It says how the mean would vary over other clips of the same speakers, not over other speakers.

    Args:
        values: one number a clip; NaN ones do not count.
        weights: the clips' denominators where the mean is a pooled rate, sum(values) / sum(weights).
        seed: of the resampling.

    Returns:
        (low, high); NaN both where fewer than two clips have a value.
    """
    from scipy.stats import bootstrap

    numbers = np.asarray(values, dtype=np.float64)
    shares = np.ones_like(numbers) if weights is None else np.asarray(weights, dtype=np.float64)
    if shares.shape != numbers.shape:
        raise InputError(f"{len(numbers)} values with {len(shares)} weights; expected as many")
    kept = ~np.isnan(numbers) & (shares > 0)
    if kept.sum() < 2:
        return float("nan"), float("nan")

    def pooled(top: np.ndarray, bottom: np.ndarray, axis: int = -1) -> np.ndarray:
        rate: np.ndarray = top.sum(axis) / bottom.sum(axis)
        return rate

    result = bootstrap(
        (numbers[kept], shares[kept]),
        pooled,
        paired=True,
        vectorized=True,
        n_resamples=BOOTSTRAP_RESAMPLES,
        confidence_level=CONFIDENCE_LEVEL,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)
