"""The clips that the lip decoder learns from: what is read of each, where they lie, and how often each comes up.

A speaker who has a name has a row in the table; of a clip whose speaker has none, the deviation is taken around the
clip's own mean shape, and the embedding comes from the speaker's shape or voice (`SpeakerEncoder`). Clips are read from
disk when they are asked for; nothing is held in memory but numbers per clip.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from phonolips.corpus.store.store import Store
from phonolips.lips.measures import opening
from phonolips.model.network import scale_lip_parameters
from phonolips.model.speakers import MEAN_SPEAKER_ROW
from phonolips.model.stages import FINES_PER_FRAME, describe_voice
from phonolips.timebase import frames_to_steps
from phonolips.training.encoder_outputs import StoredOutput, StoredOutputs, encode_stored_clips
from phonolips.training.lazy_clips import LazyClips
from phonolips.training.networks.network import TrainableNetwork
from phonolips.training.settings import LipsFitSettings

UNNAMED = ""  # the speaker of a clip, where nobody knows who speaks
SHUT_SHARE = 0.4  # of the mean shape's opening; below it the mouth counts as shut


class LipsClip(NamedTuple):
    """One clip as the lip decoder learns it.

    Fields:
        name: the clip's id.
        labels: int64 (steps,).
        outputs: the encoder's, of the clean sound and then, if there are two, of the noisy one.
        coefficients: float32 (frames, outputs), what stands for the true lips.
        lip_parameters: float32 (frames, lip parameters), the true ones.
        detected: bool (frames,), True where the face was really found.
        shut: bool (frames,), True where the true mouth is shut.
        speaker: row of the speaker table, the mean speaker's unless `named`.
        named: True where the speaker has a row.
        shape: float32 (40, 2), the clip's own mean shape, mouth space.
        voice: float32 (2 * mels,); empty where the model does not use it.
    """

    name: str
    labels: np.ndarray
    outputs: tuple[StoredOutput, ...]
    coefficients: np.ndarray
    lip_parameters: np.ndarray
    detected: np.ndarray
    shut: np.ndarray
    speaker: int
    named: bool
    shape: np.ndarray
    voice: np.ndarray


class LipsClips(LazyClips[LipsClip]):
    """The clips that the lip decoder learns from, each read from disk when it is asked for.

    Args:
        network: with its lip basis.
        store: the features.
        positions: int64 (clips,), in `store`.
        stored_outputs: of the encoder, by clip id.
    """

    def __init__(
        self, network: TrainableNetwork, store: Store, positions: np.ndarray, stored_outputs: StoredOutputs
    ) -> None:
        super().__init__(store, positions)
        self.network, self.stored_outputs = network, stored_outputs
        self.scale = network.lip_parameters.scale.numpy().copy()  # the network may be on a GPU when clips are read

    def read(self, position: int) -> LipsClip:
        """Read one clip, with what the encoder made of it."""
        outputs = self.stored_outputs[self.store.id_at(position)]
        return read_clip(self.network, self.store, position, outputs, self.scale)


def read_clips(
    network: TrainableNetwork, store: Store, clips: Sequence[str], device: str, *, noise_seed: int | None = None
) -> list[LipsClip]:
    """Read clips from the store and encode each with the network's encoder, through noise too where seeded."""
    encoder = network.audio_encoder.to(device).eval()
    encoded = encode_stored_clips(encoder, store, clips, device, noise_seed=noise_seed)
    encoder.to("cpu")
    return [read_clip(network, store, clip, outputs) for clip, outputs in zip(clips, encoded, strict=True)]


def read_clip(
    network: TrainableNetwork,
    store: Store,
    clip: str | int,
    outputs: tuple[StoredOutput, ...],
    scale: np.ndarray | None = None,
) -> LipsClip:
    """Read one clip from the store and put the encoder's outputs beside it; `scale` as for `describe_lips`."""
    names, speaker = network.description.speakers, store.meta(clip)["speaker"]
    named = speaker in names
    row = names.index(speaker) if named else MEAN_SPEAKER_ROW
    lips, detected = store.get(clip, "lips"), store.get(clip, "detected")
    shape = lips[detected].mean(0)
    mean_shape = network.lip_mean[row].numpy() if named else shape
    needs_voice = network.speaker_encoder is not None and "voice" in network.speaker_encoder.sources
    return LipsClip(
        name=store.id_at(store.position(clip)),
        labels=store.get(clip, "labels"),
        outputs=outputs,
        **describe_lips(network, lips, detected, mean_shape, scale),
        speaker=row,
        named=named,
        shape=shape,
        voice=describe_voice(store.get(clip, "mel")) if needs_voice else np.zeros(0, np.float32),
    )


def describe_lips(
    network: TrainableNetwork,
    lips: np.ndarray,
    detected: np.ndarray,
    mean_shape: np.ndarray,
    scale: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Return what a `LipsClip` says of its lips, by the names of its fields.

    Args:
        network: with its lip basis.
        lips: float32 (frames, 40, 2), mouth space.
        detected: bool (frames,), those that count.
        mean_shape: float32 (40, 2), around which they move.
        scale: of the lip parameters; None = the network's, which is then on the CPU.
    """
    with torch.inference_mode():
        coefficients = network.lips_to_coefficients(torch.from_numpy(lips), torch.from_numpy(mean_shape)).numpy()
    names = network.lip_parameters.settings.names
    scale = network.lip_parameters.scale.numpy() if scale is None else scale
    return {
        "coefficients": coefficients,
        "lip_parameters": scale_lip_parameters(lips, mean_shape, names, scale),
        "detected": detected,
        "shut": (opening(lips) < SHUT_SHARE * float(opening(mean_shape))) & detected,
    }


def cut(clip: LipsClip, first: int, frames: int) -> LipsClip:
    """Cut a clip to some of its frames."""
    steps, part = slice(frames_to_steps(first), frames_to_steps(first + frames)), slice(first, first + frames)
    fines = slice(FINES_PER_FRAME * first, FINES_PER_FRAME * (first + frames))
    return clip._replace(
        labels=clip.labels[steps],
        outputs=tuple(StoredOutput(one.posteriors[steps], one.hidden[fines]) for one in clip.outputs),
        coefficients=clip.coefficients[part],
        lip_parameters=clip.lip_parameters[part],
        detected=clip.detected[part],
        shut=clip.shut[part],
    )


def mean_shape_of(store: Store, clip: str | int) -> np.ndarray:
    """Average the detected lips of a clip: float32 (40, 2), mouth space."""
    mean: np.ndarray = store.get(clip, "lips")[store.get(clip, "detected")].mean(0)
    return mean


def lip_positions(store: Store, split: str) -> np.ndarray:
    """Find the clips of a split that have lips: positions, int64."""
    positions = store.where(split=split)
    with_lips: np.ndarray = positions[store.lengths("lips")[positions] > 0]
    return with_lips


def lip_clips(store: Store, split: str) -> list[str]:
    """Name the clips of a split that have lips."""
    return [store.id_at(position) for position in lip_positions(store, split).tolist()]


def has_unnamed(network: TrainableNetwork, store: Store, positions: np.ndarray) -> bool:
    """Return whether there is a clip among some whose speaker has no row in the network's table."""
    codes, names = store.column("speaker")
    return any(names[code] not in network.description.speakers for code in np.unique(codes[positions]))


def clip_shares(speakers: Sequence[object] | np.ndarray, balance: float) -> np.ndarray:
    """Compute how often each clip comes up from the speaker of each.

    Args:
        speakers: one a clip.
        balance: 0 = every clip equally often, 1 = every speaker equally often.

    Returns:
        float64 (clips,), summing to 1.
    """
    _, codes, counts = np.unique(np.asarray(speakers), return_inverse=True, return_counts=True)
    return _shares(counts[codes], balance)


def clip_shares_of(store: Store, positions: np.ndarray, settings: LipsFitSettings) -> np.ndarray:
    """Compute how often each training clip comes up; see `clip_shares`, and the setting `unnamed_clips`."""
    codes, names = store.column("speaker")
    own = codes[positions]
    counts = np.bincount(own, minlength=len(names))
    if UNNAMED in names:
        counts[names.index(UNNAMED)] = settings.unnamed_clips
    return _shares(counts[own], settings.balance)


def _shares(clips_of_speaker: np.ndarray, balance: float) -> np.ndarray:
    weights = np.asarray(clips_of_speaker, np.float64) ** -balance
    shares: np.ndarray = weights / weights.sum()
    return shares
