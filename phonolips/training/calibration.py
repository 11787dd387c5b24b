"""What is fitted once the encoder is trained: counts of phone n-grams, and a temperature for the posteriors."""

import logging

import numpy as np
import torch

from phonolips.corpus.store.store import Store
from phonolips.phones.inventory import IGNORED_ID, NUM_PHONES
from phonolips.phones.ngram import count_ngrams
from phonolips.training.encoder_batches import EncoderValidBatches
from phonolips.training.networks.encoder import AudioEncoder

log = logging.getLogger("phonolips.training")
NGRAM_CLIPS = 20_000  # clips whose phones n-grams are counted on, at most, evenly spread
CALIBRATION_STEPS = 500_000  # steps of the validation clips that the temperature is fitted on, at most
TEMPERATURES = (0.2, 5.0)  # where the search looks


@torch.inference_mode()
def calibrate(encoder: AudioEncoder, store: Store, clips: np.ndarray, valid: EncoderValidBatches) -> None:
    """Count the encoder's n-grams in the phones of `clips`, and fit its `temperature` to labels of `valid`."""
    some = clips[:: 1 + len(clips) // NGRAM_CLIPS]
    kinds, counts = count_ngrams(store.get(clip, "phones")[:, 0] for clip in some)
    steps = np.ones(NUM_PHONES)
    for clip in some:
        labels = store.get(clip, "labels")
        steps += np.bincount(labels[labels != IGNORED_ID], minlength=NUM_PHONES)
    encoder.set_phone_ngrams(kinds, counts, steps / steps.sum())
    log.info("encoder: %d different n-grams of phones", len(kinds))
    stride = 1 + valid.padded_steps // CALIBRATION_STEPS
    encoded = [
        (encoder(batch.mel, batch.mask)[0].flatten(0, 1)[::stride], batch.labels.flatten()[::stride]) for batch in valid
    ]
    if not encoded:
        log.info("encoder: no validation clip, so the temperature stays 1")
        encoder.temperature.fill_(1.0)
        return
    logits, labels = (torch.cat(parts).numpy() for parts in zip(*encoded, strict=True))
    encoder.temperature.fill_(fit_temperature(logits, labels))


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
