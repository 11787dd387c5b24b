"""How far each phone opens and widens the mouth by the IPA chart, whoever speaks.

A decoder knows what its corpus showed: one man's mouth, few words, letters of the alphabet said with care. The chart
knows little of each phone, but of all of them: open vowels open, lips that are shut or bite do not, rounded lips are
narrow. Of people whom the model does not know, this alone tells as much as the decoder, and the two together more than
either (docs/findings.md, "What the chart says of people whom the training never saw").
"""

import numpy as np

from phonolips.phones.features import BITE, SHUT, VISIBILITY
from phonolips.phones.inventory import PHONE_IDS, SILENCE
from phonolips.phones.sounds import PHONE_FEATURES, phone_features

# Lips that are shut or bite are further from open than a close vowel is; rounding takes a little of the height, and an
# open mouth is a little wider. Half and twice of each moves the correlation with people's lips by less than 0.013.
# Of rounding, 0.5 would agree with them by 0.003 more, but leave UH and the [y] of other languages hardly open.
_SHUT, _BITE, _ROUNDED = 0.5, 0.3, 0.1  # of the way from an open to a close vowel
_WIDER_WHERE_OPEN = 0.3  # of the way from rounded lips to others
# What has no lips of its own: silence, and HH, whose lips are where the next phone has them.
_WITHOUT_SHAPE = (SILENCE, "HH")


def chart_shapes() -> np.ndarray:
    """Return opening and width of each phone by the IPA chart, float32 (phones, 2).

    Either has mean 0 and standard deviation 1 over the phones that have lips of their own; the others have 0.
    """
    opening, rounding = _feature("opening"), _feature("rounding")
    pressed = _SHUT * _feature(SHUT) + _BITE * _feature(BITE)
    shapes = np.stack([opening - pressed - _ROUNDED * rounding, _WIDER_WHERE_OPEN * opening - rounding], 1)
    own = np.array([phone not in _WITHOUT_SHAPE for phone in PHONE_IDS])
    shapes = (shapes - shapes[own].mean(0)) / shapes[own].std(0)
    shapes[~own] = 0.0
    return np.asarray(shapes, np.float32)


def _feature(name: str) -> np.ndarray:
    """Return one feature of each phone, float64 (phones,), 0 to 1."""
    values = phone_features()[:, PHONE_FEATURES.index(name)].astype(np.float64)
    return np.asarray(values / VISIBILITY.get(name, 1.0) ** 0.5)
