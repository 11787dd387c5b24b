"""The durations of the text encoder, which spreads phones over known or predicted times."""

from typing import cast

from torch import Tensor, nn

from phonolips.model.settings import DurationSettings, check_odd
from phonolips.model.stages import POSITION_FEATURES
from phonolips.phones.inventory import NUM_PHONES


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
