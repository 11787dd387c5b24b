"""All reference rows of a report."""

from phonolips.evaluation.baselines.contract import Baseline
from phonolips.evaluation.baselines.lookups import PhoneInContext, PhoneMean, VisemeMean
from phonolips.evaluation.baselines.regression import MelRidge, PcaFloor
from phonolips.evaluation.baselines.simple import MeanCurve, MeanShape
from phonolips.evaluation.baselines.trajectories import PhoneTrajectories, VisemeTrajectories


def standard_baselines() -> list[Baseline]:
    """Make every reference row with its default settings, in the order of a report."""
    return [
        MeanShape(),
        MeanCurve(),
        VisemeMean(),
        VisemeTrajectories(),
        PhoneMean(),
        PhoneInContext(),
        PhoneTrajectories(),
        MelRidge(),
        PcaFloor(),
    ]
