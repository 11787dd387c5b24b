"""The durations of the text encoder, which spreads phones over known or predicted times."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from phonolips.model.settings import DurationSettings, check_odd
from phonolips.phones.inventory import NUM_PHONES
from phonolips.timebase import check_rate, steps_to_seconds

POSITION_FEATURES = 2  # first phone of its word, last phone of its word
LONGEST_STEPS = 100.0  # one second; no spoken phone is longer


class DurationPredictor(nn.Module):
    """The network from phones in context to their expected durations in steps.

    It is fitted by the Poisson likelihood, so its output is the conditional mean, and totals come out right.

    Args:
        settings: sizes.
        speakers: number of rows of the speaker table, row 0 being the mean speaker.
    """

    def __init__(self, settings: DurationSettings, speakers: int) -> None:
        super().__init__()
        check_odd(settings.kernel, "durations.kernel")
        channels = settings.channels
        self.phones = nn.Embedding(NUM_PHONES, channels)
        self.position = nn.Linear(POSITION_FEATURES, channels, bias=False)
        self.speaker = nn.Embedding(speakers, channels)
        nn.init.zeros_(self.speaker.weight)
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(channels, channels, settings.kernel, padding=settings.kernel // 2),
                nn.ReLU(),
                nn.Dropout(settings.dropout),
            )
            for _ in range(settings.layers)
        )
        self.head = nn.Linear(channels, 1)
        nn.init.constant_(self.head.bias, 2.0)

    def forward(self, phones: Tensor, position: Tensor, speaker: Tensor, mask: Tensor) -> Tensor:
        """Predict log durations.

        Args:
            phones: int64 (batch, phones).
            position: float (batch, phones, 2): first of its word, last of its word.
            speaker: int64 (batch,).
            mask: bool (batch, phones), True where data is real.

        Returns:
            float (batch, phones): natural logarithm of the expected steps.
        """
        hidden = self.phones(phones) + self.position(position) + self.speaker(speaker)[:, None]
        for layer in self.layers:
            hidden = hidden + layer((hidden * mask[..., None]).transpose(1, 2)).transpose(1, 2)
        return cast(Tensor, self.head(hidden)[..., 0])

    @torch.inference_mode()
    def predict(self, words: Sequence[Sequence[int]], speaker: int, rate: float = 1.0) -> list[np.ndarray]:
        """Predict the duration of every phone of every word; a pause is a word of the silence phone.

        Args:
            words: phone ids of each word.
            speaker: row of the speaker table.
            rate: 2.0 speaks twice as fast.

        Returns:
            float64 (phones,) for each word, seconds.

        Raises:
            InputError: rate is not between 0.1 and 10.
        """
        check_rate(rate)
        phones, position = flatten_words(words)
        if not len(phones):
            return [np.zeros(0) for _ in words]
        out = self(
            torch.from_numpy(phones)[None],
            torch.from_numpy(position)[None],
            torch.tensor([speaker]),
            torch.ones(1, len(phones), dtype=torch.bool),
        )
        steps = out[0].exp().clamp(1.0, LONGEST_STEPS).double().numpy() / rate
        ends = np.cumsum([len(word) for word in words])[:-1]
        return [steps_to_seconds(part) for part in np.split(steps, ends)]


def flatten_words(words: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Lay words end to end.

    Returns:
        phone ids int64 (phones,), and position float32 (phones, 2): first of its word, last of its word.
    """
    phones = np.array([phone for word in words for phone in word], dtype=np.int64)
    position = np.array(
        [(i == 0, i == len(word) - 1) for word in words for i in range(len(word))], dtype=np.float32
    ).reshape(-1, POSITION_FEATURES)
    return phones, position
