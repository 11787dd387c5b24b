"""Measures of lips, phones and boundaries, and their intervals."""

from phonolips.evaluation.metrics.encoder import calibration_error, confusion_matrix, encoder_scores, step_accuracy
from phonolips.evaluation.metrics.lips import (
    OpeningThresholds,
    best_lag,
    correlation,
    lip_scores,
    opening_thresholds,
    shape_error,
)
from phonolips.evaluation.metrics.statistics import bootstrap_interval
from phonolips.lips.curve import resample_by_phones
from phonolips.phones.compare import (
    boundary_errors,
    boundary_summary,
    labels_to_phones,
    phone_errors,
    recognise_phones,
)
from phonolips.phones.decode import label_runs
