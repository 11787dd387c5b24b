"""Measures of lips and of phone posteriors, and intervals of their means."""

from typing import TYPE_CHECKING

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
from phonolips.moved import old_names

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

if not TYPE_CHECKING:
    __getattr__ = old_names(
        "evaluation.metrics", "phones.compare", "phones.decode", "lips.curve", "evaluation.metrics.encoder"
    )
