"""Lips as an animated mesh in glTF 2.0, for any viewer of that format.

Without target names the mesh's morph targets are the principal shapes of the result's own lips, so that the animation
follows them closely. With names, as an avatar has them (ARKit shapes, Oculus visemes), the targets bear these names,
and their weights can be copied to the avatar by name.
"""

import base64
import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phonolips.errors import InputError
from phonolips.export.arkit import arkit_weights_of
from phonolips.export.lip_mesh import CAVITY, LIPS, SKIN, TEETH, Part, mouth_mesh, vertex_normals
from phonolips.export.targets import Targets, expand_targets, named_targets, principal_targets
from phonolips.storage import atomic_file
from phonolips.timebase import frame_centres

if TYPE_CHECKING:
    from phonolips.synth.result import Result

# Material -> colour (linear red, green, blue), roughness, seen from both sides.
MATERIALS: dict[str, tuple[tuple[float, float, float], float, bool]] = {
    LIPS: ((0.46, 0.13, 0.125), 0.42, True),
    SKIN: ((0.78, 0.5, 0.38), 0.75, True),
    TEETH: ((0.82, 0.78, 0.68), 0.35, True),
    CAVITY: ((0.05, 0.012, 0.015), 1.0, True),
}
CAMERA_DISTANCE, CAMERA_ANGLE = 2.4, 0.6  # units; radians from top to bottom
FLOAT, UNSIGNED_SHORT, ARRAY_BUFFER, ELEMENT_BUFFER = 5126, 5123, 34962, 34963  # glTF's numbers


def write_gltf(result: "Result", path: Path, *, fps: float | None = None, targets: Sequence[str] | None = None) -> None:
    """Write a mouth that speaks: a mesh with morph targets and their animation, in one file.

    The node "lips" has the animated mesh; "mouth" the upper teeth and the dark behind them; there is a camera.
    Mouth-space units; x right, y up, z towards the viewer. A weight stands at its frame's centre, (i + 0.5) / fps
    seconds, and the animation runs linearly between them, from 0 to the end of the last frame. `asset.extras` says
    how far the animated lip points are from the result's lips (root mean square and largest distance, in units).

    Args:
        result: lips with what stands beside them.
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
        _, lips, rest, rate = arkit_weights_of(result, fps)
        chosen = principal_targets(lips, rest)
    else:
        chosen, lips, rest, rate = named_targets(result, expand_targets(targets), fps)
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
    buffer = _Buffer()
    meshes = _meshes(buffer, chosen, rest)
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
        "materials": [_material(name) for name in MATERIALS],
        "animations": [_animation(buffer, chosen.weights, fps)],
    }
    document |= {
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": len(buffer.data)}],
    }
    return document, bytes(buffer.data)


def _meshes(buffer: _Buffer, chosen: Targets, rest: np.ndarray) -> list[dict[str, Any]]:
    """Describe the mesh that moves, and the one behind it that does not."""
    moving, still = mouth_mesh(rest)
    base = chosen.base - rest
    return [
        {
            "name": "lips",
            "primitives": [_primitive(buffer, part, base, chosen) for part in moving],
            "weights": chosen.rest.tolist(),
            "extras": {"targetNames": list(chosen.names)},
        },
        {"name": "mouth", "primitives": [_primitive(buffer, part, np.zeros((40, 2)), None) for part in still]},
    ]


def _material(name: str) -> dict[str, Any]:
    colour, roughness, both = MATERIALS[name]
    return {
        "name": name,
        "pbrMetallicRoughness": {
            "baseColorFactor": [*colour, 1.0],
            "metallicFactor": 0.0,
            "roughnessFactor": roughness,
        },
        "doubleSided": both,
    }


def _animation(buffer: _Buffer, weights: np.ndarray, fps: float) -> dict[str, Any]:
    """Describe how the weights (frames, targets) move: each at its frame's centre, the ends held."""
    frames = len(weights)
    times = np.concatenate([[0.0], frame_centres(frames, fps), [frames / fps]]).astype(np.float32)
    held = np.concatenate([weights[:1], weights, weights[-1:]])
    return {
        "name": "speech",
        "channels": [{"sampler": 0, "target": {"node": 0, "path": "weights"}}],
        "samplers": [
            {
                "input": buffer.add(times, bounds=True),
                "output": buffer.add(np.ascontiguousarray(held).ravel()),
                "interpolation": "LINEAR",
            }
        ],
    }


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
