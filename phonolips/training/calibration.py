"""What is fitted once the ears are trained: a temperature for the posteriors."""

import logging

import numpy as np

from phonolips.phones.inventory import IGNORED_ID

log = logging.getLogger("phonolips.training")
TEMPERATURES = (0.2, 5.0)  # where the search looks


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Find the temperature under which logits give the labels the greatest probability (Guo et al. 2017).

    It changes how sure the posteriors are, never which phone is the best.

    Args:
        logits: float (steps, phones), of clips that were not trained on.
        labels: int64 (steps,); steps with IGNORED_ID do not count.

    Returns:
        what to divide the logits by, within TEMPERATURES; 1 where no step is labelled.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    known = labels != IGNORED_ID
    if not known.any():
        return 1.0
    kept = np.asarray(logits, np.float64)[known]
    right = kept[np.arange(len(kept)), labels[known]].mean()

    def loss(log_temperature: float) -> float:
        inverse = np.exp(-log_temperature)
        return float(logsumexp(kept * inverse, axis=1).mean() - right * inverse)

    bounds = tuple(np.log(TEMPERATURES).tolist())
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-5})
    temperature = float(np.exp(found.x))
    log.info("temperature %.3f on %d steps: cross-entropy %.4f, was %.4f", temperature, len(kept), found.fun, loss(0.0))
    return temperature
