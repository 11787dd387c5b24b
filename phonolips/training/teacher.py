"""Lips of speech that nobody filmed, made by trained lips from its sound, for others to learn from (self-training).

A corpus of lips has few words; aligned speech without video has all phones in their ordinary order. Trained lips (the
teachers; of several, the mean) make lips for it from the clean sound, which is the most that they know. The lips that
are trained see the same speech as text, through noise, or as phones alone. Frames in which the encoder did not hear
the phone that is said there do not count.

Self-training with a teacher on clean input and a student on noisy one: Xie, Luong, Hovy and Le, "Self-training with
Noisy Student improves ImageNet classification", CVPR 2020.
"""

import logging
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from phonolips.corpus.store.store import Store
from phonolips.model.speakers import MEAN_SPEAKER_ROW
from phonolips.phones.decode import label_runs
from phonolips.phones.inventory import IGNORED_ID, PHONE_IDS, SILENCE_ID
from phonolips.timebase import STEPS_PER_FRAME
from phonolips.training.encoder_outputs import StoredOutput, StoredOutputs
from phonolips.training.lazy_clips import LazyClips
from phonolips.training.lips_clips import LipsClip, describe_lips
from phonolips.training.networks.network import TrainableNetwork

log = logging.getLogger("phonolips.training")
LEAST_CONFIDENCE = 0.5  # posterior of the phone that is said, mean over a frame
SHAPELESS_ID = PHONE_IDS["HH"]  # has the lips of the next phone


def taught_positions(store: Store, split: str) -> np.ndarray:
    """Find the clips of a split that have no lips: positions, int64."""
    positions = store.where(split=split)
    without: np.ndarray = positions[store.lengths("lips")[positions] == 0]
    return without


def lend_shapes(posteriors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Give what the encoder heard as HH to the phone that follows it: float32 (steps, phones), labels (steps,)."""
    lent = posteriors.astype(np.float32)
    for (label, start, end), (following, _, _) in pairwise(label_runs(labels)):
        if label == SHAPELESS_ID and following not in (IGNORED_ID, SILENCE_ID):
            lent[start:end, following] += lent[start:end, SHAPELESS_ID]
            lent[start:end, SHAPELESS_ID] = 0
    return lent


@torch.inference_mode()
def make_lips(teacher: TrainableNetwork, output: StoredOutput, labels: np.ndarray) -> np.ndarray:
    """Return how the teacher's mean speaker's lips deviate from their mean shape: float32 (frames, 40, 2).

    They are the mean of those with lip parameters from the sound and those with lip parameters from the phones: for
    people whom the teacher never saw, that is better than either (docs/training.md).
    """
    posteriors = torch.from_numpy(lend_shapes(output.posteriors, labels))[None]
    moves: Tensor | None = None
    if teacher.lip_parameters.settings.names:
        hidden = torch.from_numpy(output.hidden.astype(np.float32))[None]
        moves = torch.cat(
            [teacher.lip_parameters.from_posteriors(posteriors), teacher.lip_parameters.from_sound(hidden)]
        )
        posteriors = posteriors.expand(len(moves), -1, -1)
    embedding = teacher.speakers.embedding.weight[MEAN_SPEAKER_ROW].expand(len(posteriors), -1)
    made = teacher.decode(posteriors, embedding, moves).mean(0, keepdim=True)
    nothing = torch.zeros_like(teacher.lip_mean[MEAN_SPEAKER_ROW])
    deviation: np.ndarray = teacher.coefficients_to_lips(made, nothing[None])[0].numpy()
    return deviation


class TaughtClips(LazyClips[LipsClip]):
    """Clips of aligned speech with the lips that teachers make of its sound, of the mean speaker.

    Args:
        network: that will be trained, with its lip basis.
        store: the features.
        positions: int64 (clips,), in `store`.
        stored_outputs: of the network's encoder.
        teachers: with their own encoder's outputs.
    """

    def __init__(
        self,
        network: TrainableNetwork,
        store: Store,
        positions: np.ndarray,
        stored_outputs: StoredOutputs,
        teachers: Sequence[tuple[TrainableNetwork, StoredOutputs]],
    ) -> None:
        super().__init__(store, positions)
        self.network, self.stored_outputs = network, stored_outputs
        self.scale = network.lip_parameters.scale.numpy().copy()  # the network may be on a GPU when clips are read
        self.lips: dict[int, np.ndarray] = {}
        for position in tqdm(positions.tolist(), desc="teaching", disable=None):
            name, labels = store.id_at(position), store.get(position, "labels")
            made = [make_lips(teacher, outputs[name][0], labels) for teacher, outputs in teachers]
            self.lips[position] = np.mean(made, 0).astype(np.float16)

    def read(self, position: int) -> LipsClip:
        """Read one clip with the lips that were made for it."""
        network, name, labels = self.network, self.store.id_at(position), self.store.get(position, "labels")
        outputs, deviation = self.stored_outputs[name], self.lips[position].astype(np.float32)
        mean_shape = network.lip_mean[MEAN_SPEAKER_ROW].numpy()
        lips = mean_shape + deviation
        frames = len(lips)
        steps = STEPS_PER_FRAME * frames
        said = np.where(labels[:steps] == IGNORED_ID, SILENCE_ID, labels[:steps])
        heard = outputs[0].posteriors[np.arange(steps), said] * (labels[:steps] != IGNORED_ID)
        confident = heard.reshape(frames, -1).mean(1) >= LEAST_CONFIDENCE
        return LipsClip(
            name=name,
            labels=labels,
            outputs=outputs,
            **describe_lips(network, lips, confident, mean_shape, self.scale),
            speaker=MEAN_SPEAKER_ROW,
            named=True,
            shape=mean_shape,
            voice=np.zeros(0, np.float32),
        )
