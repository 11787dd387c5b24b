"""The sync expert: do these lips go with this sound, and if they are shifted, by how much?

Two small encoders map a window of lips and the window of log-mel over the same time to unit vectors; the L2
distance of the two is small where they belong together (Chung and Zisserman 2016, "Out of time: automated lip
sync in the wild", SyncNet). All convolutions are unpadded, so every vector depends on its own window alone: not on
where in the clip it is, and shifted lips have shifted vectors, exactly.

Distance and confidence are defined as in SyncNet, and so as LSE-D and LSE-C (Prajwal et al. 2020, Wav2Lip):
for every offset the distances of all pairs of windows are averaged over the clip; the smallest of these means
is the distance, their median less the smallest is the confidence. Where SyncNet pads with zeros, the pairs
that an offset leaves are averaged here. SyncNet sees pixels and its vectors are not of unit length, so its
numbers (truth: distance about 7, confidence about 7) and these (distances within 0 to 2) do not compare.

Sign of an offset: **positive = the lips are late** (the sound comes early), as in SyncNet and `opening_lag_ms`.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from phonolips.errors import InputError
from phonolips.lips.points import LIP_LAYOUT, LIP_POINTS
from phonolips.model.bundle import (
    PACKAGED_SYNC_EXPERT,
    WEIGHTS_FILE,
    bundle_errors,
    check_files,
    read_bundle,
    read_weights,
)
from phonolips.model.graph import Graph, Port, Signature
from phonolips.model.network import AUTO, NUMPY, check_provider
from phonolips.model.onnx_graph import GRAPH_SUFFIX, OnnxGraph
from phonolips.model.settings import SyncExpertSettings, settings_from_dict
from phonolips.speech.mel import NUM_MELS
from phonolips.timebase import MODEL_FPS, STEPS_PER_FRAME

FORMAT = 2
OLD_FORMATS = (1,)  # without a graph; `phonolips upgrade-model` reads it
KIND = "phonolips sync expert"
GRAPH = "sync"
FURTHEST_FRAMES = 15  # offsets searched in either direction
LEAST_WINDOWS = 10  # an offset that leaves fewer pairs of windows is not searched
FRAME_MS = 1000 / MODEL_FPS


@dataclass(frozen=True)
class SyncResult:
    """How well lips and sound of one clip fit together.

    Args:
        offset_frames: the best offset, whole frames; positive = the lips are late.
        offset_ms: the same in milliseconds, refined by a parabola through the three best distances.
        confidence: median of the mean distances less the smallest (LSE-C); 0 to 2.
        distance: the smallest mean distance (LSE-D); 0 to 2.
        offsets: int64 (offsets,), the offsets searched, frames.
        distances: float64 (offsets,), the mean distance at each.
    """

    offset_frames: int
    offset_ms: float
    confidence: float
    distance: float
    offsets: np.ndarray
    distances: np.ndarray


def sync_signature(settings: SyncExpertSettings) -> Signature:
    """Return the signature of a sync expert's graph."""
    deviation = Port("deviation", ("batch", "frames", LIP_POINTS, 2))
    mel = Port("mel", ("batch", "steps", NUM_MELS))
    vectors = ("batch", "windows", settings.embedding)
    return Signature(GRAPH, (deviation, mel), (Port("lip_vectors", vectors), Port("mel_vectors", vectors)))


class SyncExpert:
    """The encoders of lips and of sound.

    Args:
        graph: `sync`.
        settings: sizes.
    """

    def __init__(self, graph: Graph, settings: SyncExpertSettings) -> None:
        self.graph, self.settings = graph, settings

    @property
    def window_frames(self) -> int:
        """The number of frames that one vector depends on."""
        return 1 + 2 * self.settings.layers

    def embed(self, deviation: np.ndarray, mel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Embed both sides; vector i of either covers frames i to i + window_frames.

        Args:
            deviation: float32 (frames, 40, 2), lips less the mean lip.
            mel: float32 (4 * frames, mels).

        Returns:
            unit vectors float32 (frames - window_frames + 1, embedding), of the lips and of the sound.
        """
        lips, sound = self.graph.run(deviation[None], mel[None])
        return lips[0], sound[0]


def load_sync_expert(folder: Path | None = None, *, provider: str = AUTO) -> SyncExpert:
    """Load the folder of a sync expert once; None is the one in the package.

    Args:
        folder: of the expert.
        provider: what computes, as for `network.read_network`.

    Raises:
        CheckpointError: files missing or unreadable, or of another kind, format or lip layout.
    """
    return _cached_expert(Path(folder).resolve() if folder is not None else PACKAGED_SYNC_EXPERT, provider)


@lru_cache(maxsize=2)
def _cached_expert(folder: Path, provider: str) -> SyncExpert:
    computed_by = check_provider(provider)
    what, expected = "sync expert", {"kind": KIND, "format": FORMAT, "lip_layout": LIP_LAYOUT}
    made_by = "'phonolips train sync'"
    values = read_bundle(folder, what=what, made_by=made_by, expected=expected, upgradable=OLD_FORMATS)
    with bundle_errors(folder, what):
        settings = settings_from_dict(SyncExpertSettings, values["settings"])
        check_files(folder, values, [WEIGHTS_FILE, GRAPH + GRAPH_SUFFIX])
        signature = sync_signature(settings)
        if computed_by == NUMPY:
            from phonolips.model.numpy_graph import numpy_sync_graph

            return SyncExpert(numpy_sync_graph(settings, read_weights(folder), signature), settings)
        return SyncExpert(OnnxGraph(signature, folder / (GRAPH + GRAPH_SUFFIX), computed_by), settings)


def mean_distances(lips: np.ndarray, mel: np.ndarray, furthest: int = FURTHEST_FRAMES) -> tuple[np.ndarray, np.ndarray]:
    """Average the distances of pairs of windows at every offset.

    Args:
        lips: unit vectors float32 (windows, embedding).
        mel: unit vectors float32 (windows, embedding), of the same times.
        furthest: the largest offset in either direction, frames; less where fewer than LEAST_WINDOWS pairs remain.

    Returns:
        offsets int64 (offsets,), and the mean L2 distance of `lips[t + offset]` and `mel[t]` at each, float64.
    """
    windows = len(lips)
    reach = min(furthest, max(0, windows - LEAST_WINDOWS))
    offsets = np.arange(-reach, reach + 1)
    table = np.sqrt(np.maximum(2 - 2 * lips @ mel.T, 0)).astype(np.float64)
    return offsets, np.array([np.diagonal(table, -int(offset)).mean() for offset in offsets])


def summarise_distances(offsets: np.ndarray, distances: np.ndarray) -> SyncResult:
    """Find the best offset, distance and confidence in mean distances (offsets,)."""
    best = int(np.argmin(distances))
    part = 0.0
    if 0 < best < len(distances) - 1:
        before, here, after = distances[best - 1 : best + 2]
        bend = before - 2 * here + after
        part = float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend > 0 else 0.0
    return SyncResult(
        int(offsets[best]),
        FRAME_MS * (float(offsets[best]) + part),
        float(np.median(distances) - distances[best]),
        float(distances[best]),
        offsets,
        distances,
    )


def offset(
    lips: np.ndarray,
    mel: np.ndarray,
    *,
    mean_lip: np.ndarray | None = None,
    expert: SyncExpert | None = None,
    furthest: int = FURTHEST_FRAMES,
) -> SyncResult:
    """Find by how much the lips of a clip are late, and how well they fit the sound.

    Args:
        lips: (frames, 40, 2), mouth space, 25 fps, no gaps.
        mel: log-mel (steps, 80) from the same moment on, as `phonolips.speech.mel.log_mel` returns it;
            what one of the two has beyond the end of the other is left out.
        mean_lip: (40, 2), the speaker's mean lip; None = the clip's own.
        expert: None = the one in the package.
        furthest: the largest offset searched in either direction, frames.

    Returns:
        the result; its offset is positive where the lips are late.

    Raises:
        InputError: arrays of other shapes, not finite, or too short to search an offset.
        CheckpointError: no expert in the package.
    """
    expert = expert or load_sync_expert()
    lips, mel = np.asarray(lips, np.float32), np.asarray(mel, np.float32)
    if lips.ndim != 3 or lips.shape[1:] != (LIP_POINTS, 2):
        raise InputError(f"lips of shape {lips.shape}; expected (frames, {LIP_POINTS}, 2)")
    if mel.ndim != 2 or mel.shape[1] != NUM_MELS:
        raise InputError(f"log-mel of shape {mel.shape}; expected (steps, {NUM_MELS})")
    frames = min(len(lips), len(mel) // STEPS_PER_FRAME)
    least = expert.window_frames + LEAST_WINDOWS
    if frames < least:
        raise InputError(f"{frames} frames of lips with sound; expected at least {least} to look for an offset")
    lips, mel = lips[:frames], mel[: STEPS_PER_FRAME * frames]
    if not (np.isfinite(lips).all() and np.isfinite(mel).all()):
        raise InputError("lips or log-mel hold NaN or infinity; expected finite numbers")
    deviation = lips - (lips.mean(0) if mean_lip is None else np.asarray(mean_lip, np.float32))
    return summarise_distances(*mean_distances(*expert.embed(deviation, mel), furthest))
