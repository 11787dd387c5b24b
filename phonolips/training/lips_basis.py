"""What is measured on the training clips before the lips are trained: mean shapes, PCA basis, and scales."""

import logging
from collections.abc import Sequence

import numpy as np
import torch

from phonolips.corpus.store.store import Store
from phonolips.lips.measures import measure_lip_parameters
from phonolips.lips.points import LIP_POINTS
from phonolips.model.speakers import MEAN_SPEAKER_ROW
from phonolips.model.stages import describe_voice
from phonolips.training.lips_clips import clip_shares_of, mean_shape_of
from phonolips.training.networks.network import TrainableNetwork
from phonolips.training.order import evenly
from phonolips.training.settings import LipsFitSettings

log = logging.getLogger("phonolips.training")
LIP_SHAPE = (LIP_POINTS, 2)
SPREAD_CLIPS = 2_000  # clips on which the spread of shapes and voices is measured


def fit_lip_basis(
    network: TrainableNetwork, store: Store, clips: Sequence[str] | np.ndarray, settings: LipsFitSettings
) -> None:
    """Measure mean shapes and PCA basis on the training clips and set them in the network.

    The mean shape of every named speaker is the mean over that speaker's detected frames. Row 0, the mean speaker's, is
    the mean over the clips' speakers, weighted as they come up in training: its embedding learns deviations in these
    shares, and only then does a deviation that shuts the mouth shut this one. The basis is that of the deviations,
    all speakers' frames together; of a clip whose speaker has no name, the deviations are those from its own mean.

    Args:
        network: gets lip_mean, lip_basis, lip_scale, and the scales of the lip parameters and of the speaker encoder.
        store: the features.
        clips: ids or positions of the training clips.
        settings: of the training; how often each speaker comes up.
    """
    positions = np.array([store.position(clip if isinstance(clip, str) else int(clip)) for clip in clips], np.int64)
    codes, speakers = store.column("speaker")
    names = network.description.speakers
    row_of_speaker = np.array([names.index(speaker) if speaker in names else -1 for speaker in speakers])
    rows = row_of_speaker[codes[positions]]
    _set_mean_shapes(network, store, positions, rows, clip_shares_of(store, positions, settings))
    _set_basis(network, store, positions, rows)
    if network.speaker_encoder is not None:
        some = evenly(positions, SPREAD_CLIPS)
        shapes = [mean_shape_of(store, int(position)).ravel() for position in some]
        voices = [describe_voice(store.get(int(position), "mel")) for position in some]
        for source, described in (("shape", shapes), ("voice", voices)):
            if source in network.speaker_encoder.sources:
                network.speaker_encoder.set_spread(source, np.mean(described, 0), np.std(described, 0))


def _set_mean_shapes(
    network: TrainableNetwork, store: Store, positions: np.ndarray, rows: np.ndarray, shares: np.ndarray
) -> None:
    """Set every named speaker's mean shape and the mean speaker's; `rows` is -1 for clips of nobody in the table."""
    from tqdm import tqdm

    speakers = len(network.description.speakers)
    sums, counts = np.zeros((speakers, *LIP_SHAPE)), np.zeros(speakers)
    everybody = np.zeros(LIP_SHAPE)
    row_shares = np.zeros(speakers)
    clips = zip(shares, positions, rows, strict=True)
    for share, position, row in tqdm(clips, total=len(positions), desc="mean shapes", disable=None):
        lips = store.get(int(position), "lips")[store.get(int(position), "detected")]
        if row < 0:
            everybody += share * lips.mean(0)
        else:
            sums[row] += lips.sum(0, dtype=np.float64)
            counts[row] += len(lips)
            row_shares[row] += share
    means = sums / np.maximum(counts, 1)[:, None, None]
    for row in np.flatnonzero(counts):
        network.lip_mean[row] = torch.from_numpy(means[row].astype(np.float32))
        everybody += row_shares[row] * means[row]
    network.lip_mean[MEAN_SPEAKER_ROW] = torch.from_numpy(everybody.astype(np.float32))


def _set_basis(network: TrainableNetwork, store: Store, positions: np.ndarray, rows: np.ndarray) -> None:
    """Set the basis and its scale, and the scale of the lip parameters, from all detected frames."""
    from tqdm import tqdm

    numbers = int(np.prod(LIP_SHAPE))
    scatter, frames = np.zeros((numbers, numbers)), 0
    lip_parameters = network.lip_parameters.settings.names
    moved, moved_squared = np.zeros(len(lip_parameters)), np.zeros(len(lip_parameters))
    for position, row in zip(tqdm(positions, desc="lip basis", disable=None), rows, strict=True):
        lips = store.get(int(position), "lips")[store.get(int(position), "detected")]
        mean_shape = lips.mean(0) if row < 0 else network.lip_mean[row].numpy()
        deviations = (lips - mean_shape).reshape(len(lips), -1)
        scatter += deviations.T @ deviations
        frames += len(lips)
        moves = measure_lip_parameters(lips, lip_parameters) - measure_lip_parameters(mean_shape, lip_parameters)
        moved += moves.sum(0, dtype=np.float64)
        moved_squared += np.square(moves, dtype=np.float64).sum(0)
    outputs = len(network.lip_basis)
    _, values, vectors = np.linalg.svd(scatter / frames)
    is_pca = network.description.settings.lips.representation != "heatmap"
    basis = vectors[:outputs] * np.sign(vectors[:outputs].sum(1, keepdims=True)) if is_pca else np.eye(outputs)
    network.lip_basis.copy_(torch.from_numpy(basis.reshape(outputs, -1, 2)))
    network.lip_scale.fill_(float(np.sqrt(values[0])))
    if is_pca:
        kept = values[:outputs].sum() / values.sum()
        log.info("lips: %d components keep %.3f %% of the variance", outputs, 100 * kept)
    spread = np.sqrt(np.maximum(moved_squared / frames - (moved / frames) ** 2, 0))
    network.lip_parameters.scale.copy_(torch.from_numpy(spread.astype(np.float32)))
