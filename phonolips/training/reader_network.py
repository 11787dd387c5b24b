"""The network of the lip reader, and its folder.

A word classifier on mouth-space landmarks alone, built like the back ends of LRW's readers: LRW's task is Chung and
Zisserman 2016 ("Lip reading in the wild": 29 frames, the word in the middle, other words around it), the
dilated convolutions over time are those of Martinez et al. 2020 ("Lipreading using temporal convolutional networks"),
without the pixels below them.

Its input is the principal components of the deviation from the clip's own mean shape, their velocities, and where in
the clip a frame lies: nothing of who it is. So lips that stand still say nothing, and whatever is read off a mean shape
is chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from phonolips.errors import InputError
from phonolips.lips.points import INNER_RING, LIP_LAYOUT, LIP_POINTS, OUTER_RING
from phonolips.model.bundle import WEIGHTS_FILE, bundle_errors, read_bundle, read_names, write_bundle
from phonolips.model.settings import settings_from_dict, settings_to_dict
from phonolips.training.modules import build_module, weights_content
from phonolips.training.settings import FitSettings

FORMAT = 1
KIND = "phonolips lip reader"
FEWEST_FRAMES = 3
HEADS = 4  # ways of attending to the frames of a clip
READ_AT_ONCE = 256  # clips in one pass
_CORNER_DISTANCE = len(OUTER_RING) // 2
# Position of the point that a point becomes when left and right are exchanged; rings start at the left corner.
MIRROR = tuple((_CORNER_DISTANCE - i) % len(OUTER_RING) for i in range(len(OUTER_RING))) + tuple(
    len(OUTER_RING) + (_CORNER_DISTANCE - i) % len(INNER_RING) for i in range(len(INNER_RING))
)


@dataclass
class ReaderSettings(FitSettings):
    """Shape and training of the lip reader."""

    epochs: int = 12
    batch: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    average: float = 0.99
    components: int = 16  # of the lips' PCA
    channels: int = 96
    kernel: int = 3
    dilations: list[int] = field(default_factory=lambda: [1, 2, 4, 1])  # a frame's logits reach 8 frames to each side
    dropout: float = 0.3
    label_smoothing: float = 0.1
    most_clips: int = 100_000  # training clips; 29 frames of 16 float16 make 928 bytes a clip, 93 MB, all of LRW 454 MB
    most_valid_clips: int = 5_000
    shift_frames: float = 2.0  # a clip is shifted in time by up to this,
    speed_range: float = 0.12  # spoken up to this much faster or slower,
    scale_range: float = 0.35  # moved up to exp(this) times more or less,
    jitter: float = 0.004  # blurred by tracking noise of up to this standard deviation, mouth-space units,
    smooth_share: float = 0.5  # this share of them smoothed over three frames,
    mirror_share: float = 0.5  # and this share seen in a mirror


class ReaderBatch(NamedTuple):
    """Padded: coefficients (batch, frames, components) as the network takes them, counts and words (batch,)."""

    coefficients: Tensor
    counts: Tensor
    words: Tensor


def mirror(lips: np.ndarray) -> np.ndarray:
    """Exchange left and right; float (..., 40, 2), mouth space, around x = 0."""
    mirrored: np.ndarray = lips[..., list(MIRROR), :] * np.array([-1, 1], lips.dtype)
    return mirrored


def check_lips(lips: np.ndarray, name: str = "lips") -> np.ndarray:
    """Return lips as float32 (frames, 40, 2); raise InputError, with `name` in it, where they are none."""
    lips = np.asarray(lips, np.float32)
    if lips.ndim != 3 or lips.shape[1:] != (LIP_POINTS, 2) or len(lips) < FEWEST_FRAMES:
        raise InputError(
            f"{name}: lips of shape {lips.shape}; expected (frames, {LIP_POINTS}, 2), {FEWEST_FRAMES} frames or more"
        )
    if not np.isfinite(lips).all():
        raise InputError(f"{name}: lips hold NaN or infinity; expected finite numbers")
    return lips


def pad_clips(parts: Sequence[np.ndarray], words: Sequence[int] | np.ndarray) -> ReaderBatch:
    """Pad the coefficients of clips, each (frames, components), to a batch."""
    counts = [len(part) for part in parts]
    padded = np.zeros((len(parts), max(counts), parts[0].shape[1]), np.float32)
    for row, part in zip(padded, parts, strict=True):
        row[: len(part)] = part
    return ReaderBatch(torch.from_numpy(padded), torch.tensor(counts), torch.tensor(np.asarray(words, np.int64)))


class _TimeBlock(nn.Module):
    """Add to every frame a convolution over those around it, (batch, frames, channels)."""

    def __init__(self, channels: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.wide = nn.Conv1d(channels, channels, kernel, padding=dilation * (kernel // 2), dilation=dilation)
        self.mix = nn.Linear(channels, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Convolve; what is beyond the clip's ends, as the float mask (batch, frames, 1) says, is zero."""
        around = self.wide((self.norm(hidden) * mask).transpose(1, 2)).transpose(1, 2)
        added: Tensor = hidden + self.dropout(self.mix(nn.functional.gelu(around)))
        return added


class LipReader(nn.Module):
    """Dilated convolutions over components and velocities, attention over frames, one logit a word.

    Args:
        words: what can be read, in the order of the logits.
        settings: shape and training.
        notes: free JSON, kept with the weights; `majority` is the most frequent word of the training clips.

    Buffers:
        lip_basis: (components, 40, 2), orthonormal PCA directions, each the same or the opposite in a mirror.
        lip_scale: (components,), mouth-space units per unit of input.
        mirror_sign: (components,), 1 or -1: what a mirror does to a coefficient.
    """

    lip_basis: Tensor
    lip_scale: Tensor
    mirror_sign: Tensor

    def __init__(
        self, words: Sequence[str], settings: ReaderSettings | None = None, notes: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        self.words = tuple(words)
        self.settings = settings = settings or ReaderSettings()
        self.notes = notes or {}
        components, channels = settings.components, settings.channels
        self.register_buffer("lip_basis", torch.zeros(components, LIP_POINTS, 2))
        self.register_buffer("lip_scale", torch.ones(components))
        self.register_buffer("mirror_sign", torch.ones(components))
        self.first = nn.Linear(2 * components + 1, channels)
        self.blocks = nn.ModuleList(
            _TimeBlock(channels, settings.kernel, dilation, settings.dropout) for dilation in settings.dilations
        )
        self.norm = nn.LayerNorm(channels)
        self.attention = nn.Linear(channels + 1, HEADS)
        self.dropout = nn.Dropout(settings.dropout)
        self.last = nn.Linear(HEADS * channels, len(self.words))

    def coefficients(self, lips: np.ndarray) -> np.ndarray:
        """Describe a clip's movement, float32 (frames, 40, 2) to float32 (frames, components)."""
        deviation = (lips - lips.mean(0)).reshape(len(lips), -1)
        found: np.ndarray = deviation @ self.lip_basis.flatten(1).numpy().T / self.lip_scale.numpy()
        return found

    def forward(self, coefficients: Tensor, counts: Tensor) -> Tensor:
        """Compute logits (batch, words) from padded coefficients (batch, frames, components)."""
        mask = torch.arange(coefficients.shape[1], device=counts.device)[None] < counts[:, None]
        coefficients = coefficients * mask[:, :, None]
        mean = coefficients.sum(1, keepdim=True) / counts[:, None, None]
        coefficients = (coefficients - mean) * mask[:, :, None]
        velocity = torch.zeros_like(coefficients)
        velocity[:, 1:] = (coefficients[:, 1:] - coefficients[:, :-1]) * mask[:, 1:, None]
        place = torch.arange(coefficients.shape[1], device=counts.device)[None] - (counts[:, None] - 1) / 2
        place = place / counts[:, None] * 2
        place = place[:, :, None]
        real = mask[:, :, None].to(coefficients.dtype)
        hidden = self.first(torch.cat([coefficients, 2 * velocity, place], -1))
        for block in self.blocks:
            hidden = block(hidden, real)
        hidden = self.norm(hidden)
        weight = self.attention(torch.cat([hidden, place], -1)).masked_fill(~mask[:, :, None], -torch.inf).softmax(1)
        logits: Tensor = self.last(self.dropout(torch.einsum("bfh,bfc->bhc", weight, hidden).flatten(1)))
        return logits

    def read(self, lips: np.ndarray) -> np.ndarray:
        """Read one clip.

        Args:
            lips: float (frames, 40, 2), mouth space, 25 frames a second, the word in the middle.

        Returns:
            probabilities float64 (words,), summing to 1.

        Raises:
            InputError: lips of another shape, or not finite.
        """
        found: np.ndarray = self.read_all([lips])[0]
        return found

    def read_all(self, clips: Sequence[np.ndarray]) -> np.ndarray:
        """Read many clips, of any lengths; probabilities float64 (clips, words). Arguments as for `read`."""
        self.eval()
        found = []
        for start in range(0, len(clips), READ_AT_ONCE):
            part = [self.coefficients(check_lips(lips)) for lips in clips[start : start + READ_AT_ONCE]]
            batch = pad_clips(part, [0] * len(part))
            with torch.inference_mode():
                found.append(self(batch.coefficients, batch.counts).double().softmax(-1).numpy())
        return np.concatenate(found) if found else np.zeros((0, len(self.words)))

    def save(self, folder: Path) -> None:
        """Write weights and description into `folder`; see `bundle.write_bundle`."""
        description = {
            "kind": KIND,
            "format": FORMAT,
            "lip_layout": LIP_LAYOUT,
            "words": list(self.words),
            "settings": settings_to_dict(self.settings),
            "notes": self.notes,
        }
        write_bundle(folder, {WEIGHTS_FILE: weights_content(self)}, description)


def load_reader(folder: Path) -> LipReader:
    """Load a lip reader's folder, ready for reading on the CPU.

    Raises:
        CheckpointError: files missing or unreadable, or of another kind, format or lip layout.
    """
    what, expected = "lip reader", {"kind": KIND, "format": FORMAT, "lip_layout": LIP_LAYOUT}
    values = read_bundle(folder, what=what, made_by="LipReader.save", expected=expected)
    with bundle_errors(folder, what):
        settings = settings_from_dict(ReaderSettings, values["settings"])
        words = read_names(values, "words")
        return build_module(folder, lambda: LipReader(words, settings, values["notes"]))
