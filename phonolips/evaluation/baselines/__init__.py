"""Reference rows: simple predictors that any model has to beat."""

from typing import TYPE_CHECKING

from phonolips.evaluation.baselines.contract import Baseline
from phonolips.evaluation.baselines.lookups import PhoneInContext, PhoneMean, VisemeMean
from phonolips.evaluation.baselines.regression import MelRidge, PcaFloor
from phonolips.evaluation.baselines.simple import MeanCurve, MeanShape
from phonolips.evaluation.baselines.standard import standard_baselines
from phonolips.evaluation.baselines.trajectories import PhoneTrajectories, VisemeTrajectories
from phonolips.evaluation.clips import Clip
from phonolips.moved import old_names

__all__ = [
    "Baseline",
    "Clip",
    "MeanCurve",
    "MeanShape",
    "MelRidge",
    "PcaFloor",
    "PhoneInContext",
    "PhoneMean",
    "PhoneTrajectories",
    "VisemeMean",
    "VisemeTrajectories",
    "standard_baselines",
]

if not TYPE_CHECKING:
    __getattr__ = old_names("evaluation.baselines", "evaluation.clips", "evaluation.baselines.simple")
