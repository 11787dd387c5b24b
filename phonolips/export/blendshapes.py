"""ARKit blendshape weights for lips: mouth and jaw of Apple's 52 shapes, and the fit of their weights to lips.

Every shape is described once, as a displacement of the 40 lip points from the closed mouth (`shape_displacements`):
the direction is what Apple's documentation of ARFaceAnchor.BlendShapeLocation says of the shape, the size at weight 1
comes from how far real lips move (`SIZES`, made by tools/studies/fit_blendshapes.py). The weights of a frame are those
whose displacements, added up, come nearest to the lips: least squares within 0 and 1, pulled softly towards what the
phone being spoken is known for (`PHONE_WEIGHTS`), which decides where lips seen from the front leave a choice, such as
pressed against rolled-in lips. What cannot be seen from the front at all, jawForward and tongueOut, is the phone's
word alone.

Three shapes go together. `mouthClose` counts relative to `jawOpen`, as Apple has it: lips that are shut over a lowered
jaw have both, and mouthClose is never above jawOpen. `mouthShrugLower` and `mouthShrugUpper` are always equal: a
raised chin lifts both lips. Left and right are the person's own, so that Left is at positive x.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from phonolips.errors import InputError
from phonolips.lips.curve import check_fps
from phonolips.lips.measures import inner_gaps, opening
from phonolips.lips.points import MEDIAPIPE40, layout_of
from phonolips.lips.shapes import neutral_mouth
from phonolips.lips.smoothing import smooth_gaussian
from phonolips.moved import old_names
from phonolips.phones.inventory import IGNORED_ID, NUM_PHONES, PHONE_IDS, SILENCE_ID
from phonolips.timebase import STEPS_PER_SECOND, exact_fps, frame_centres, step_centres

if TYPE_CHECKING:
    from phonolips.phones.intervals import Alignment

# The mouth and jaw of ARKit's 52 shapes, in Apple's order.
ARKIT_NAMES: tuple[str, ...] = (
    "jawForward", "jawLeft", "jawRight", "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft",
    "mouthRight", "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight", "mouthDimpleLeft",
    "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight", "mouthRollLower", "mouthRollUpper",
    "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft",
    "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "tongueOut",
)  # fmt: skip

# How far a shape moves the point that it moves most, at weight 1, in mouth-space units (1 = the distance between the
# eye centres, about 62 mm). jawOpen, mouthPucker, mouthSide, mouthSmile and mouthStretch are fitted to speech by
# tools/studies/fit_blendshapes.py, which says how; speech moves the others too little for that, and they are anatomy
# by eye.
SIZES: dict[str, float] = {
    "jawOpen": 0.49, "mouthFunnel": 0.125, "mouthPucker": 0.097, "mouthSide": 0.278, "jawSide": 0.1,
    "mouthSmile": 0.185, "mouthFrown": 0.12, "mouthDimple": 0.06, "mouthStretch": 0.163, "mouthRollLower": 0.045,
    "mouthRollUpper": 0.03, "mouthShrug": 0.12, "mouthPress": 0.02, "mouthLowerDown": 0.12, "mouthUpperUp": 0.1,
}  # fmt: skip
# How far a weight strays from what its phone says, as a standard deviation; small for what speech hardly uses.
SPREADS: dict[str, float] = {
    "jawOpen": 0.6, "mouthClose": 0.2, "mouthFunnel": 0.06, "mouthPucker": 0.25, "mouthSide": 0.1, "jawSide": 0.06,
    "mouthSmile": 0.1, "mouthFrown": 0.08, "mouthDimple": 0.08, "mouthStretch": 0.15, "mouthRollLower": 0.12,
    "mouthRollUpper": 0.1, "mouthShrug": 0.07, "mouthPress": 0.1, "mouthLowerDown": 0.3, "mouthUpperUp": 0.4,
}  # fmt: skip
# What a phone is known for, as weights that the fit is pulled to; every other phone and shape is at 0.
PHONE_WEIGHTS: dict[tuple[str, ...], dict[str, float]] = {
    ("B", "M", "P"): {"mouthClose": 0.12, "mouthPress": 0.35, "mouthRollLower": 0.15, "mouthRollUpper": 0.15},
    ("F", "V"): {"mouthRollLower": 0.45, "mouthUpperUp": 0.15},
    ("DH", "TH"): {"tongueOut": 0.3},
    ("SH", "ZH", "CH", "JH"): {"mouthFunnel": 0.45, "mouthPucker": 0.15, "jawForward": 0.12},
    ("S", "Z"): {"mouthStretch": 0.1, "jawForward": 0.06},
    ("R", "ER"): {"mouthFunnel": 0.25, "mouthPucker": 0.15},
    ("W",): {"mouthPucker": 0.6, "mouthFunnel": 0.1},
    ("UW", "UH", "OW"): {"mouthPucker": 0.4, "mouthFunnel": 0.2},
    ("AO", "OY"): {"mouthPucker": 0.25, "mouthFunnel": 0.3},
    ("IY", "IH", "EY", "Y"): {"mouthStretch": 0.15, "mouthSmile": 0.05},
    ("AE", "EH"): {"mouthStretch": 0.1, "mouthLowerDown": 0.1},
}

POINT_NOISE = 0.015  # units by which a lip point may stand beside the sum of the shapes
SEPARATION_WEIGHT = 2.0  # how much more the gap between the lips counts than a point: shut lips must come out shut
PHONE_SMOOTHING_SECONDS = 0.04  # standard deviation; lips change over about this time at a phone boundary
TONGUE_OPENING = 0.02  # units of opening from which a tongue has room between the lips
LEAST_STEP, MOST_SWEEPS = 1e-5, 500  # when the least squares stop: weights change by less than this
BLOCK_FRAMES = 4096  # solved at a time, which bounds the memory for an hour of lips
SEAM_DROP, CORNER_DROP = 0.45, 0.3  # of the jaw's drop: where shut lips meet in the middle, and the corners
CLOSED_STRETCH = 0.12  # units by which the lower lip is drawn out where it is shut over a jaw at weight 1


def _pair(name: str, side: str) -> str:
    """Name one side's shape: mouthSmile, Left -> mouthSmileLeft; mouthSide, Left -> mouthLeft."""
    return {"mouthSide": f"mouth{side}", "jawSide": f"jaw{side}"}.get(name, name + side)


def shape_displacements(rest: np.ndarray) -> dict[str, np.ndarray]:
    """Compute where each shape at weight 1 moves the lip points of a closed mouth.

    Args:
        rest: float (40, 2), a closed mouth in mouth space.

    Returns:
        name -> float64 (40, 2), mouth-space units, for every name of ARKIT_NAMES but jawForward and tongueOut. For
        `mouthClose` it is what comes on top of jawOpen: the two at the same weight are a shut mouth.
    """
    parts = (MEDIAPIPE40.lower, MEDIAPIPE40.upper, MEDIAPIPE40.outer.points)
    lower, upper, outer = (np.isin(np.arange(40), part) for part in parts)
    across = np.empty(40)  # -1 at one corner, 1 at the other
    for ring in (MEDIAPIPE40.outer, MEDIAPIPE40.inner):
        low, high, on_ring = rest[ring.left, 0], rest[ring.right, 0], list(ring.points)
        across[on_ring] = (rest[on_ring, 0] - (low + high) / 2) / max((high - low) / 2, 1e-6)
    across = np.clip(across, -1, 1)
    middle = 1 - across**2  # 1 in the middle, 0 at the corners
    broad = np.sqrt(middle)
    corner = np.abs(across) ** 2

    def move(x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
        return np.stack(np.broadcast_arrays(np.zeros(40) + x, np.zeros(40) + y), axis=-1)

    dropped = CORNER_DROP + (1 - CORNER_DROP) * middle**0.7
    jaw = -np.where(upper, CORNER_DROP * (1 - middle**0.7), dropped)
    seam = -(CORNER_DROP + (SEAM_DROP - CORNER_DROP) * middle)
    shut = SIZES["jawOpen"] * seam - np.where(lower & outer, CLOSED_STRETCH * middle, 0)
    units = {
        "mouthFunnel": move(-1.1 * across * (0.4 + 0.6 * np.abs(across)), middle * (0.85 * upper - lower)),
        "mouthPucker": move(-across * (0.3 + 0.7 * np.abs(across)), outer * middle * (0.2 * upper - 0.4 * lower)),
        "mouthRollLower": move(0, outer * lower * broad),
        "mouthRollUpper": move(0, -1.0 * outer * upper * broad),
        "mouthShrug": move(0, CORNER_DROP + (1 - CORNER_DROP) * broad),
    }
    shapes = {name: SIZES[name] * unit for name, unit in units.items()}
    shapes["jawOpen"] = move(0, SIZES["jawOpen"] * jaw)
    shapes["mouthClose"] = move(0, shut) - shapes["jawOpen"]
    for side, sign in (("Left", 1), ("Right", -1)):
        half = np.clip(0.5 + 1.5 * sign * across, 0, 1)
        half = half * half * (3 - 2 * half)  # 0 on the other side, with a smooth edge in the middle
        sides = {
            "mouthSide": move(sign, 0),
            "jawSide": move(sign * lower * middle, 0),
            "mouthSmile": move(sign * 0.6 * corner * half, 0.8 * corner * half),
            "mouthFrown": move(0, -corner * half),
            "mouthDimple": move(sign * 0.97 * corner * half, 0.2 * corner * half),
            "mouthStretch": move(
                sign * np.abs(across) * half, half * (0.1 * outer * middle * (1.0 * lower - upper) - 0.2 * corner)
            ),
            "mouthPress": move(0, half * broad * outer * (1.0 * lower - 0.8 * upper)),
            "mouthLowerDown": move(0, -half * broad * lower),
            "mouthUpperUp": move(0, half * broad * upper),
        }
        shapes |= {_pair(name, side): SIZES[name] * unit for name, unit in sides.items()}
    shapes["mouthShrugLower"] = shapes["mouthShrug"] * (lower + 0.5 * ~(lower | upper))[:, None]
    shapes["mouthShrugUpper"] = shapes.pop("mouthShrug") - shapes["mouthShrugLower"]
    return shapes


def lips_from_weights(weights: Mapping[str, np.ndarray], rest: np.ndarray) -> np.ndarray:
    """Move a closed mouth by weights: the inverse of the fit.

    Args:
        weights: name -> (frames,), as `arkit_weights` returns them; names that move no lip point are passed over.
        rest: float (40, 2), the closed mouth.

    Returns:
        float64 (frames, 40, 2), mouth space.
    """
    shapes = shape_displacements(rest)
    used = [name for name in weights if name in shapes]
    return rest + np.tensordot(
        np.stack([weights[name] for name in used], axis=1), np.stack([shapes[name] for name in used]), 1
    )


def phone_shares(
    frames: int, fps: float, alignment: "Alignment | None" = None, posteriors: np.ndarray | None = None
) -> np.ndarray | None:
    """Measure how much of each phone is in each frame, smoothed over 40 ms.

    Args:
        frames, fps: the frames.
        alignment: phones with times; used where there are no posteriors.
        posteriors: float (steps, 40), rows sum to 1.

    Returns:
        float64 (frames, 40), or None where nothing is known of the phones. Frames beyond the end are silent.
    """
    if posteriors is None and alignment is None:
        return None
    steps = int(np.ceil(frames / fps * STEPS_PER_SECOND)) + 1
    shares = np.zeros((steps, NUM_PHONES), np.float32)
    if posteriors is not None:
        known = min(steps, len(posteriors))
        shares[:known] = posteriors[:known]
        shares[known:, SILENCE_ID] = 1.0
    elif alignment is not None:
        shares = alignment.posteriors(steps)
        shares[alignment.labels(steps) == IGNORED_ID] = 0.0
    smooth = smooth_gaussian(shares, PHONE_SMOOTHING_SECONDS * STEPS_PER_SECOND)
    times, centres = frame_centres(frames, fps), step_centres(steps)
    return np.stack([np.interp(times, centres, column) for column in smooth.T], axis=1)


@cache
def _phone_table(name: str) -> np.ndarray:
    """Return PHONE_WEIGHTS of one shape for every phone; (phones,)."""
    table = np.zeros(NUM_PHONES)
    for phones, weights in PHONE_WEIGHTS.items():
        table[[PHONE_IDS[phone] for phone in phones]] = weights.get(name, 0.0)
    return table


def _expected(shares: np.ndarray | None, frames: int, name: str) -> np.ndarray:
    """Average PHONE_WEIGHTS of one shape over the phones in each frame; (frames,)."""
    return np.zeros(frames) if shares is None else shares @ _phone_table(name)


def _with_gaps(moves: np.ndarray) -> np.ndarray:
    """Flatten (..., 40, 2) and append the gaps between facing inner points, weighted."""
    flat = moves.reshape(*moves.shape[:-2], 80)
    return np.concatenate([flat, SEPARATION_WEIGHT * inner_gaps(moves)], axis=-1) / POINT_NOISE


def _bounded_least_squares(targets: np.ndarray, expected: np.ndarray, fit: "WeightFit") -> np.ndarray:
    """Minimise |targets - weights @ shapes|^2 + |(weights - expected) / spreads|^2 with weights in [0, 1].

    Coordinate descent over all frames at once; strictly convex, so that weights that change smoothly come out where
    lips and expectations change smoothly.

    Args:
        targets: (frames, values).
        expected: (frames, shapes).
        fit: shapes and spreads.

    Returns:
        (frames, shapes).
    """
    square = fit.square
    pull = targets @ fit.basis.T + expected * fit.spreads**-2.0
    result = np.clip(np.linalg.solve(square, pull.T).T, 0, 1)
    frames = np.arange(len(targets))  # those still moving
    weights = np.ascontiguousarray(result.T)
    slope = np.ascontiguousarray((pull - result @ square).T)
    for _ in range(MOST_SWEEPS):
        largest = np.zeros(len(frames))
        for index, row in enumerate(square):
            step = np.clip(weights[index] + slope[index] / row[index], 0, 1) - weights[index]
            weights[index] += step
            slope -= row[:, None] * step
            np.maximum(largest, np.abs(step), out=largest)
        moving = largest >= LEAST_STEP
        result[frames] = weights.T
        frames, weights, slope = frames[moving], weights[:, moving], slope[:, moving]
        if not len(frames):
            break
    return result


def _bases(names: Iterable[str]) -> dict[str, str]:
    """Map every shape to the name that SIZES, SPREADS and PHONE_WEIGHTS have it under."""
    sides = {_pair(name, side): name for name in SPREADS for side in ("Left", "Right")}
    return {name: sides.get(name, name) for name in names}


class WeightFit:
    """What weights are fitted with, for one closed mouth.

    Args:
        rest: float (40, 2), the closed mouth.

    Attributes:
        basis: float64 (shapes, values), what each shape does to the points and gaps, in POINT_NOISE.
        spreads: float64 (shapes,).
        square: float64 (shapes, shapes), of the least squares.
    """

    def __init__(self, rest: np.ndarray) -> None:
        shapes = shape_displacements(rest)
        shapes["mouthClose"] = shapes["mouthClose"] + shapes["jawOpen"]  # solved as: shut over a lowered jaw
        shapes["mouthShrug"] = shapes.pop("mouthShrugLower") + shapes.pop("mouthShrugUpper")
        self._rest, self._bases = rest, _bases(shapes)
        self.spreads = np.array([SPREADS[base] for base in self._bases.values()])
        self.basis = _with_gaps(np.stack(list(shapes.values())))
        self.square = self.basis @ self.basis.T + np.diag(self.spreads**-2.0)

    def targets(self, lips: np.ndarray, shares: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Return what is fitted to: lips as (frames, values), and what their phones expect, (frames, shapes)."""
        expected = np.stack([_expected(shares, len(lips), base) for base in self._bases.values()], axis=1)
        return _with_gaps(lips - self._rest), expected

    def named(self, solved: np.ndarray, lips: np.ndarray, shares: np.ndarray | None) -> dict[str, np.ndarray]:
        """Return fitted weights, (frames, shapes), by the names of ARKit: those of `arkit_weights`."""
        found = dict(zip(self._bases, solved.T, strict=True))
        found["jawOpen"] = np.minimum(found["jawOpen"] + found["mouthClose"], 1)
        found["mouthShrugLower"] = found["mouthShrugUpper"] = found["mouthShrug"]
        found["jawForward"] = _expected(shares, len(lips), "jawForward")
        tongue = np.clip(opening(lips) / TONGUE_OPENING, 0, 1)
        found["tongueOut"] = _expected(shares, len(lips), "tongueOut") * tongue
        return {name: found[name].astype(np.float32) for name in ARKIT_NAMES}


def arkit_weights(
    lips: np.ndarray,
    fps: float,
    alignment: "Alignment | None" = None,
    posteriors: np.ndarray | None = None,
    *,
    rest: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Turn lips into the mouth and jaw weights of ARKit.

    Needs the whole where the closed mouth is to be looked for. With `rest`, such as `lips.shapes.neutral_mouth` of the
    speaker's mean lip, it looks 0.16 s back and ahead in the phones, and at no other frame of the lips.

    Args:
        lips: float (frames, 40, 2), mouth space, layout mediapipe40.
        fps: frames per second of `lips`.
        alignment: phones with times; None where they are not known.
        posteriors: float (steps, 40), 100 steps a second; used instead of the alignment where given.
        rest: float (40, 2), the closed mouth; None = looked for in the lips.

    Returns:
        name -> float32 (frames,), in [0, 1], for all of ARKIT_NAMES, in that order. A closed mouth is 0 everywhere;
        without phones, jawForward and tongueOut are.

    Raises:
        InputError: lips of another layout, not finite or none; fps out of range.
    """
    check_lips(lips)
    rate = float(exact_fps(check_fps(fps)))
    frames = len(lips)
    shares = phone_shares(frames, rate, alignment, posteriors)
    if rest is None:
        rest = neutral_mouth(lips, None if shares is None else shares[:, SILENCE_ID] > 0.5)
    fit = WeightFit(rest)
    solved = np.concatenate(
        [
            _bounded_least_squares(*fit.targets(lips[block], None if shares is None else shares[block]), fit)
            for block in (slice(first, first + BLOCK_FRAMES) for first in range(0, frames, BLOCK_FRAMES))
        ]
    )
    return fit.named(solved, lips, shares)


def check_lips(lips: np.ndarray) -> None:
    """Raise InputError unless weights can be fitted to lips: the 40 points, a frame at least, finite values."""
    if layout_of(lips) != "mediapipe40":
        raise InputError("lips of layout ibug20; expected the 40 points that 'track' and 'synth' write")
    if lips.ndim != 3 or not len(lips):
        raise InputError(f"lips of shape {lips.shape}; expected (frames, 40, 2) with a frame at least")
    if not np.isfinite(lips).all():
        raise InputError("lips hold values that are not finite; fill the missing frames first")


if not TYPE_CHECKING:
    __getattr__ = old_names("export.blendshapes", "export.arkit", "lips.shapes")
