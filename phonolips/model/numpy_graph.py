"""The graphs in NumPy alone: where ONNX Runtime cannot be installed, and as a second witness in the tests.

Sequences are (batch, time, channels) throughout, so a convolution is one matrix product for each tap. Weights have the
names and shapes that they have in the model's file.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial

import numpy as np

from phonolips.errors import CheckpointError
from phonolips.lips.points import LIP_POINTS
from phonolips.model.graph import Graph, Signature
from phonolips.model.settings import NetworkSettings, SyncExpertSettings
from phonolips.model.stages import (
    ACTIVITY_STEM_KERNEL,
    COARSE_FINES,
    FINE_STEPS,
    FINES_PER_FRAME,
    HEADS,
    HEATMAP_BINS,
    HEATMAP_REACH,
    LIP_COORDINATES,
    decoder_ahead_frames,
    encoder_padding,
    lip_parameter_aheads,
)
from phonolips.phones.inventory import NUM_PHONES
from phonolips.timebase import STEPS_PER_FRAME, exact_div

Weights = Mapping[str, np.ndarray]
Compute = Callable[..., Sequence[np.ndarray]]

EPSILON = 1e-5  # of batch and layer norms, as torch has it
LEAST_LENGTH = 1e-12  # of a vector that is made one of length 1
ERF_PER_UNIT, ERF_END = 512, 4.0  # entries of the table of erf; from 4 on it is 1 in float32


class NumpyGraph(Graph):
    """A graph that a NumPy function computes.

    Args:
        signature: of the graph.
        compute: takes the inputs, returns the outputs.
    """

    def __init__(self, signature: Signature, compute: Compute) -> None:
        super().__init__(signature)
        self.compute = compute

    def run(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """Compute; see `Graph.run`."""
        try:
            return [np.asarray(output) for output in self.compute(*inputs)]
        except (ValueError, IndexError, KeyError) as error:
            name = self.signature.name
            raise CheckpointError(f"the weights of {name} are not those of its settings ({error})") from error


def numpy_graphs(settings: NetworkSettings, weights: Weights, made: Mapping[str, Signature]) -> dict[str, Graph]:
    """Make the graphs of a network.

    Args:
        settings: of the network.
        weights: float32, by their names in the model's file.
        made: the signatures of the graphs to make.
    """
    computes: dict[str, Compute] = {
        "encoder": partial(_encode, weights, settings),
        "lip_parameters": partial(_predict_lip_parameters, weights, settings),
        "durations": partial(_log_steps, weights, settings),
        "decoder": partial(_decode, weights, settings),
        "voice_activity": partial(_log_odds, weights, settings),
        "speaker_encoder": partial(_embed_speaker, weights, settings),
    }
    return {name: NumpyGraph(signature, computes[name]) for name, signature in made.items()}


def numpy_sync_graph(settings: SyncExpertSettings, weights: Weights, signature: Signature) -> Graph:
    """Make the graph of a sync expert."""
    return NumpyGraph(signature, partial(_embed_both, weights, settings))


def _encode(weights: Weights, settings: NetworkSettings, mel: np.ndarray) -> list[np.ndarray]:
    sizes, name = settings.audio_encoder, "audio_encoder"
    hidden = (mel - weights[f"{name}.mel_mean"]) / weights[f"{name}.mel_scale"]
    aheads = encoder_padding(sizes)
    fine = _convolve(weights, f"{name}.stem", hidden, stride=FINE_STEPS, ahead=aheads.stem)
    for index, (dilation, ahead) in enumerate(zip(sizes.dilations, aheads.fine, strict=True)):
        fine = _residual(weights, f"{name}.fine.{index}", fine, dilation, ahead)
    coarse = _convolve(weights, f"{name}.down", fine, stride=COARSE_FINES)
    for index, (dilation, ahead) in enumerate(zip(sizes.coarse_dilations, aheads.coarse, strict=True)):
        coarse = _residual(weights, f"{name}.coarse.{index}", coarse, dilation, ahead)
    up = _convolve(weights, f"{name}.up", coarse).reshape(fine.shape)
    hidden = _relu(_batch_norm(weights, f"{name}.norm", fine + up))
    logits = _convolve(weights, f"{name}.head", hidden)
    logits = logits.reshape(len(mel), -1, NUM_PHONES + 1)[..., :NUM_PHONES]
    posteriors = _softmax(logits / weights[f"{name}.temperature"])
    if not settings.lip_parameters.names:
        return [posteriors]
    return [posteriors, _lip_parameters(weights, settings, "sound_head", hidden, FINES_PER_FRAME)]


def _residual(weights: Weights, name: str, hidden: np.ndarray, dilation: int, ahead: int) -> np.ndarray:
    wide = _convolve(weights, f"{name}.layers.0", hidden, dilation=dilation, ahead=ahead)
    wide = _relu(_batch_norm(weights, f"{name}.layers.1", wide))
    return np.asarray(hidden + _convolve(weights, f"{name}.layers.3", wide))


def _predict_lip_parameters(weights: Weights, settings: NetworkSettings, posteriors: np.ndarray) -> list[np.ndarray]:
    return [_lip_parameters(weights, settings, "posterior_head", posteriors, STEPS_PER_FRAME)]


def _lip_parameters(
    weights: Weights, settings: NetworkSettings, head: str, rows: np.ndarray, per_frame: int
) -> np.ndarray:
    name = f"lip_parameters.{head}"
    hidden = _convolve(weights, f"{name}.to_frames", rows, stride=per_frame)
    for index, ahead in enumerate(lip_parameter_aheads(settings.lip_parameters)):
        hidden = hidden + _convolve(weights, f"{name}.layers.{index}.2", _gelu(hidden), ahead=ahead)
    return _linear(weights, f"{name}.head", hidden)


def _log_steps(
    weights: Weights, settings: NetworkSettings, phones: np.ndarray, position: np.ndarray, speaker: np.ndarray
) -> list[np.ndarray]:
    hidden = weights["durations.phones.weight"][phones] + position @ weights["durations.position.weight"].T
    hidden = hidden + weights["durations.speaker.weight"][speaker][:, None]
    for index in range(settings.durations.layers):
        ahead = settings.durations.kernel // 2
        hidden = hidden + _relu(_convolve(weights, f"durations.layers.{index}.0", hidden, ahead=ahead))
    return [_linear(weights, "durations.head", hidden)[..., 0]]


def _decode(weights: Weights, settings: NetworkSettings, *inputs: np.ndarray) -> list[np.ndarray]:
    posteriors, *moves, embedding, hidden, last, first, stop = inputs
    context = _context(weights, settings, posteriors, embedding, *moves)[:, int(first[0]) : int(stop[0])]
    sizes, is_displacement = settings.decoder, settings.lips.representation == "displacement"
    frames = []
    for now in context.swapaxes(0, 1):
        given = np.concatenate([now, last], -1) if sizes.autoregressive else now
        if sizes.kind == "recurrent":
            hidden = _gru_cell(weights, "decoder.cell", given, hidden)
            given = np.concatenate([hidden, now], -1)
        made = _coordinates(weights, settings, given)
        last = last + made if is_displacement else made
        frames.append(last)
    outputs = np.stack(frames, 1) if frames else np.zeros((len(last), 0, last.shape[1]), np.float32)
    return [outputs, hidden, last]


def _context(
    weights: Weights, settings: NetworkSettings, posteriors: np.ndarray, embedding: np.ndarray, *moves: np.ndarray
) -> np.ndarray:
    """Compute the context of each frame, (batch, frames, channels)."""
    ahead = decoder_ahead_frames(settings.decoder)
    latent = _pad(posteriors @ weights["bottleneck.phone_embedding.weight"], 0, ahead * STEPS_PER_FRAME)
    hidden = _convolve(weights, "decoder.to_frames", latent, stride=STEPS_PER_FRAME)
    hidden = hidden + _linear(weights, "decoder.speaker", embedding)[:, None]
    for move in moves:
        hidden = hidden + _pad(move, 0, ahead) @ weights["decoder.lip_parameters.weight"].T
    for index, dilation in enumerate(settings.decoder.dilations):
        name, back = f"decoder.blocks.{index}", dilation * (settings.decoder.kernel - 1)
        if settings.decoder.kind == "attention":
            hidden = _attend(weights, name, hidden, back)
        else:
            padded = _pad(_layer_norm(weights, f"{name}.norm", hidden), back, 0)
            wide = _gelu(_convolve(weights, f"{name}.layers.0", padded, dilation=dilation))
            hidden = hidden + _convolve(weights, f"{name}.layers.2", wide)
    return np.asarray(hidden[:, ahead:])


def _attend(weights: Weights, name: str, hidden: np.ndarray, back: int) -> np.ndarray:
    batch, frames, channels = hidden.shape
    normed = _layer_norm(weights, f"{name}.norm", hidden)
    query = _linear(weights, f"{name}.query", normed).reshape(batch, frames, HEADS, -1)
    padded = _pad(_linear(weights, f"{name}.key_value", normed), back, 0)
    windows = np.lib.stride_tricks.sliding_window_view(padded, back + 1, axis=1)
    windows = windows.reshape(batch, frames, 2, HEADS, -1, back + 1)
    key, value = windows[:, :, 0], windows[:, :, 1]
    scores = np.einsum("bfhc,bfhcw->bfhw", query, key) / np.float32(math.sqrt(channels // HEADS))
    scores = scores + weights[f"{name}.distance"]
    outside = np.arange(back, -1, -1)[None] > np.arange(frames)[:, None]
    scores = _softmax(np.where(outside[None, :, None], np.float32(-np.inf), scores))
    gathered = np.einsum("bfhw,bfhcw->bfhc", scores, value).reshape(batch, frames, channels)
    hidden = hidden + _linear(weights, f"{name}.out.0", gathered)
    wide = _gelu(_linear(weights, f"{name}.feed.1", _layer_norm(weights, f"{name}.feed.0", hidden)))
    return np.asarray(hidden + _linear(weights, f"{name}.feed.4", wide))


def _gru_cell(weights: Weights, name: str, given: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Compute one step of a GRU (Cho et al. 2014), its gates in torch's order: reset, update, new."""
    sizes = hidden.shape[1]
    inward = given @ weights[f"{name}.weight_ih_l0"].T + weights[f"{name}.bias_ih_l0"]
    back = hidden @ weights[f"{name}.weight_hh_l0"].T + weights[f"{name}.bias_hh_l0"]
    gates = _sigmoid(inward[:, : 2 * sizes] + back[:, : 2 * sizes])
    reset, update = gates[:, :sizes], gates[:, sizes:]
    new = np.tanh(inward[:, 2 * sizes :] + reset * back[:, 2 * sizes :])
    return np.asarray(new + update * (hidden - new))


def _coordinates(weights: Weights, settings: NetworkSettings, given: np.ndarray) -> np.ndarray:
    """Compute what stands for one frame's lips, (batch, outputs)."""
    out = _linear(weights, "decoder.head.layers.2", _gelu(_linear(weights, "decoder.head.layers.0", given)))
    if settings.lips.representation != "heatmap":
        return out
    bins = np.linspace(-HEATMAP_REACH, HEATMAP_REACH, HEATMAP_BINS, dtype=np.float32)
    return _softmax(out.reshape(len(out), LIP_COORDINATES, HEATMAP_BINS)) @ bins


def _log_odds(weights: Weights, settings: NetworkSettings, mel: np.ndarray) -> list[np.ndarray]:
    name, sizes = "voice_activity", settings.voice_activity
    hidden = (mel - weights[f"{name}.mel_mean"]) / weights[f"{name}.mel_scale"]
    ahead = exact_div(ACTIVITY_STEM_KERNEL - STEPS_PER_FRAME, 2)
    hidden = _convolve(weights, f"{name}.stem", hidden, stride=STEPS_PER_FRAME, ahead=ahead)
    for index, dilation in enumerate(sizes.dilations):
        block, ahead = f"{name}.blocks.{index}.layers", dilation * (sizes.kernel - 1) // 2
        wide = _relu(_batch_norm(weights, f"{block}.0", hidden))
        wide = _relu(_convolve(weights, f"{block}.2", wide, dilation=dilation, ahead=ahead))
        hidden = hidden + _convolve(weights, f"{block}.5", wide)
    return [_convolve(weights, f"{name}.head", _relu(_batch_norm(weights, f"{name}.norm", hidden)))[..., 0]]


def _embed_speaker(weights: Weights, settings: NetworkSettings, *given: np.ndarray) -> list[np.ndarray]:
    embedding = np.zeros((), np.float32)
    for source, values in zip(settings.speaker_from, given, strict=True):
        name = "speaker_encoder"
        scaled = (values - weights[f"{name}.{source}_mean"]) / weights[f"{name}.{source}_scale"]
        hidden = np.tanh(_linear(weights, f"{name}.heads.{source}.0", scaled))
        embedding = embedding + _linear(weights, f"{name}.heads.{source}.3", hidden)
    return [embedding]


def _embed_both(
    weights: Weights, settings: SyncExpertSettings, deviation: np.ndarray, mel: np.ndarray
) -> list[np.ndarray]:
    basis = weights["lip_basis"].reshape(-1, 2 * LIP_POINTS)
    coefficients = deviation.reshape(*deviation.shape[:2], -1) @ basis.T / weights["lip_scale"]
    scaled = ((mel - weights["mel_mean"]) / weights["mel_scale"]).reshape(len(mel), -1, STEPS_PER_FRAME * mel.shape[2])
    return [
        _embed_windows(weights, settings, "lip_encoder", coefficients),
        _embed_windows(weights, settings, "mel_encoder", scaled),
    ]


def _embed_windows(weights: Weights, settings: SyncExpertSettings, name: str, values: np.ndarray) -> np.ndarray:
    hidden = _linear(weights, f"{name}.first", values)
    for index in range(settings.layers):
        block = f"{name}.blocks.{index}"
        wide = _gelu(_convolve(weights, f"{block}.wide", _layer_norm(weights, f"{block}.norm", hidden)))
        hidden = hidden[:, 1:-1] + _linear(weights, f"{block}.mix", wide)
    out = _linear(weights, f"{name}.last", _layer_norm(weights, f"{name}.norm", hidden))
    return np.asarray(out / np.maximum(np.linalg.norm(out, axis=-1, keepdims=True), np.float32(LEAST_LENGTH)))


def _pad(values: np.ndarray, before: int, after: int) -> np.ndarray:
    """Pad (batch, time, channels) with zeros in time."""
    return np.pad(values, ((0, 0), (before, after), (0, 0))) if before or after else values


def _convolve(
    weights: Weights,
    name: str,
    values: np.ndarray,
    *,
    stride: int = 1,
    dilation: int = 1,
    ahead: int | None = None,
) -> np.ndarray:
    """Convolve (batch, time, channels) in time.

    With `ahead` there are zeros around it: as many after it, and so many before it that the output is as long as the
    input by the stride.
    """
    kernel = weights[f"{name}.weight"]  # (out, in, taps)
    taps = kernel.shape[2]
    padded = values if ahead is None else _pad(values, dilation * (taps - 1) - (stride - 1) - ahead, ahead)
    rows = (padded.shape[1] - dilation * (taps - 1) - 1) // stride + 1
    out = np.zeros((len(values), max(0, rows), len(kernel)), np.float32)
    for tap in range(taps):
        first = tap * dilation
        out += padded[:, first : first + stride * (rows - 1) + 1 : stride] @ kernel[:, :, tap].T
    bias = weights.get(f"{name}.bias")
    return out if bias is None else np.asarray(out + bias)


def _linear(weights: Weights, name: str, values: np.ndarray) -> np.ndarray:
    return np.asarray(values @ weights[f"{name}.weight"].T + weights[f"{name}.bias"])


def _batch_norm(weights: Weights, name: str, values: np.ndarray) -> np.ndarray:
    scale = weights[f"{name}.weight"] / np.sqrt(weights[f"{name}.running_var"] + np.float32(EPSILON))
    return np.asarray((values - weights[f"{name}.running_mean"]) * scale + weights[f"{name}.bias"])


def _layer_norm(weights: Weights, name: str, values: np.ndarray) -> np.ndarray:
    centred = values - values.mean(-1, keepdims=True)
    spread = np.sqrt(np.square(centred).mean(-1, keepdims=True) + np.float32(EPSILON))
    return np.asarray(centred / spread * weights[f"{name}.weight"] + weights[f"{name}.bias"])


def _softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))


def _relu(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum(values, np.float32(0)))


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.float32(0.5) + np.float32(0.5) * np.tanh(np.float32(0.5) * values))


def _gelu(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.float32(0.5) * values * (1 + _erf(values * np.float32(math.sqrt(0.5)))))


@lru_cache(maxsize=1)
def _erf_table() -> tuple[np.ndarray, np.ndarray]:
    """Return erf and its slope, float64, at ERF_PER_UNIT points a unit from -ERF_END to ERF_END."""
    points = np.arange(-ERF_END * ERF_PER_UNIT, ERF_END * ERF_PER_UNIT + 1) / ERF_PER_UNIT
    return np.array([math.erf(point) for point in points]), 2 / math.sqrt(math.pi) * np.exp(-np.square(points))


def _erf(values: np.ndarray) -> np.ndarray:
    """Compute the error function to float32's precision: from the nearest entry of a table by two terms of Taylor's."""
    table, slopes = _erf_table()
    clipped = np.clip(values, -ERF_END, ERF_END)
    nearest = np.rint(clipped * ERF_PER_UNIT).astype(np.int32)
    point = nearest / np.float32(ERF_PER_UNIT)
    step = clipped - point
    index = nearest + int(ERF_END * ERF_PER_UNIT)
    return np.asarray(table[index] + slopes[index] * step * (1 - point * step), np.float32)
