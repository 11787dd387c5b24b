"""The least-squares problem behind `phonolips.model.adapt`: material, unknowns, cost.

Clips are cut into pieces of about one length, so that the decoder runs on all of them side by side, and on several
values of the unknowns too: the gradient by central differences costs one pass of a larger batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from phonolips.lips.points import LIP_POINTS
from phonolips.model.personal import phone_ahead_frames, sounding_phones
from phonolips.phones.inventory import NUM_PHONES, PHONE_TO_VISEME, PHONES, VISEME_NAMES
from phonolips.timebase import frames_to_steps

if TYPE_CHECKING:
    from phonolips.model.network import Network

WARM_UP_FRAMES = 25  # frames that the decoder makes before those of a piece that count
PIECE_FRAMES = 75  # frames of a piece: long clips are cut, so that the pieces run side by side
PIECES_AT_ONCE = 200  # in one pass of the decoder, over all tries together: bounds the memory for long material
MOST_EVALUATIONS = 40  # of cost and gradient
LEAST_DECREASE = 1e-6  # relative decrease of the cost below which the fit ends
LEAST_GRADIENT = 1e-5  # largest entry of the gradient below which the fit ends
DIFFERENCE = 1e-2  # step of the differences: large against float32's rounding; three times it moves the gain by 3e-4
LEAST_GAIN, MOST_GAIN = 0.5, 2.0
LEAST_SPREAD = 1e-3  # of an output, added to its own, for material without any movement; usual ones are 0.1 to 1
LIP_COORDINATES = 2 * LIP_POINTS
VISEME_OF_PHONE = np.eye(len(VISEME_NAMES))[[PHONE_TO_VISEME[phone] for phone in PHONES]]  # (phones, visemes)


@dataclass(frozen=True)
class AdaptSettings:
    """How strongly a fit is held to what is known of speakers in general, in frames of material of that weight.

    Args:
        embedding_frames: what one standard deviation of the training's speakers costs: as much as this many frames
            whose lips are wrong by one `Network.lip_scale`.
        gain_frames: the same for a factor e of the gain.
        shape_frames: frames of material that the mean lip's shape, as the frames at rest suggest it (one of each
            clip), weighs as much as.
        place_frames: the same for its place in the face.
        mixing_frames: frames that the prior of no mixing weighs as much as, for each of the decoder's outputs.
        phone_frames: frames in which a phone sounds that the prior of no phone offset weighs as much as.
    """

    embedding_frames: float = 20.0
    gain_frames: float = 100.0
    shape_frames: float = 10.0
    place_frames: float = 10.0
    mixing_frames: float = 500.0
    phone_frames: float = 12.0


class EncodedClip(NamedTuple):
    """A clip of the person: its tracked lips, and the network's encoder output for its sound; 25 frames a second.

    lips float32 (frames, 40, 2), mouth space; detected bool (frames,); posteriors float32 (4 * frames, phones);
    lip_parameters float32 (frames, parameters); by how many ms the lips were late, before they were moved.
    """

    lips: np.ndarray
    detected: np.ndarray
    posteriors: np.ndarray
    lip_parameters: np.ndarray
    late_ms: float = 0.0


class Pieces(NamedTuple):
    """Clips cut into pieces, padded with zeros to one length.

    posteriors float32 (pieces, 4 * frames, phones); lip_parameters float32 (pieces, frames, parameters); truth float32
    (pieces, frames, 80), the tracked lips; counts bool (pieces, frames), False in margins, in padding and where no
    lips were detected.
    """

    posteriors: np.ndarray
    lip_parameters: np.ndarray
    truth: np.ndarray
    counts: np.ndarray


class Habits(NamedTuple):
    """What a person moves besides: float32 mixing (outputs, outputs) and phone_offsets (phones, outputs)."""

    mixing: np.ndarray
    phone_offsets: np.ndarray


def cut_pieces(network: "Network", clips: Sequence[EncodedClip]) -> Pieces:
    """Cut clips into pieces with what the decoder needs before and after them."""
    back, ahead = network.decoder.back_frames + WARM_UP_FRAMES, network.decoder.ahead_frames
    spans = []
    for clip in clips:
        count = max(1, round(len(clip.lips) / PIECE_FRAMES))
        edges = np.linspace(0, len(clip.lips), count + 1).round().astype(int)
        for first, last in pairwise(edges.tolist()):
            start, stop = max(0, first - back), min(len(clip.lips), last + ahead)
            spans.append((clip, start, stop, first, last))
    longest = max(stop - start for _, start, stop, _, _ in spans)
    posteriors = np.zeros((len(spans), frames_to_steps(longest), NUM_PHONES), np.float32)
    lip_parameters = np.zeros((len(spans), longest, clips[0].lip_parameters.shape[1]), np.float32)
    truth = np.zeros((len(spans), longest, LIP_COORDINATES), np.float32)
    counts = np.zeros((len(spans), longest), bool)
    for index, (clip, start, stop, first, last) in enumerate(spans):
        own, encoded = slice(first - start, last - start), slice(frames_to_steps(start), frames_to_steps(stop))
        posteriors[index, : encoded.stop - encoded.start] = clip.posteriors[encoded]
        lip_parameters[index, : stop - start] = clip.lip_parameters[start:stop]
        lips = np.where(clip.detected[:, None, None], clip.lips, 0)
        truth[index, own] = lips[first:last].reshape(-1, LIP_COORDINATES)
        counts[index, own] = clip.detected[first:last]
    return Pieces(posteriors, lip_parameters, truth, counts)


def speaker_directions(network: "Network") -> np.ndarray:
    """Return how the training's speakers differ: float32 (directions, dim), each as long as one standard deviation.

    They are the principal axes of the table's embeddings around the mean speaker's; none where it is alone.
    """
    table = network.embeddings
    offsets = table[1:] - table[:1]
    if not len(offsets):
        return np.zeros_like(offsets)
    _, lengths, axes = np.linalg.svd(offsets / np.sqrt(np.float32(len(offsets))), full_matrices=False)
    return np.asarray(lengths[:, None] * axes)


class Fit:
    """What `adapt` minimises, and how.

    The unknowns are float64 (directions + 1,): steps along `speaker_directions`, then the log of the gain. The mean
    lip is none of them, because the best one has a closed form.

    Args:
        network: its decoder makes the lips.
        clips: of one person, registered; at least one frame detected.
        start: float32 (dim,), the embedding where the steps are zero.
        rest: (40, 2), the mean lip that one frame of each clip suggests.
        settings: strengths of the ridges.
    """

    def __init__(
        self,
        network: "Network",
        clips: Sequence[EncodedClip],
        start: np.ndarray,
        rest: np.ndarray,
        settings: AdaptSettings,
    ) -> None:
        self.network, self.start, self.rest, self.settings = network, start, rest, settings
        self.directions = speaker_directions(network)
        self.ridges = np.array([settings.embedding_frames] * len(self.directions) + [settings.gain_frames])
        self.scale = network.lip_scale
        self.basis = network.lip_basis.reshape(-1, LIP_COORDINATES)  # orthonormal, (outputs, 80)
        self.pieces = cut_pieces(network, clips)
        self.truth = self.pieces.truth[self.pieces.counts]  # (detected, 80)
        # Of the same frames, in the same order: pieces are cut clip after clip.
        ahead = phone_ahead_frames(network.decoder.ahead_frames)
        self.sounding = np.concatenate([sounding_phones(clip.posteriors, ahead)[clip.detected] for clip in clips])
        self.offsets = network.phone_offsets  # (phones, outputs), what anybody moves while a phone sounds
        self.general = self.sounding @ self.offsets  # (detected, outputs)
        ends = np.cumsum([0, *(int(clip.detected.sum()) for clip in clips)]).tolist()
        self.rows = [slice(first, last) for first, last in pairwise(ends) if last > first]  # of each clip

    def embedding(self, steps: np.ndarray) -> np.ndarray:
        """Return the embeddings float32 (..., dim) that steps (..., directions) lead to."""
        return np.asarray(self.start + steps.astype(np.float32) @ self.directions)

    def outputs(self, steps: np.ndarray) -> np.ndarray:
        """Decode the frames that count for each of several steps (tries, directions).

        Returns:
            float32 (tries, detected, outputs), before gain, mixing and phone offsets.
        """
        from phonolips.model.stream import decode_batch

        pieces, made = self.pieces, []
        at_once = max(1, PIECES_AT_ONCE // len(pieces.truth))
        for group in np.split(steps, range(at_once, len(steps), at_once)):
            outputs = decode_batch(
                self.network,
                np.tile(pieces.posteriors, (len(group), 1, 1)),
                np.repeat(self.embedding(group), len(pieces.truth), axis=0),
                np.tile(pieces.lip_parameters, (len(group), 1, 1)),
            )
            made.append(outputs.reshape(len(group), *pieces.counts.shape, -1)[:, pieces.counts])
        return np.concatenate(made)

    def deviation(self, outputs: np.ndarray) -> np.ndarray:
        """Map outputs (detected, outputs) to deviations from the mean lip (detected, 80)."""
        return np.asarray(outputs * self.scale @ self.basis)

    def best_mean_lip(self, deviation: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the mean lip (40, 2) that goes best with deviations (detected, 80), and what its ridges cost.

        Shape and place each have a ridge on their distance from those of `rest`.
        """
        detected, shape_ridge, place_ridge = len(self.truth), self.settings.shape_frames, self.settings.place_frames
        apart = (self.truth - deviation).mean(0, dtype=np.float64).reshape(LIP_POINTS, 2) - self.rest
        place = apart.mean(0)
        shape_step = (apart - place) * detected / (detected + shape_ridge)
        place_step = place * detected / (detected + place_ridge)
        cost = shape_ridge * np.square(shape_step).sum() + place_ridge * LIP_POINTS * np.square(place_step).sum()
        return self.rest + shape_step + place_step, float(cost)

    def squared_error(self, deviation: np.ndarray, mean_lip: np.ndarray) -> float:
        """Return the sum of squared errors of lips that deviate by (detected, 80) from a mean lip (40, 2)."""
        return float(np.square(self.truth - mean_lip.ravel() - deviation).sum(dtype=np.float64))

    def costs(self, tries: np.ndarray) -> np.ndarray:
        """Return the cost per detected frame, in units of `Network.lip_scale` squared, of (tries, directions + 1)."""
        steps, row_of = np.unique(tries[:, :-1], axis=0, return_inverse=True)
        outputs, costs = self.outputs(steps), []
        for unknowns, row in zip(tries, row_of.ravel(), strict=True):
            deviation = self.deviation(np.exp(unknowns[-1]) * outputs[row] + self.general)
            mean_lip, lip_ridges = self.best_mean_lip(deviation)
            misfit = (self.squared_error(deviation, mean_lip) + lip_ridges) / self.scale**2
            costs.append((misfit + self.ridges @ np.square(unknowns)) / len(self.truth))
        return np.array(costs)

    def cost_and_gradient(self, unknowns: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the cost and, by central differences, its gradient (directions + 1,)."""
        moves = DIFFERENCE * np.eye(len(unknowns))
        costs = self.costs(np.concatenate([unknowns[None], unknowns + moves, unknowns - moves]))
        after, before = np.split(costs[1:], 2)
        return float(costs[0]), (after - before) / (2 * DIFFERENCE)

    def solve(self) -> tuple[np.ndarray, float]:
        """Return the best steps (directions,), and the gain that goes with them."""
        from scipy.optimize import minimize
        from tqdm import tqdm

        with tqdm(total=MOST_EVALUATIONS, desc="adapting", unit="look", dynamic_ncols=True, disable=None) as bar:

            def look(unknowns: np.ndarray) -> tuple[float, np.ndarray]:
                bar.update()
                return self.cost_and_gradient(unknowns)

            options = {"maxfun": MOST_EVALUATIONS, "ftol": LEAST_DECREASE, "gtol": LEAST_GRADIENT}
            found = minimize(look, np.zeros(len(self.ridges)), jac=True, method="L-BFGS-B", options=options)
            bar.total = bar.n
            bar.refresh()
        return found.x[:-1], float(np.clip(np.exp(found.x[-1]), LEAST_GAIN, MOST_GAIN))

    def habits(self, outputs: np.ndarray, gain: float) -> Habits:
        """Regress what gain and general offsets leave unexplained on the decoder's outputs and the phones that sound.

        A ridge regression, each clip around its own mean. A phone's offset is that of its viseme and one of its own,
        both with a ridge; so a phone that the material lacks has its viseme's.

        Args:
            outputs: float32 (detected, outputs).
            gain: of the fit.

        Returns:
            mixing and phone offsets, for `LipSpeaker`: the general ones and, nought on average over the material, the
            person's.
        """
        spread = outputs.std(0, dtype=np.float64) + LEAST_SPREAD
        split = np.concatenate([VISEME_OF_PHONE, np.eye(NUM_PHONES)], 1)
        known = np.concatenate([outputs / spread, self.sounding @ split], 1).astype(np.float64)
        left = (self.truth @ self.basis.T / self.scale - gain * outputs - self.general).astype(np.float64)
        for values in (known, left):
            for rows in self.rows:
                values[rows] -= values[rows].mean(0)
        ridges = np.repeat([self.settings.mixing_frames, self.settings.phone_frames], [len(spread), split.shape[1]])
        weights = np.linalg.solve(known.T @ known + np.diag(ridges), known.T @ left)
        mixing, offsets = weights[: len(spread)] / spread[:, None], split @ weights[len(spread) :]
        offsets -= self.sounding.mean(0) @ offsets
        return Habits(mixing.astype(np.float32), (self.offsets + offsets).astype(np.float32))
