"""A small lip reader: which of N words do these lips say? Trained on true lips, it judges synthesised ones.

A word classifier on mouth-space landmarks alone, built like the back ends of LRW's readers: LRW's task is Chung and
Zisserman 2016 ("Lip reading in the wild": 29 frames, the word in the middle, other words around it), the
dilated convolutions over time are those of Martinez et al. 2020 ("Lipreading using temporal convolutional networks"),
without the pixels below them. Reading with a network that has seen only real people, to score synthesised ones,
follows Vougioukas et al. 2020 ("Realistic speech-driven facial animation with GANs").

Input are the principal components of the deviation from the clip's own mean lip, their velocities, and where in the
clip a frame lies: nothing of who it is. So lips that stand still say nothing, and whatever is read off a mean lip is
chance.

The reader is trained on the training split, its best epoch is chosen on the validation split, and only then does it
see the test split.
"""

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from phonolips.corpus.store.store import Store
from phonolips.errors import CheckpointError, CorpusError, InputError, PhonolipsError
from phonolips.lips.points import INNER_RING, LIP_LAYOUT, LIP_POINTS, OUTER_RING
from phonolips.model.bundle import DESCRIPTION_FILE, WEIGHTS_FILE, write_model
from phonolips.model.settings import settings_from_dict, settings_to_dict
from phonolips.training.loop import Stage, Trainer, fit_network, mean_over_ranks, share_of
from phonolips.training.order import evenly
from phonolips.training.ranks import gather, is_main, wait_for_all
from phonolips.training.settings import FitSettings

if TYPE_CHECKING:
    pass

log = logging.getLogger("phonolips.evaluation")
FORMAT = 1
KIND = "phonolips lip reader"
FEWEST_FRAMES = 3
BASIS_CLIPS = 2_000  # clips that the principal components are measured on, at most, evenly drawn
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


class ReaderClip(NamedTuple):
    """One clip with a known word: lips float32 (frames, 40, 2), mouth space, 25 frames a second."""

    id: str
    word: str
    lips: np.ndarray


class ReaderBatch(NamedTuple):
    """Padded: coefficients (batch, frames, components) as the network takes them, counts and words (batch,)."""

    coefficients: Tensor
    counts: Tensor
    words: Tensor


def mirror(lips: np.ndarray) -> np.ndarray:
    """Exchange left and right; float (..., 40, 2), mouth space, around x = 0."""
    return lips[..., list(MIRROR), :] * np.array([-1, 1], lips.dtype)


def _check_lips(lips: np.ndarray, name: str = "lips") -> np.ndarray:
    lips = np.asarray(lips, np.float32)
    if lips.ndim != 3 or lips.shape[1:] != (LIP_POINTS, 2) or len(lips) < FEWEST_FRAMES:
        raise InputError(
            f"{name}: lips of shape {lips.shape}; expected (frames, {LIP_POINTS}, 2), {FEWEST_FRAMES} frames or more"
        )
    if not np.isfinite(lips).all():
        raise InputError(f"{name}: lips hold NaN or infinity; expected finite numbers")
    return lips


class _TimeBlock(nn.Module):
    """Add to every frame what the frames around it say, (batch, frames, channels)."""

    def __init__(self, channels: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.wide = nn.Conv1d(channels, channels, kernel, padding=dilation * (kernel // 2), dilation=dilation)
        self.mix = nn.Linear(channels, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Convolve; what is beyond the clip's ends, as the float mask (batch, frames, 1) says, is zero."""
        said = self.wide((self.norm(hidden) * mask).transpose(1, 2)).transpose(1, 2)
        return hidden + self.dropout(self.mix(nn.functional.gelu(said)))


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
        return deviation @ self.lip_basis.flatten(1).numpy().T / self.lip_scale.numpy()

    def forward(self, coefficients: Tensor, counts: Tensor) -> Tensor:
        """Give logits (batch, words) of padded coefficients (batch, frames, components)."""
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
        return self.last(self.dropout(torch.einsum("bfh,bfc->bhc", weight, hidden).flatten(1)))

    def read(self, lips: np.ndarray) -> np.ndarray:
        """Read one clip.

        Args:
            lips: float (frames, 40, 2), mouth space, 25 frames a second, the word in the middle.

        Returns:
            probabilities float64 (words,), summing to 1.

        Raises:
            InputError: lips of another shape, or not finite.
        """
        return self.read_all([lips])[0]

    def read_all(self, clips: Sequence[np.ndarray]) -> np.ndarray:
        """Read many clips, of any lengths; probabilities float64 (clips, words). Arguments as for `read`."""
        self.eval()
        found = []
        for start in range(0, len(clips), READ_AT_ONCE):
            part = [self.coefficients(_check_lips(lips)) for lips in clips[start : start + READ_AT_ONCE]]
            batch = _pad(part, [0] * len(part))
            with torch.inference_mode():
                found.append(self(batch.coefficients, batch.counts).double().softmax(-1).numpy())
        return np.concatenate(found) if found else np.zeros((0, len(self.words)))

    def save(self, folder: Path) -> None:
        """Write weights and description into `folder`, each atomically, the description last."""
        description = {
            "kind": KIND,
            "format": FORMAT,
            "lip_layout": LIP_LAYOUT,
            "words": list(self.words),
            "settings": settings_to_dict(self.settings),
            "notes": self.notes,
        }
        write_model(folder, self.state_dict(), description)


def load_reader(folder: Path) -> LipReader:
    """Load a lip reader's folder, ready for reading on the CPU.

    Raises:
        CheckpointError: files missing or unreadable, or of another kind, format or lip layout.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    for name in (DESCRIPTION_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise CheckpointError(f"{folder}: no {name} here; expected a folder made by LipReader.save")
    try:
        values = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        for name, wanted in (("kind", KIND), ("format", FORMAT), ("lip_layout", LIP_LAYOUT)):
            if values.get(name) != wanted:
                raise CheckpointError(f"{folder}: {name} is {values.get(name)!r}; this version reads {wanted!r}")
        settings = settings_from_dict(ReaderSettings, values["settings"])
        reader = LipReader(values["words"], settings, values.get("notes", {}))
        reader.load_state_dict(load_file(str(folder / WEIGHTS_FILE)))
    except CheckpointError:
        raise
    except PhonolipsError as error:
        raise CheckpointError(str(error)) from error
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError, OSError) as error:
        raise CheckpointError(f"{folder}: not a readable lip reader ({str(error).splitlines()[0]})") from error
    return reader.eval().requires_grad_(False)


# Clips


def word_of(clip: str) -> str:
    """Name the word of an LRW clip, such as `about` of `ABOUT/test/ABOUT_00001`."""
    return clip.partition("/")[0].lower()


class StoreClips(Sequence[ReaderClip]):
    """Clips of a prepared corpus, read from the store one by one when asked for.

    Args:
        store: prepared features with `lips`.
        split: whose clips; those without lips are left out.
        speaker: whose alone; "" = of speakers without a name, as all of LRW's; None = everybody's.
        most: no more than these, evenly drawn.
        name_word: clip id -> word.
    """

    def __init__(
        self,
        store: Store,
        split: str,
        *,
        speaker: str | None = None,
        most: int = 0,
        name_word: Callable[[str], str] = word_of,
    ) -> None:
        positions = store.where(split=split) if speaker is None else store.where(split=split, speaker=speaker)
        positions = positions[np.asarray(store.lengths("lips"))[positions] >= FEWEST_FRAMES]
        self.positions = evenly(positions, most) if most else positions
        self.store, self.name_word = store, name_word

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        position = int(self.positions[index])
        name = self.store.id_at(position)
        return ReaderClip(name, self.name_word(name), self.store.get(position, "lips"))

    def words(self) -> list[str]:
        """List the words there are, sorted; the lips are not read."""
        return sorted({self.name_word(self.store.id_at(int(position))) for position in self.positions})


class PackedClips:
    """Coefficients of many clips, float16, end to end, with starts (clips + 1,) and words int64 (clips,)."""

    def __init__(self, reader: LipReader, clips: Iterable[ReaderClip]) -> None:
        index = {word: row for row, word in enumerate(reader.words)}
        parts, words = [], []
        for clip in clips:
            if clip.word not in index:
                raise InputError(f"{clip.id}: the word {clip.word!r} is not among the {len(index)} words to be read")
            parts.append(reader.coefficients(_check_lips(clip.lips, clip.id)).astype(np.float16))
            words.append(index[clip.word])
        self.starts = np.concatenate([[0], np.cumsum([len(part) for part in parts], dtype=np.int64)])
        self.values = np.concatenate(parts) if parts else np.zeros((0, reader.settings.components), np.float16)
        self.words = np.array(words, np.int64)

    def __len__(self) -> int:
        return len(self.words)

    def clip(self, index: int) -> np.ndarray:
        """Give one clip's coefficients, float32 (frames, components)."""
        return self.values[self.starts[index] : self.starts[index + 1]].astype(np.float32)

    def batches(self, size: int) -> list[ReaderBatch]:
        """Cut the clips into batches in their order, as they are."""
        return [
            _pad([self.clip(i) for i in range(start, min(start + size, len(self)))], self.words[start : start + size])
            for start in range(0, len(self), size)
        ]


def _pad(parts: Sequence[np.ndarray], words: Sequence[int] | np.ndarray) -> ReaderBatch:
    counts = [len(part) for part in parts]
    padded = np.zeros((len(parts), max(counts), parts[0].shape[1]), np.float32)
    for row, part in zip(padded, parts, strict=True):
        row[: len(part)] = part
    return ReaderBatch(torch.from_numpy(padded), torch.tensor(counts), torch.tensor(np.asarray(words, np.int64)))


def fit_basis(reader: LipReader, clips: Sequence[ReaderClip]) -> None:
    """Set the principal components of `reader` from clips and their mirror images, whose own mean lip is taken off."""
    chosen = evenly(np.arange(len(clips)), BASIS_CLIPS)
    spread = np.zeros((2 * LIP_POINTS, 2 * LIP_POINTS))
    for index in chosen:
        lips = _check_lips(clips[int(index)].lips, clips[int(index)].id)
        deviation = lips - lips.mean(0)
        for seen in (deviation, mirror(deviation)):
            flat = seen.reshape(len(seen), -1).astype(np.float64)
            spread += flat.T @ flat / (2 * len(flat) * len(chosen))
    components = reader.settings.components
    # What is alike on both sides and what is not are uncorrelated by now; apart, no component mixes the two.
    flip = mirror(np.eye(2 * LIP_POINTS).reshape(-1, LIP_POINTS, 2)).reshape(2 * LIP_POINTS, -1)
    found = []
    for sign in (1, -1):
        onto = (np.eye(2 * LIP_POINTS) + sign * flip) / 2
        values, vectors = np.linalg.eigh(onto @ spread @ onto)
        own = np.abs(onto @ vectors - vectors).max(0) < 1e-6
        found += [(value, sign, vector) for value, vector, kept in zip(values, vectors.T, own, strict=True) if kept]
    found = sorted(found, key=lambda item: -item[0])[:components]
    reader.lip_basis.copy_(torch.from_numpy(np.array([vector for _, _, vector in found]).reshape(-1, LIP_POINTS, 2)))
    scale = np.sqrt(np.maximum([value for value, _, _ in found], 0))
    reader.lip_scale.copy_(torch.from_numpy(scale).clamp_min(1e-4))
    reader.mirror_sign.copy_(torch.tensor([float(sign) for _, sign, _ in found]))


# Training


class ReaderTrain:
    """Training batches: every clip once an epoch, varied."""

    def __init__(self, clips: PackedClips, reader: LipReader) -> None:
        self.clips, self.settings = clips, reader.settings
        self.scale, self.sign = reader.lip_scale.numpy().copy(), reader.mirror_sign.numpy().copy()
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw the order of an epoch."""
        self.epoch = epoch
        self.order = np.random.default_rng((self.settings.seed, epoch)).permutation(len(self.clips))

    def __len__(self) -> int:
        return -(-len(self.clips) // self.settings.batch)

    def batch(self, index: int, rank: int = 0, world: int = 1) -> ReaderBatch:
        """Make one batch, or of its clips those that fall to this rank."""
        size = self.settings.batch
        chosen = share_of(self.order[index * size : (index + 1) * size], rank, world)
        parts = []
        for clip in chosen:
            rng = np.random.default_rng((self.settings.seed, self.epoch, int(clip)))
            parts.append(self.vary(self.clips.clip(int(clip)), rng))
        return _pad(parts, self.clips.words[chosen])

    def vary(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Vary time, size, smoothness, tracking noise and side of coefficients (frames, components)."""
        settings, frames = self.settings, len(values)
        middle = (frames - 1) / 2
        speed = np.exp(rng.uniform(-settings.speed_range, settings.speed_range))
        shift = rng.uniform(-settings.shift_frames, settings.shift_frames)
        at = np.clip(middle + (np.arange(frames) - middle) * speed + shift, 0, frames - 1)
        before = np.minimum(at.astype(np.int64), frames - 2)
        part = (at - before)[:, None]
        varied = (1 - part) * values[before] + part * values[before + 1]
        varied = varied * np.exp(rng.uniform(-settings.scale_range, settings.scale_range))
        if rng.random() < settings.smooth_share:
            side = rng.uniform(0, 1 / 3)
            padded = np.pad(varied, ((1, 1), (0, 0)), mode="edge")
            varied = side * (padded[:-2] + padded[2:]) + (1 - 2 * side) * varied
        varied = varied + rng.normal(0, rng.uniform(0, settings.jitter), varied.shape) / self.scale
        if rng.random() < settings.mirror_share:
            varied = varied * self.sign
        return varied.astype(np.float32)


class ReaderTrainer(Trainer):
    """Cross-entropy with smoothed labels; the weights of the epoch that validates best are kept in `folder`."""

    uses_everything = True
    settings: ReaderSettings
    folder: Path

    def compute_forward(self, batch: ReaderBatch, stage: Stage) -> Tensor:
        """Give logits (batch, words)."""
        return self.modules.reader(batch.coefficients.to(self.device), batch.counts.to(self.device))

    def compute_objectives(self, predictions: Tensor, batch: ReaderBatch, stage: Stage) -> Tensor:
        """Average the cross-entropy over the clips; on validation clips also count what is read right."""
        words = batch.words.to(self.device)
        if stage != Stage.TRAIN:
            self.count(clips=len(words), right=float((predictions.argmax(-1) == words).sum()))
            return nn.functional.cross_entropy(predictions, words)
        loss = nn.functional.cross_entropy(
            predictions, words, reduction="sum", label_smoothing=self.settings.label_smoothing
        )
        return mean_over_ranks(loss, len(words))

    def scores(self) -> dict[str, float]:
        """Give the share of validation clips that are read right."""
        return {"top1": self.sums.get("right", 0.0) / max(1.0, self.sums.get("clips", 0.0))}

    def on_stage_end(self, stage: Stage, stage_loss: float, epoch: int | None = None) -> None:
        """Keep the weights if none before validated better, before the epoch counts as done."""
        if stage == Stage.VALID:
            shares = gather((self.sums.get("right", 0.0), self.sums.get("clips", 0.0)))
            top1 = sum(right for right, _ in shares) / max(1.0, sum(clips for _, clips in shares))
            best = load_reader(self.folder).notes["valid_top1"] if (self.folder / DESCRIPTION_FILE).is_file() else -1.0
            if is_main() and top1 >= best:
                reader = cast(LipReader, self.saved)
                reader.notes = {**reader.notes, "epoch": epoch, "valid_top1": top1}
                reader.save(self.folder)
        super().on_stage_end(stage, stage_loss, epoch)


def train_reader(
    clips: Sequence[ReaderClip],
    words: Sequence[str],
    *,
    folder: Path,
    valid: Sequence[ReaderClip] = (),
    settings: ReaderSettings | None = None,
    seed: int = 1,
    device: str = "auto",
) -> LipReader:
    """Train a lip reader on true lips, or take the one that `folder` holds already.

    Args:
        clips: training clips; only their coefficients are held in memory (`StoreClips` reads the lips from a store).
        words: what can be read; every clip's word is one of them.
        folder: gets the reader, checkpoints and `history.jsonl`; a killed run goes on from its last epoch.
        valid: clips on which the best epoch is chosen; without any, the last one is.
        settings: of shape and training.
        seed: of everything random, instead of the settings'.
        device: `auto`, `cpu`, `cuda`.

    Raises:
        CorpusError: no clip, or fewer than two words.
        InputError: a clip's lips are not as expected, or its word is not among `words`.
        CheckpointError: the reader in `folder` cannot be read, or was trained on other words, settings or clips.
    """
    settings = replace(settings or ReaderSettings(), seed=seed)
    if len(words) < 2 or not len(clips):
        raise CorpusError(
            f"{len(clips)} training clips and {len(words)} words for the lip reader; expected at least two words"
        )
    made_from = {"clips": len(clips), "valid_clips": len(valid)}
    if (folder / DESCRIPTION_FILE).is_file():
        reader = load_reader(folder)
        same = {name: reader.notes.get(name) for name in made_from} == made_from
        if reader.words != tuple(words) or reader.settings != settings or not same:
            raise CheckpointError(
                f"{folder}: a lip reader of other words, settings or clips than these {len(words)} words and "
                f"{len(clips)} clips; remove the folder to train it anew"
            )
        log.info("lip reader: %s is there already", folder)
        return reader
    torch.manual_seed(settings.seed)
    reader = LipReader(words, settings)
    fit_basis(reader, clips)
    train, checked = PackedClips(reader, clips), PackedClips(reader, valid)
    majority = Counter(train.words.tolist()).most_common(1)[0][0]
    reader.notes = {**made_from, "majority": reader.words[majority]}
    fit_network(
        ReaderTrainer,
        modules={"reader": reader},
        saved=reader,
        settings=settings,
        train=ReaderTrain(train, reader),
        valid=checked.batches(READ_AT_ONCE),
        folder=folder / "training",
        device=device,
        attributes={"folder": folder / "training" / "best"},
    )
    wait_for_all()
    best = load_reader(folder / "training" / "best")
    if is_main():
        best.save(folder)
    wait_for_all()
    return best


def train_reader_on_store(
    store: Store,
    folder: Path,
    *,
    settings: ReaderSettings | None = None,
    speaker: str | None = None,
    name_word: Callable[[str], str] = word_of,
    seed: int = 1,
    device: str = "auto",
) -> LipReader:
    """Train a lip reader on the `train` clips of a prepared corpus, chosen on its `valid` ones.

    Arguments are those of `StoreClips` and `train_reader`.
    """
    settings = settings or ReaderSettings()
    train = StoreClips(store, "train", speaker=speaker, most=settings.most_clips, name_word=name_word)
    words = train.words()
    valid = StoreClips(store, "valid", speaker=speaker, most=settings.most_valid_clips, name_word=name_word)
    return train_reader(train, words, folder=folder, valid=valid, settings=settings, seed=seed, device=device)
