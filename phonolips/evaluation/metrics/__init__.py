"""Measures of lips and of phone posteriors, and intervals of their means."""

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

__all__ = [
    "OpeningThresholds",
    "best_lag",
    "bootstrap_interval",
    "calibration_error",
    "confusion_matrix",
    "correlation",
    "encoder_scores",
    "lip_scores",
    "opening_thresholds",
    "shape_error",
    "step_accuracy",
]
