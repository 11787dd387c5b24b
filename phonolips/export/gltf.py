"""Lips as an animated mesh in glTF 2.0, for any viewer of that format.

Without target names the mesh's morph targets are the principal shapes of the run's own lips, so that the animation
follows them closely. With names, as an avatar has them (ARKit shapes, Oculus visemes), the targets bear these names,
and their weights can be copied to the avatar by name.
"""

import base64
import json
import re
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from phonolips.errors import InputError
from phonolips.export.blendshapes import ARKIT_NAMES, run_weights, shape_displacements
from phonolips.export.lip_mesh import CAVITY, LIPS, SKIN, TEETH, Part, mouth_mesh, vertex_normals
from phonolips.lips.points import MEDIAPIPE40
from phonolips.storage import atomic_file
from phonolips.timebase import frame_centres

if TYPE_CHECKING:
    from phonolips.synth.result import Run

MOST_SHAPES = 8  # principal shapes: what every viewer must support at once
ENOUGH_VARIANCE = 0.9995  # of the lips' movement; no more shapes than that takes
# Material -> colour (linear red, green, blue), roughness, seen from both sides.
MATERIALS: dict[str, tuple[tuple[float, float, float], float, bool]] = {
    LIPS: ((0.46, 0.13, 0.125), 0.42, True),
    SKIN: ((0.78, 0.5, 0.38), 0.75, True),
    TEETH: ((0.82, 0.78, 0.68), 0.35, True),
    CAVITY: ((0.05, 0.012, 0.015), 1.0, True),
}
# Shape -> units by which it brings the upper and the lower lip forward; what the name says, not what lips show.
FORWARD: dict[str, tuple[float, float]] = {
    "jawForward": (0.0, 0.08), "mouthFunnel": (0.07, 0.07), "mouthPucker": (0.09, 0.09),
    "mouthShrugLower": (0.0, 0.03), "mouthShrugUpper": (0.03, 0.0), "mouthRollLower": (0.0, -0.04),
    "mouthRollUpper": (-0.04, 0.0),
}  # fmt: skip
# Names that avatars use for the Oculus visemes, beside "viseme_" and the name itself.
VISEME_SPELLINGS = {"i": "ih", "o": "oh", "u": "ou"}
CAMERA_DISTANCE, CAMERA_ANGLE = 2.4, 0.6  # units; radians from top to bottom
FLOAT, UNSIGNED_SHORT, ARRAY_BUFFER, ELEMENT_BUFFER = 5126, 5123, 34962, 34963  # glTF's numbers


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

    Weights are shifted and scaled into [0, 1], since viewers and animation programs cut off what is outside.

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
    from phonolips.export.visemes import OCULUS

    groups = {"arkit": ARKIT_NAMES, "visemes": tuple(f"viseme_{name}" for name in OCULUS.visemes)}
    return tuple(full for name in names for full in groups.get(name, (name,)))


def named_targets(
    run: "Run", names: Sequence[str], fps: float | None = None
) -> tuple[Targets, np.ndarray, np.ndarray, float]:
    """Drive targets that a user's avatar has, by name.

    Args:
        run: lips with what stands beside them.
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
    visemes = _viseme_weights(run, fps) if any(name.lower().startswith("viseme_") for name in names) else {}
    unknown = [name for name in names if _plain(name) not in arkit and name.lower() not in visemes]
    if unknown:
        raise InputError(
            f"target {unknown[0]!r}: neither an ARKit shape of the mouth ({', '.join(ARKIT_NAMES)}) nor an Oculus "
            "viseme (viseme_sil, viseme_PP, viseme_aa, ...)"
        )
    weights, lips, rest, rate = run_weights(run, fps)
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


def _viseme_weights(run: "Run", fps: float | None) -> dict[str, np.ndarray]:
    """Weigh the Oculus visemes; "viseme_aa" and so on, in small letters, -> (frames,)."""
    from phonolips.export.visemes import OCULUS, viseme_weights

    run.phones()
    columns = viseme_weights(run, OCULUS, run.fps if fps is None else fps).T
    found = {f"viseme_{name.lower()}": column for name, column in zip(OCULUS.visemes, columns, strict=True)}
    return found | {f"viseme_{other}": found[f"viseme_{name}"] for other, name in VISEME_SPELLINGS.items()}


def write_gltf(run: "Run", path: Path, *, fps: float | None = None, targets: Sequence[str] | None = None) -> None:
    """Write a mouth that speaks: a mesh with morph targets and their animation, in one file.

    The node "lips" has the animated mesh; "mouth" the upper teeth and the dark behind them; there is a camera.
    Mouth-space units; x right, y up, z towards the viewer. A weight stands at its frame's centre, (i + 0.5) / fps
    seconds, and the animation runs linearly between them, from 0 to the end of the last frame. `asset.extras` says
    how far the animated lip points are from the run's lips (root mean square and largest distance, in units).

    Args:
        run: lips with what stands beside them.
        path: ends in .gltf (text, all inside) or .glb (binary); replaced as a whole.
        fps: frames per second of the animation; None = those of the lips.
        targets: names of an avatar's morph targets, see `named_targets`, or `arkit` or `visemes` for all of those;
            None = the principal shapes of these lips.

    Raises:
        InputError: another ending, unknown target names, or lips that are not of layout mediapipe40.
    """
    if path.suffix not in (".gltf", ".glb"):
        raise InputError(f"{path}: a glTF file's name ends in .gltf or .glb")
    if targets is None:
        _, lips, rest, rate = run_weights(run, fps)
        chosen = principal_targets(lips, rest)
    else:
        chosen, lips, rest, rate = named_targets(run, expand_targets(targets), fps)
    document, binary = _document(chosen, lips, rest, rate)
    if path.suffix == ".glb":
        _write_whole(path, _glb(document, binary))
        return
    document["buffers"][0]["uri"] = "data:application/octet-stream;base64," + base64.b64encode(binary).decode()
    _write_whole(path, (json.dumps(document, indent=1) + "\n").encode())


class _Buffer:
    """The bytes of a glTF file, with the accessors onto them."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(self, values: np.ndarray, *, target: int | None = None, bounds: bool = False) -> int:
        """Append an array, float32 (n,) or (n, 3) or uint16 (n,); return its accessor's number."""
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": values.nbytes}
        self.views.append(view | ({} if target is None else {"target": target}))
        self.data += values.tobytes()
        self.data += b"\0" * (-len(self.data) % 4)
        accessor = {
            "bufferView": len(self.views) - 1,
            "componentType": FLOAT if values.dtype == np.float32 else UNSIGNED_SHORT,
            "count": len(values),
            "type": "SCALAR" if values.ndim == 1 else "VEC3",
        }
        if bounds:
            rows = values.reshape(len(values), -1)
            accessor |= {"min": rows.min(0).tolist(), "max": rows.max(0).tolist()}
        self.accessors.append(accessor)
        return len(self.accessors) - 1


def _primitive(buffer: _Buffer, part: Part, base: np.ndarray, chosen: Targets | None) -> dict[str, Any]:
    """Describe one part of a mesh; `base` (40, 2) is how far the lips are from the closed mouth at weight 0."""
    points = part.points + part.displaced(base)
    primitive: dict[str, Any] = {
        "attributes": {
            "POSITION": buffer.add(points.astype(np.float32), target=ARRAY_BUFFER, bounds=True),
            "NORMAL": buffer.add(vertex_normals(part.points, part.triangles).astype(np.float32), target=ARRAY_BUFFER),
        },
        "indices": buffer.add(part.triangles.astype(np.uint16).ravel(), target=ELEMENT_BUFFER),
        "material": list(MATERIALS).index(part.material),
    }
    if chosen is not None:
        moved = part.displaced(chosen.moves)
        if part.material != TEETH:
            moved[..., 2] = chosen.forward @ part.follow.T
        primitive["targets"] = [
            {"POSITION": buffer.add(move.astype(np.float32), target=ARRAY_BUFFER, bounds=True)} for move in moved
        ]
    return primitive


def _document(chosen: Targets, lips: np.ndarray, rest: np.ndarray, fps: float) -> tuple[dict[str, Any], bytes]:
    """Build the glTF object and its bytes."""
    moving, still = mouth_mesh(rest)
    buffer = _Buffer()
    base = chosen.base - rest
    meshes = [
        {
            "name": "lips",
            "primitives": [_primitive(buffer, part, base, chosen) for part in moving],
            "weights": chosen.rest.tolist(),
            "extras": {"targetNames": list(chosen.names)},
        },
        {"name": "mouth", "primitives": [_primitive(buffer, part, np.zeros((40, 2)), None) for part in still]},
    ]
    frames = len(chosen.weights)
    times = np.concatenate([[0.0], frame_centres(frames, fps), [frames / fps]]).astype(np.float32)
    weights = np.concatenate([chosen.weights[:1], chosen.weights, chosen.weights[-1:]])
    distances = np.linalg.norm(chosen.lips() - lips, axis=-1)
    centre = rest.mean(0)
    document: dict[str, Any] = {
        "asset": {
            "version": "2.0",
            "generator": "phonolips",
            "extras": {
                "fps": fps,
                "rms_error": round(float(np.sqrt((distances**2).mean())), 6),
                "largest_error": round(float(distances.max()), 6),
            },
        },
        "scene": 0,
        "scenes": [{"name": "mouth", "nodes": [0, 1, 2]}],
        "nodes": [
            {"name": "lips", "mesh": 0},
            {"name": "mouth", "mesh": 1},
            {
                "name": "camera",
                "camera": 0,
                "translation": [float(centre[0]), float(centre[1]) - 0.06, CAMERA_DISTANCE],
            },
        ],
        "cameras": [
            {
                "type": "perspective",
                "perspective": {"aspectRatio": 1.25, "yfov": CAMERA_ANGLE, "znear": 0.1, "zfar": 20},
            }
        ],
        "meshes": meshes,
        "materials": [
            {
                "name": name,
                "pbrMetallicRoughness": {
                    "baseColorFactor": [*colour, 1.0],
                    "metallicFactor": 0.0,
                    "roughnessFactor": roughness,
                },
                "doubleSided": both,
            }
            for name, (colour, roughness, both) in MATERIALS.items()
        ],
        "animations": [
            {
                "name": "speech",
                "channels": [{"sampler": 0, "target": {"node": 0, "path": "weights"}}],
                "samplers": [
                    {
                        "input": buffer.add(times, bounds=True),
                        "output": buffer.add(np.ascontiguousarray(weights).ravel()),
                        "interpolation": "LINEAR",
                    }
                ],
            }
        ],
    }
    document |= {
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": len(buffer.data)}],
    }
    return document, bytes(buffer.data)


def _glb(document: dict[str, Any], binary: bytes) -> bytes:
    """Pack both into the binary container."""
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _write_whole(path: Path, data: bytes) -> None:
    with atomic_file(path) as temporary:
        temporary.write_bytes(data)
