"""The encoder's outputs for the clips that the lips learn from: computed once, kept on disk, read batch by batch.

The encoder is fixed by then, so every clip is encoded once, clean, and some times more through noise and as other
voices. The outputs of a corpus of half a million clips go into a store (`encoder_outputs` inside the training's
folder), which a killed training goes on with.
"""

import logging
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from phonolips.corpus.store.store import ArraySpec, Clip, Store, plan_shards, write_shard
from phonolips.errors import CorpusError
from phonolips.phones.inventory import NUM_PHONES
from phonolips.training.augment import augment_mel
from phonolips.training.networks.encoder import AudioEncoder
from phonolips.training.ranks import rank_and_world, wait_for_all

log = logging.getLogger("phonolips.training")
# Of the noisy outputs. Vocal tracts differ as much as in the encoder's own training.
NOISE = {"noise_share": 0.8, "masked_share": 0.0, "reverb_share": 0.25, "tract_range": 0.12}
TOGETHER_STEPS = 4_800  # steps of clips of one length that are encoded in one pass


class StoredOutput(NamedTuple):
    """The encoder's output for a clip: posteriors (steps, phones) and hidden (steps / 2, channels), float16."""

    posteriors: np.ndarray
    hidden: np.ndarray


class _Named(NamedTuple):
    """A clip to be encoded."""

    id: str
    position: int


def encode_stored_clips(
    encoder: AudioEncoder,
    store: Store,
    clips: Sequence[str | int],
    device: str,
    *,
    noise_seed: int | None = None,
    noisy_passes: int = 1,
) -> list[tuple[StoredOutput, ...]]:
    """Encode clips, those of one length together.

    Args:
        encoder: on `device`.
        store: the features.
        clips: ids or positions.
        device: such as `cpu`.
        noise_seed: encode again, through noise that belongs to this seed and the clip's name; None = only clean.
        noisy_passes: how many times again.

    Returns:
        for every clip its outputs: clean, then noisy.
    """
    lengths = [store.rows(clip, "mel") for clip in clips]
    encoded: list[tuple[StoredOutput, ...]] = [()] * len(clips)
    order = sorted(range(len(clips)), key=lambda index: lengths[index])
    first = 0
    while first < len(order):
        steps = lengths[order[first]]
        most = max(1, TOGETHER_STEPS // max(1, steps))
        group = [index for index in order[first : first + most] if lengths[index] == steps]
        first += len(group)
        mel = torch.from_numpy(np.stack([store.get(clips[index], "mel").astype(np.float32) for index in group]))
        passes = [_encode(encoder, mel, device)]
        if noise_seed is not None:
            names = [_name(store, clips[index]) for index in group]
            for number in range(noisy_passes):
                passes.append(_encode(encoder, _through_noise(mel, names, f"{noise_seed}{number or ''}"), device))
        for place, index in enumerate(group):
            encoded[index] = tuple(one[place] for one in passes)
    return encoded


def _name(store: Store, clip: str | int) -> str:
    return clip if isinstance(clip, str) else store.id_at(clip)


def _through_noise(mel: Tensor, names: list[str], seed: str) -> Tensor:
    everywhere = torch.ones((1, mel.shape[1]), dtype=torch.bool)
    parts = []
    for row, name in zip(mel, names, strict=True):
        generator = torch.Generator().manual_seed(zlib.crc32(f"{seed}/{name}".encode()))
        parts.append(augment_mel(row[None], everywhere, **NOISE, generator=generator))
    return torch.cat(parts)


@torch.inference_mode()
def _encode(encoder: AudioEncoder, mel: Tensor, device: str) -> list[StoredOutput]:
    posteriors, hidden = (part.cpu().numpy().astype(np.float16) for part in encoder.encode(mel.to(device)))
    return [StoredOutput(*pair) for pair in zip(posteriors, hidden, strict=True)]


class StoredOutputs:
    """Every clip's encoder outputs, read from disk when they are asked for.

    Args:
        encoder: what encodes.
        store: the features.
        positions: int64 (clips,), of the clips in `store` that are needed.
        folder: gets a store for this encoder and this noise; others that are there are not touched.
        device: where to encode.
        noise_seed, noisy_passes: see `encode_stored_clips`.

    Raises:
        CorpusError: the outputs that are there are those of another corpus, with clips of the same names.
    """

    def __init__(
        self,
        encoder: AudioEncoder,
        store: Store,
        positions: np.ndarray,
        folder: Path,
        device: str,
        *,
        noise_seed: int | None = None,
        noisy_passes: int = 1,
    ) -> None:
        from tqdm import tqdm

        passes = noisy_passes if noise_seed is not None else 0
        self.names = ("clean", *(f"noisy{number or ''}" for number in range(passes)))
        arrays = {
            f"{name}_{part}": ArraySpec("float16", (size,))
            for name in self.names
            for part, size in (("posteriors", NUM_PHONES), ("hidden", encoder.settings.channels))
        }
        known = zlib.crc32(b"".join(value.cpu().numpy().tobytes() for value in encoder.state_dict().values()))
        self.folder = folder / f"{known:08x}-{f'{noise_seed}x{passes}' if passes else 'clean'}"
        wait_for_all()
        wanted = (_Named(store.id_at(int(position)), int(position)) for position in positions)
        plan = [
            (number, [clip.position for clip in group])
            for number, group in plan_shards(self.folder, arrays, wanted, clips=len(positions))
        ]
        wait_for_all()
        rank, world = rank_and_world()
        encoder = encoder.to(device).eval()
        clips = sum(len(group) for _, group in plan)
        bar = tqdm(total=clips, desc="encoding", unit="clip", dynamic_ncols=True, disable=None if rank == 0 else True)
        with bar:
            for number, group in plan[rank::world]:
                encoded = encode_stored_clips(
                    encoder, store, group, device, noise_seed=noise_seed, noisy_passes=noisy_passes
                )
                rows = []
                for position, stored_outputs in zip(group, encoded, strict=True):
                    values = {}
                    for name, stored_output in zip(self.names, stored_outputs, strict=True):
                        values[f"{name}_posteriors"], values[f"{name}_hidden"] = stored_output
                    rows.append(Clip(store.id_at(position), values, {}))
                write_shard(self.folder, number, arrays, rows)
                bar.update(len(group) * world)
        encoder.to("cpu")
        wait_for_all()
        self.store = Store(self.folder)
        self._check(store, positions)

    def _check(self, store: Store, positions: np.ndarray) -> None:
        """Raise CorpusError where a clip was longer or shorter when it was encoded than it is now."""
        steps, encoded = store.lengths("mel"), self.store.lengths("clean_posteriors")
        for position in positions.tolist():
            name = store.id_at(position)
            found = int(encoded[self.store.position(name)])
            if found != steps[position]:
                raise CorpusError(
                    f"{self.folder}: clip {name!r} had {found} steps when it was encoded, "
                    f"expected {steps[position]} as now; remove this folder, and it is encoded again"
                )

    def __getitem__(self, clip: str) -> tuple[StoredOutput, ...]:
        """Read one clip's outputs: clean, then noisy if there are two."""
        position = self.store.position(clip)
        return tuple(
            StoredOutput(self.store.get(position, f"{name}_posteriors"), self.store.get(position, f"{name}_hidden"))
            for name in self.names
        )
