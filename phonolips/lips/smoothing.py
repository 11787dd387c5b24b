"""A Gaussian over time, which steadies what jitters: lips, mouth space, weights of visemes and blendshapes."""

import numpy as np

REACH_SIGMAS = 4.0  # where the Gaussian ends; what is beyond weighs 6e-5 in all
BLOCK_ROWS = 4096  # smoothed at once: some megabytes of intermediate results however long the whole is


def smooth_gaussian(values: np.ndarray, sigma: float, ahead: int | None = None) -> np.ndarray:
    """Smooth over the first axis; beyond the ends the nearest row holds.

    Computed in float64, and equal to SciPy's `gaussian_filter1d(values, sigma, axis=0, mode="nearest")`.

    Args:
        values: float (rows, ...), a row at least.
        sigma: the Gaussian's standard deviation in rows, more than 0.
        ahead: rows after a row that it may depend on: the last of them stands for those that follow. None = all.

    Returns:
        the same shape and type; a row depends on `REACH_SIGMAS * sigma` rows on each side.
    """
    reach = int(REACH_SIGMAS * sigma + 0.5)
    weights = np.exp(-0.5 / sigma**2 * np.arange(reach + 1) ** 2)  # of the row itself, and of those 1, 2, … away
    weights /= weights[0] + 2 * weights[1:].sum()
    ahead = reach if ahead is None else ahead
    result = np.empty_like(values)
    for first in range(0, len(values), BLOCK_ROWS):
        last = min(first + BLOCK_ROWS, len(values))
        part = values[np.clip(np.arange(first - reach, last + reach), 0, len(values) - 1)].astype(np.float64)
        rows = last - first
        smooth = weights[0] * part[reach : reach + rows]
        for away in range(reach, 0, -1):
            after = reach + min(away, ahead)
            both = part[reach - away : reach - away + rows] + part[after : after + rows]
            smooth += weights[away] * both
        result[first:last] = smooth
    return result
