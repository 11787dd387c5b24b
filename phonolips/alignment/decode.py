"""Read phones with times off posteriors, without knowing the text."""

import numpy as np

SWITCH_COST = 2.5  # nats that a change of phone must earn; least phone errors on validation clips lie at 2 to 3
LEAST_POSTERIOR = 1e-6


def best_path(posteriors: np.ndarray, switch_cost: float = SWITCH_COST) -> np.ndarray:
    """Find the likeliest phone of every step where each change of phone has a cost (Viterbi 1967).

    Args:
        posteriors: float (steps, phones), rows sum to 1.
        switch_cost: nats; 0 gives the best phone of every step by itself.

    Returns:
        int64 (steps,), phone ids.
    """
    steps, phones = posteriors.shape
    came_from = np.zeros((steps, phones), np.int16)
    stay = np.arange(phones, dtype=np.int16)

    def score(step: int) -> np.ndarray:
        return np.log(np.maximum(posteriors[step], LEAST_POSTERIOR), dtype=np.float64)

    total = score(0)
    for step in range(1, steps):
        best = int(total.argmax())
        switch = total[best] - switch_cost
        stays = total >= switch
        came_from[step] = np.where(stays, stay, best)
        total = np.where(stays, total, switch) + score(step)
    path = np.empty(steps, np.int64)
    path[-1] = int(total.argmax())
    for step in range(steps - 1, 0, -1):
        path[step - 1] = came_from[step, path[step]]
    return path
