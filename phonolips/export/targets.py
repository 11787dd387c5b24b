"""Morph targets of a mouth with their animation: principal shapes of the lips, or shapes that an avatar names.

Principal shapes follow the lips closely. Named ones (ARKit shapes, Oculus visemes) bear an avatar's own names, so that
their weights can be copied to it by name.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from phonolips.errors import InputError
from phonolips.export.arkit import arkit_weights_of
from phonolips.export.blendshapes import ARKIT_NAMES, shape_displacements
from phonolips.export.visemes import OCULUS, viseme_weights
from phonolips.lips.points import MEDIAPIPE40

if TYPE_CHECKING:
    from phonolips.synth.result import Result

MOST_SHAPES = 8  # principal shapes: what every viewer must support at once
ENOUGH_VARIANCE = 0.9995  # of the lips' movement; no more shapes than that takes
# Shape -> units by which it brings the upper and the lower lip forward; what the name says, not what lips show.
FORWARD: dict[str, tuple[float, float]] = {
    "jawForward": (0.0, 0.08), "mouthFunnel": (0.07, 0.07), "mouthPucker": (0.09, 0.09),
    "mouthShrugLower": (0.0, 0.03), "mouthShrugUpper": (0.03, 0.0), "mouthRollLower": (0.0, -0.04),
    "mouthRollUpper": (-0.04, 0.0),
}  # fmt: skip
# Names that avatars use for the Oculus visemes, beside "viseme_" and the name itself.
VISEME_SPELLINGS = {"i": "ih", "o": "oh", "u": "ou"}


class Targets(NamedTuple):
    """Morph targets with their animation.

    Args:
        names: of the targets.
        base: float64 (40, 2), the lips where all weights are 0.
        moves: float64 (targets, 40, 2), what each target adds to the lip points at weight 1.
        forward: float64 (targets, 40), how far it brings them towards the viewer.
        weights: float32 (frames, targets), in [0, 1].
        rest: float32 (targets,), the weights of the closed mouth, or of what comes nearest to it.
    """

    names: tuple[str, ...]
    base: np.ndarray
    moves: np.ndarray
    forward: np.ndarray
    weights: np.ndarray
    rest: np.ndarray

    def lips(self) -> np.ndarray:
        """Make the lips again from weights and targets; float64 (frames, 40, 2)."""
        made: np.ndarray = self.base + np.tensordot(self.weights.astype(np.float64), self.moves, 1)
        return made


def principal_targets(lips: np.ndarray, rest: np.ndarray) -> Targets:
    """Find the shapes that the movement of some lips is made of: at most MOST_SHAPES of them.

    Weights are shifted and scaled into [0, 1], since viewers and animation programs cut off what is outside. Needs the
    whole: shapes, shift and scale are those of all frames.

    Args:
        lips: float (frames, 40, 2), mouth space.
        rest: float (40, 2), the closed mouth.
    """
    moves = (lips.astype(np.float64) - rest).reshape(len(lips), 80)
    mean = moves.mean(0)
    values, vectors = np.linalg.eigh((moves - mean).T @ (moves - mean))
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    explained = np.cumsum(values) / max(float(values.sum()), 1e-12)
    count = min(int(np.searchsorted(explained, ENOUGH_VARIANCE)) + 1, MOST_SHAPES)
    shapes = vectors[:, :count].T
    raw = (moves - mean) @ shapes.T
    closed = -mean @ shapes.T
    low, high = np.minimum(raw.min(0), closed), np.maximum(raw.max(0), closed)
    span = np.maximum(high - low, 1e-9)
    base = rest + (mean + low @ shapes).reshape(40, 2)
    return Targets(
        tuple(f"shape{index + 1}" for index in range(count)),
        base,
        (span[:, None] * shapes).reshape(count, 40, 2),
        np.zeros((count, 40)),
        ((raw - low) / span).clip(0, 1).astype(np.float32),
        ((closed - low) / span).clip(0, 1).astype(np.float32),
    )


def _plain(name: str) -> str:
    """Bring a spelling of an ARKit shape to one form: mouthSmile_L, MouthSmileLeft -> mouthsmileleft."""
    side = re.sub(r"[_. ]([lLrR])$", lambda found: "left" if found[1] in "lL" else "right", name)
    return re.sub(r"[^a-z]", "", side.lower())


def expand_targets(names: Sequence[str]) -> tuple[str, ...]:
    """Put all 28 ARKit shapes in the place of `arkit`, and all 15 Oculus visemes in that of `visemes`."""
    groups = {"arkit": ARKIT_NAMES, "visemes": tuple(f"viseme_{name}" for name in OCULUS.visemes)}
    return tuple(full for name in names for full in groups.get(name, (name,)))


def named_targets(
    result: "Result", names: Sequence[str], fps: float | None = None
) -> tuple[Targets, np.ndarray, np.ndarray, float]:
    """Drive targets that a user's avatar has, by name.

    Needs the whole: a viseme's shape is made of all frames in which it is spoken, the closed mouth of all shut ones.

    Args:
        result: lips with what stands beside them.
        names: ARKit shapes in any of the usual spellings (jawOpen, JawOpen, mouthSmile_L), or Oculus visemes
            (viseme_aa, viseme_PP, and viseme_I, viseme_O, viseme_U as some avatars have them).
        fps: frames per second; None = those of the lips.

    Returns:
        the targets, their names as given; the lips at that rate, float32 (frames, 40, 2); the closed mouth; the rate.

    Raises:
        InputError: no name, a name twice, one that is neither, or visemes where no phones are known.
    """
    if not names or len(set(names)) < len(names):
        raise InputError("target names are empty or twice the same; name each morph target once")
    arkit = {_plain(name): name for name in ARKIT_NAMES}
    visemes = _viseme_weights(result, fps) if any(name.lower().startswith("viseme_") for name in names) else {}
    unknown = [name for name in names if _plain(name) not in arkit and name.lower() not in visemes]
    if unknown:
        raise InputError(
            f"target {unknown[0]!r}: neither an ARKit shape of the mouth ({', '.join(ARKIT_NAMES)}) nor an Oculus "
            "viseme (viseme_sil, viseme_PP, viseme_aa, ...)"
        )
    weights, lips, rest, rate = arkit_weights_of(result, fps)
    shapes = shape_displacements(rest)
    moves, forward, curves = np.zeros((len(names), 40, 2)), np.zeros((len(names), 40)), []
    for index, name in enumerate(names):
        known = arkit.get(_plain(name))
        if known is None:
            curves.append(visemes[name.lower()])
            continue
        curves.append(weights[known])
        moves[index] = shapes.get(known, moves[index])
        upper, lower = FORWARD.get(known, (0.0, 0.0))
        forward[index, MEDIAPIPE40.upper], forward[index, MEDIAPIPE40.lower] = upper, lower
    table = np.stack(curves, axis=1).astype(np.float32)
    spoken = [index for index, name in enumerate(names) if _plain(name) not in arkit]
    if spoken:  # a viseme's shape is what these lips do while it is spoken
        left = (lips - rest - np.tensordot(table, moves, 1)).reshape(len(lips), 80)
        active = table[:, spoken].astype(np.float64)
        square = active.T @ active + 1e-2 * np.eye(len(spoken))
        moves[spoken] = np.linalg.solve(square, active.T @ left).reshape(-1, 40, 2)
    return Targets(tuple(names), rest, moves, forward, table, np.zeros(len(names), np.float32)), lips, rest, rate


def _viseme_weights(result: "Result", fps: float | None) -> dict[str, np.ndarray]:
    """Weigh the Oculus visemes; "viseme_aa" and so on, in small letters, -> (frames,)."""
    result.need_alignment()
    columns = viseme_weights(result, OCULUS, result.fps if fps is None else fps).T
    found = {f"viseme_{name.lower()}": column for name, column in zip(OCULUS.visemes, columns, strict=True)}
    return found | {f"viseme_{other}": found[f"viseme_{name}"] for other, name in VISEME_SPELLINGS.items()}
