"""Write a model's graphs as ONNX files that point into its weights.

The graphs are put together operation by operation, as `training.networks` and `model.numpy_graph` compute them, and
hold no weights: every initializer is a piece of `model.safetensors`, which stays the one source of them. What is stored
as float16 is cast when a session opens, what is stored as int8 is cast and multiplied by its scales, and batch norms
stay as they are (folded into half-precision convolutions, they would lose what halving the weights alone does not). So
a graph depends on settings and on where tensors lie, and comes out the same to the byte wherever it is written.

An exporter is not used: torch's newer one froze the length of recurrent layers (torch 2.11), and either renames weights
or folds them into others. The tests hold every graph to the torch modules.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper

from phonolips.lips.points import LIP_POINTS
from phonolips.model.bundle import INT8, SCALE
from phonolips.model.graph import Port, Signature
from phonolips.model.numpy_graph import EPSILON, LEAST_LENGTH
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
    STEM_KERNEL,
    count_outputs,
    decoder_ahead_frames,
    encoder_padding,
    lip_parameter_aheads,
)
from phonolips.phones.inventory import NUM_PHONES
from phonolips.speech.mel import NUM_MELS
from phonolips.timebase import STEPS_PER_FRAME, exact_div

OPSET = 18  # has all that is needed; every ONNX Runtime from 1.14 on reads it
IR_VERSION = 8  # of the file format, the one of that opset
PRODUCER = "phonolips"
ELEMENT_TYPES = {
    "F16": TensorProto.FLOAT16,
    "F32": TensorProto.FLOAT,
    "I64": TensorProto.INT64,
    INT8: TensorProto.INT8,
}
PORT_TYPES = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64}
HEADER_SIZE_BYTES = 8  # a safetensors file begins with the length of its header
LAST = np.iinfo(np.int64).max  # as the end of a slice: to the end


class StoredTensor(NamedTuple):
    """Where a tensor lies in a safetensors file: its dtype by safetensors' name, its shape, first byte and length."""

    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int


def stored_tensors(content: bytes) -> dict[str, StoredTensor]:
    """Read the header of a safetensors file."""
    size = int.from_bytes(content[:HEADER_SIZE_BYTES], "little")
    header = json.loads(content[HEADER_SIZE_BYTES : HEADER_SIZE_BYTES + size])
    start = HEADER_SIZE_BYTES + size
    return {
        name: StoredTensor(values["dtype"], tuple(values["shape"]), start + first, last - first)
        for name, values in header.items()
        if name != "__metadata__"
        for first, last in [values["data_offsets"]]
    }


class GraphWriter:
    """A graph in the making: operations in order, each with a name for its output.

    Args:
        tensors: where the weights lie.
        location: the file that they lie in, beside the graph.
    """

    def __init__(self, tensors: Mapping[str, StoredTensor], location: str) -> None:
        self.tensors, self.location = tensors, location
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.made: dict[str, str] = {}  # weights and constants that are there already
        self.count = 0

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """Add an operation; return the name of its output, or of its first."""
        names = self.names(kind, outputs)
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=names[0], **attributes))
        return names[0]

    def names(self, kind: str, count: int = 1) -> list[str]:
        """Make new names."""
        self.count += count
        return [f"{kind.lower()}_{self.count - index}" for index in reversed(range(count))]

    def weight(self, name: str) -> str:
        """Return the name of a weight as float32.

        What is stored as int8 takes a Cast and a Mul: ONNX Runtime computes these once, when a session opens. A
        DequantizeLinear it keeps for each run (1.32), or refuses before a Transpose (1.19, without zero points).
        """
        if name not in self.made:
            stored = self.tensors[name]
            tensor = onnx.TensorProto(
                name=name, data_type=ELEMENT_TYPES[stored.dtype], dims=stored.shape, data_location=TensorProto.EXTERNAL
            )
            for key, value in (("location", self.location), ("offset", stored.offset), ("length", stored.length)):
                tensor.external_data.add(key=key, value=str(value))
            self.initializers.append(tensor)
            self.made[name] = name
            if stored.dtype in ("F16", INT8):
                self.made[name] = self.op("Cast", name, to=TensorProto.FLOAT)
            if stored.dtype == INT8:
                self.made[name] = self.op("Mul", self.made[name], self.weight(name + SCALE))
        return self.made[name]

    def constant(self, values: Any, dtype: type[np.generic] = np.float32) -> str:
        """Return the name of a constant that is kept in the graph."""
        array = np.asarray(values, dtype)
        key = f"{array.dtype}{array.shape}{array.tolist()}"
        if key not in self.made:
            name = self.names("constant")[0]
            self.initializers.append(onnx.numpy_helper.from_array(array, name))
            self.made[key] = name
        return self.made[key]

    def integers(self, *values: int) -> str:
        """Return the name of a constant row of whole numbers."""
        return self.constant(values, np.int64)

    def add(self, one: str, other: str) -> str:
        """Add two values."""
        return self.op("Add", one, other)

    def transpose(self, value: str) -> str:
        """Swap time and channels of (batch, time, channels)."""
        return self.op("Transpose", value, perm=[0, 2, 1])

    def reshape(self, value: str, *shape: int) -> str:
        """Reshape; 0 keeps an axis, -1 is what is left."""
        return self.op("Reshape", value, self.integers(*shape))

    def slice(self, value: str, first: int | str, stop: int | str, axis: int) -> str:
        """Cut out a stretch of an axis; the bounds are numbers, or names of rows of one number."""
        start, end = (bound if isinstance(bound, str) else self.integers(bound) for bound in (first, stop))
        return self.op("Slice", value, start, end, self.integers(axis))

    def pad(self, value: str, before: int, after: int) -> str:
        """Pad (batch, time, channels) with zeros in time."""
        return self.op("Pad", value, self.integers(0, before, 0, 0, after, 0)) if before or after else value

    def convolve(
        self,
        name: str,
        value: str,
        *,
        kernel: int,
        stride: int = 1,
        dilation: int = 1,
        ahead: int | None = None,
    ) -> str:
        """Convolve (batch, channels, time).

        With `ahead` there are zeros around it: as many after it, and so many before it that the output is as long as
        the input by the stride.
        """
        pads = [0, 0] if ahead is None else [dilation * (kernel - 1) - (stride - 1) - ahead, ahead]
        bias = [self.weight(f"{name}.bias")] if f"{name}.bias" in self.tensors else []
        return self.op(
            "Conv",
            value,
            self.weight(f"{name}.weight"),
            *bias,
            kernel_shape=[kernel],
            strides=[stride],
            dilations=[dilation],
            pads=pads,
        )

    def matmul(self, value: str, weight: str) -> str:
        """Multiply (..., inputs) by the transpose of a weight (outputs, inputs)."""
        return self.op("MatMul", value, self.op("Transpose", self.weight(weight), perm=[1, 0]))

    def linear(self, name: str, value: str) -> str:
        """Map (..., inputs) to (..., outputs)."""
        return self.add(self.matmul(value, f"{name}.weight"), self.weight(f"{name}.bias"))

    def batch_norm(self, name: str, value: str) -> str:
        """Normalise (batch, channels, time)."""
        parts = (self.weight(f"{name}.{part}") for part in ("weight", "bias", "running_mean", "running_var"))
        return self.op("BatchNormalization", value, *parts, epsilon=EPSILON)

    def layer_norm(self, name: str, value: str) -> str:
        """Normalise (..., channels)."""
        parts = (self.weight(f"{name}.weight"), self.weight(f"{name}.bias"))
        return self.op("LayerNormalization", value, *parts, axis=-1, epsilon=EPSILON)

    def gelu(self, value: str) -> str:
        """Apply x * (1 + erf(x / sqrt 2)) / 2."""
        erf = self.op("Erf", self.op("Mul", value, self.constant(np.sqrt(0.5))))
        return self.op("Mul", self.op("Mul", value, self.add(erf, self.constant(1.0))), self.constant(0.5))

    def scaled(self, value: str, mean: str, scale: str) -> str:
        """Subtract a mean and divide by a scale, both weights."""
        return self.op("Div", self.op("Sub", value, self.weight(mean)), self.weight(scale))

    def finish(self, signature: Signature, outputs: Sequence[str], notes: Mapping[str, str]) -> bytes:
        """Return the file: `outputs` under the names that the signature gives them."""
        for port, name in zip(signature.outputs, outputs, strict=True):
            self.nodes.append(helper.make_node("Identity", [name], [port.name], name=port.name))
        graph = helper.make_graph(
            self.nodes,
            signature.name,
            [_declare(port) for port in signature.inputs],
            [_declare(port) for port in signature.outputs],
            self.initializers,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name=PRODUCER, ir_version=IR_VERSION
        )
        helper.set_model_props(model, dict(notes))
        content: bytes = model.SerializeToString(deterministic=True)
        return content


def _declare(port: Port) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(port.name, PORT_TYPES[port.dtype], list(port.axes))


def write_graphs(
    settings: NetworkSettings, made: Mapping[str, Signature], tensors: Mapping[str, StoredTensor], location: str
) -> dict[str, bytes]:
    """Write the graphs of a network.

    Args:
        settings: of the network.
        made: the signatures of the graphs to write.
        tensors: where its weights lie, from `stored_tensors`.
        location: the name of the file that they lie in.

    Returns:
        the contents of the ONNX files by the graphs' names.
    """
    build: dict[str, Callable[[GraphWriter, NetworkSettings], list[str]]] = {
        "encoder": _encoder,
        "lip_parameters": _lip_parameters,
        "durations": _durations,
        "decoder": _decoder,
        "voice_activity": _voice_activity,
        "speaker_encoder": _speaker_encoder,
    }
    contents = {}
    for name, signature in made.items():
        writer = GraphWriter(tensors, location)
        contents[name] = writer.finish(signature, build[name](writer, settings), _notes(signature))
    return contents


def write_sync_graph(
    settings: SyncExpertSettings, signature: Signature, tensors: Mapping[str, StoredTensor], location: str
) -> bytes:
    """Write the graph of a sync expert; arguments as for `write_graphs`."""
    writer = GraphWriter(tensors, location)
    basis = writer.op("Reshape", writer.weight("lip_basis"), writer.integers(-1, 2 * LIP_POINTS))
    deviation = writer.op("Reshape", "deviation", writer.integers(0, 0, 2 * LIP_POINTS))
    coefficients = writer.op("MatMul", deviation, writer.op("Transpose", basis, perm=[1, 0]))
    coefficients = writer.op("Div", coefficients, writer.weight("lip_scale"))
    mel = writer.reshape(writer.scaled("mel", "mel_mean", "mel_scale"), 0, -1, STEPS_PER_FRAME * NUM_MELS)
    outputs = [
        _windows(writer, settings, "lip_encoder", coefficients),
        _windows(writer, settings, "mel_encoder", mel),
    ]
    return writer.finish(signature, outputs, _notes(signature))


def _notes(signature: Signature) -> dict[str, str]:
    """Describe inputs and outputs for whoever opens the file."""
    return {
        kind: "; ".join(f"{port.name} {port.dtype} {port.axes}" for port in ports)
        for kind, ports in (("inputs", signature.inputs), ("outputs", signature.outputs))
    }


def _encoder(writer: GraphWriter, settings: NetworkSettings) -> list[str]:
    sizes, name = settings.audio_encoder, "audio_encoder"
    hidden = writer.transpose(writer.scaled("mel", f"{name}.mel_mean", f"{name}.mel_scale"))
    aheads = encoder_padding(sizes)
    fine = writer.convolve(f"{name}.stem", hidden, kernel=STEM_KERNEL, stride=FINE_STEPS, ahead=aheads.stem)
    for index, (dilation, ahead) in enumerate(zip(sizes.dilations, aheads.fine, strict=True)):
        fine = _residual(writer, f"{name}.fine.{index}", fine, dilation, sizes.kernel, ahead)
    coarse = writer.convolve(f"{name}.down", fine, kernel=COARSE_FINES, stride=COARSE_FINES)
    for index, (dilation, ahead) in enumerate(zip(sizes.coarse_dilations, aheads.coarse, strict=True)):
        coarse = _residual(writer, f"{name}.coarse.{index}", coarse, dilation, sizes.kernel, ahead)
    up = writer.convolve(f"{name}.up", coarse, kernel=1)
    up = writer.reshape(up, 0, COARSE_FINES, sizes.channels, -1)
    up = writer.reshape(writer.op("Transpose", up, perm=[0, 2, 3, 1]), 0, sizes.channels, -1)
    hidden = writer.op("Relu", writer.batch_norm(f"{name}.norm", writer.add(fine, up)))
    logits = writer.transpose(writer.convolve(f"{name}.head", hidden, kernel=1))
    logits = writer.reshape(logits, 0, -1, NUM_PHONES + 1)
    logits = writer.op("Div", writer.slice(logits, 0, NUM_PHONES, 2), writer.weight(f"{name}.temperature"))
    outputs = [writer.op("Softmax", logits, axis=-1)]
    if settings.lip_parameters.names:
        outputs.append(_head(writer, settings, "sound_head", hidden, FINES_PER_FRAME))
    return outputs


def _residual(writer: GraphWriter, name: str, hidden: str, dilation: int, kernel: int, ahead: int) -> str:
    wide = writer.convolve(f"{name}.layers.0", hidden, kernel=kernel, dilation=dilation, ahead=ahead)
    wide = writer.op("Relu", writer.batch_norm(f"{name}.layers.1", wide))
    return writer.add(hidden, writer.convolve(f"{name}.layers.3", wide, kernel=1))


def _lip_parameters(writer: GraphWriter, settings: NetworkSettings) -> list[str]:
    return [_head(writer, settings, "posterior_head", writer.transpose("posteriors"), STEPS_PER_FRAME)]


def _head(writer: GraphWriter, settings: NetworkSettings, head: str, rows: str, per_frame: int) -> str:
    name, kernel = f"lip_parameters.{head}", settings.lip_parameters.kernel
    hidden = writer.convolve(f"{name}.to_frames", rows, kernel=per_frame, stride=per_frame)
    for index, ahead in enumerate(lip_parameter_aheads(settings.lip_parameters)):
        wide = writer.convolve(f"{name}.layers.{index}.2", writer.gelu(hidden), kernel=kernel, ahead=ahead)
        hidden = writer.add(hidden, wide)
    return writer.linear(f"{name}.head", writer.transpose(hidden))


def _durations(writer: GraphWriter, settings: NetworkSettings) -> list[str]:
    kernel = settings.durations.kernel
    hidden = writer.op("Gather", writer.weight("durations.phones.weight"), "phones")
    hidden = writer.add(hidden, writer.matmul("position", "durations.position.weight"))
    speaker = writer.op("Gather", writer.weight("durations.speaker.weight"), "speaker")
    hidden = writer.add(hidden, writer.op("Unsqueeze", speaker, writer.integers(1)))
    hidden = writer.transpose(hidden)
    for index in range(settings.durations.layers):
        wide = writer.convolve(f"durations.layers.{index}.0", hidden, kernel=kernel, ahead=kernel // 2)
        hidden = writer.add(hidden, writer.op("Relu", wide))
    out = writer.linear("durations.head", writer.transpose(hidden))
    return [writer.op("Squeeze", out, writer.integers(2))]


def _decoder(writer: GraphWriter, settings: NetworkSettings) -> list[str]:
    """Write the context of all frames, and then a scan over those asked for.

    What the recurrent cell and the head make of the context does not depend on earlier frames, so it is computed for
    all frames at once, before the scan.
    """
    sizes, channels = settings.decoder, settings.decoder.channels
    context = writer.slice(_context(writer, settings), "first", "stop", 1)
    recurrent = sizes.kind == "recurrent"
    head = "decoder.head.layers.0"
    before = sizes.hidden if recurrent else 0  # columns of the head's weight before those of the context
    now = _columns(writer, context, f"{head}.weight", before, before + channels)
    given = [writer.add(now, writer.weight(f"{head}.bias"))]
    if recurrent:
        inward = _columns(writer, context, "decoder.cell.weight_ih_l0", 0, channels)
        given.append(writer.add(inward, writer.weight("decoder.cell.bias_ih_l0")))
    names = writer.names("scan", 3)
    body = _scan_body(writer, settings)
    writer.nodes.append(
        helper.make_node(
            "Scan",
            ["hidden", "last", *given],
            names,
            name=names[0],
            body=body,
            num_scan_inputs=len(given),
            scan_input_axes=[1] * len(given),
            scan_output_axes=[1],
        )
    )
    return [names[2], names[0], names[1]]


def _columns(writer: GraphWriter, value: str, weight: str, first: int, stop: int) -> str:
    """Multiply (..., inputs) by the transpose of some columns of a weight (outputs, columns)."""
    part = writer.slice(writer.weight(weight), first, stop, 1)
    return writer.op("MatMul", value, writer.op("Transpose", part, perm=[1, 0]))


def _scan_body(outer: GraphWriter, settings: NetworkSettings) -> onnx.GraphProto:
    """Write what is done for one frame; weights, and constants of them, are those of the graph around it."""
    sizes, recurrent = settings.decoder, settings.decoder.kind == "recurrent"
    hidden_size, channels, outputs = sizes.hidden, sizes.channels, count_outputs(settings.lips)
    head, cell = "decoder.head.layers.0", "decoder.cell"
    # Transposed parts of weights are made once, outside.
    parts: dict[str, str] = {"out": outer.op("Transpose", outer.weight("decoder.head.layers.2.weight"), perm=[1, 0])}
    parts["out_bias"] = outer.weight("decoder.head.layers.2.bias")

    def part(name: str, weight: str, first: int, stop: int) -> None:
        parts[name] = outer.op("Transpose", outer.slice(outer.weight(weight), first, stop, 1), perm=[1, 0])

    if recurrent:
        part("head_hidden", f"{head}.weight", 0, hidden_size)
        part("recurrent", f"{cell}.weight_hh_l0", 0, hidden_size)
        parts["recurrent_bias"] = outer.weight(f"{cell}.bias_hh_l0")
        if sizes.autoregressive:
            part("cell_last", f"{cell}.weight_ih_l0", channels, channels + outputs)
    elif sizes.autoregressive:
        part("head_last", f"{head}.weight", channels, channels + outputs)
    shapes = {"half": outer.constant(0.5), "one": outer.constant(1.0), "root": outer.constant(np.sqrt(0.5))}
    bins = outer.constant(np.linspace(-HEATMAP_REACH, HEATMAP_REACH, HEATMAP_BINS, dtype=np.float32))
    grid = outer.integers(0, LIP_COORDINATES, HEATMAP_BINS)
    body = GraphWriter({}, "")
    body.count = outer.count + 1000  # names of the body differ from those around it
    made, state = "head_now", "hidden_in"
    if recurrent:
        inward = "cell_now"
        if sizes.autoregressive:
            inward = body.add(inward, body.op("MatMul", "last_in", parts["cell_last"]))
        back = body.add(body.op("MatMul", "hidden_in", parts["recurrent"]), parts["recurrent_bias"])
        inward_parts, back_parts = _split(body, inward), _split(body, back)
        reset = body.op("Sigmoid", body.add(inward_parts[0], back_parts[0]))
        update = body.op("Sigmoid", body.add(inward_parts[1], back_parts[1]))
        new = body.op("Tanh", body.add(inward_parts[2], body.op("Mul", reset, back_parts[2])))
        state = body.add(new, body.op("Mul", update, body.op("Sub", "hidden_in", new)))
        made = body.add(made, body.op("MatMul", state, parts["head_hidden"]))
    elif sizes.autoregressive:
        made = body.add(made, body.op("MatMul", "last_in", parts["head_last"]))
    erf = body.op("Erf", body.op("Mul", made, shapes["root"]))
    made = body.op("Mul", body.op("Mul", made, body.add(erf, shapes["one"])), shapes["half"])
    made = body.add(body.op("MatMul", made, parts["out"]), parts["out_bias"])
    if settings.lips.representation == "heatmap":
        made = body.op("MatMul", body.op("Softmax", body.op("Reshape", made, grid), axis=-1), bins)
    if settings.lips.representation == "displacement":
        made = body.add("last_in", made)
    for name, value in (("hidden_out", state), ("last_out", made), ("made_out", made)):
        body.nodes.append(helper.make_node("Identity", [value], [name], name=f"body_{name}"))
    rows = [("hidden_in", hidden_size), ("last_in", outputs), ("head_now", hidden_size)]
    if recurrent:
        rows.append(("cell_now", 3 * hidden_size))
    declared = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size]) for name, size in rows]
    results = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size])
        for name, size in (("hidden_out", hidden_size), ("last_out", outputs), ("made_out", outputs))
    ]
    return helper.make_graph(body.nodes, "frame", declared, results)


def _split(writer: GraphWriter, value: str) -> list[str]:
    """Split (batch, 3 * size) in three."""
    names = writer.names("split", 3)
    writer.nodes.append(helper.make_node("Split", [value], names, name=names[0], axis=1, num_outputs=3))
    return names


def _context(writer: GraphWriter, settings: NetworkSettings) -> str:
    ahead = decoder_ahead_frames(settings.decoder)
    latent = writer.op("MatMul", "posteriors", writer.weight("bottleneck.phone_embedding.weight"))
    latent = writer.transpose(writer.pad(latent, 0, ahead * STEPS_PER_FRAME))
    hidden = writer.convolve("decoder.to_frames", latent, kernel=STEPS_PER_FRAME, stride=STEPS_PER_FRAME)
    speaker = writer.op("Unsqueeze", writer.linear("decoder.speaker", "embedding"), writer.integers(1))
    hidden = writer.add(writer.transpose(hidden), speaker)
    if settings.lip_parameters.names:
        moves = writer.pad("lip_parameters", 0, ahead)
        hidden = writer.add(hidden, writer.matmul(moves, "decoder.lip_parameters.weight"))
    for index, dilation in enumerate(settings.decoder.dilations):
        name, kernel = f"decoder.blocks.{index}", settings.decoder.kernel
        back = dilation * (kernel - 1)
        if settings.decoder.kind == "attention":
            hidden = _attend(writer, name, hidden, back, settings.decoder.channels)
        else:
            normed = writer.transpose(writer.pad(writer.layer_norm(f"{name}.norm", hidden), back, 0))
            wide = writer.convolve(f"{name}.layers.0", normed, kernel=kernel, dilation=dilation)
            wide = writer.convolve(f"{name}.layers.2", writer.gelu(wide), kernel=1)
            hidden = writer.add(hidden, writer.transpose(wide))
    return writer.slice(hidden, ahead, LAST, 1)


def _attend(writer: GraphWriter, name: str, hidden: str, back: int, channels: int) -> str:
    """Attend to the last `back` frames and this one: keys and values of every band are gathered by their places."""
    size = exact_div(channels, HEADS)
    normed = writer.layer_norm(f"{name}.norm", hidden)
    query = writer.reshape(writer.linear(f"{name}.query", normed), 0, 0, HEADS, size)
    padded = writer.pad(writer.linear(f"{name}.key_value", normed), back, 0)
    frames = writer.op("Squeeze", writer.slice(writer.op("Shape", hidden), 1, 2, 0), writer.integers(0))
    zero, one = writer.constant(0, np.int64), writer.constant(1, np.int64)
    places = writer.op("Unsqueeze", writer.op("Range", zero, frames, one), writer.integers(1))  # (frames, 1)
    band = writer.add(places, writer.constant(np.arange(back + 1)[None], np.int64))
    windows = writer.op("Gather", padded, band, axis=1)  # (batch, frames, band, 2 * channels)
    windows = writer.reshape(windows, 0, 0, back + 1, 2, HEADS * size)
    parts = []
    for index in range(2):
        chosen = writer.op("Squeeze", writer.slice(windows, index, index + 1, 3), writer.integers(3))
        parts.append(writer.reshape(chosen, 0, 0, back + 1, HEADS, size))
    scores = writer.op("Einsum", query, parts[0], equation="bfhc,bfwhc->bfhw")
    scores = writer.add(writer.op("Div", scores, writer.constant(np.sqrt(size))), writer.weight(f"{name}.distance"))
    outside = writer.op("Greater", writer.constant(np.arange(back, -1, -1)[None], np.int64), places)
    outside = writer.op("Unsqueeze", outside, writer.integers(0, 2))
    scores = writer.op("Where", outside, writer.constant(-np.inf), scores)
    scores = writer.op("Softmax", scores, axis=-1)
    gathered = writer.reshape(writer.op("Einsum", scores, parts[1], equation="bfhw,bfwhc->bfhc"), 0, 0, channels)
    hidden = writer.add(hidden, writer.linear(f"{name}.out.0", gathered))
    wide = writer.gelu(writer.linear(f"{name}.feed.1", writer.layer_norm(f"{name}.feed.0", hidden)))
    return writer.add(hidden, writer.linear(f"{name}.feed.4", wide))


def _voice_activity(writer: GraphWriter, settings: NetworkSettings) -> list[str]:
    name, sizes = "voice_activity", settings.voice_activity
    hidden = writer.transpose(writer.scaled("mel", f"{name}.mel_mean", f"{name}.mel_scale"))
    ahead = exact_div(ACTIVITY_STEM_KERNEL - STEPS_PER_FRAME, 2)
    hidden = writer.convolve(f"{name}.stem", hidden, kernel=ACTIVITY_STEM_KERNEL, stride=STEPS_PER_FRAME, ahead=ahead)
    for index, dilation in enumerate(sizes.dilations):
        block, ahead = f"{name}.blocks.{index}.layers", dilation * (sizes.kernel - 1) // 2
        wide = writer.op("Relu", writer.batch_norm(f"{block}.0", hidden))
        wide = writer.convolve(f"{block}.2", wide, kernel=sizes.kernel, dilation=dilation, ahead=ahead)
        hidden = writer.add(hidden, writer.convolve(f"{block}.5", writer.op("Relu", wide), kernel=1))
    out = writer.convolve(f"{name}.head", writer.op("Relu", writer.batch_norm(f"{name}.norm", hidden)), kernel=1)
    return [writer.op("Squeeze", out, writer.integers(1))]


def _speaker_encoder(writer: GraphWriter, settings: NetworkSettings) -> list[str]:
    made = ""
    for source in settings.speaker_from:
        name = "speaker_encoder"
        scaled = writer.scaled(source, f"{name}.{source}_mean", f"{name}.{source}_scale")
        hidden = writer.op("Tanh", writer.linear(f"{name}.heads.{source}.0", scaled))
        part = writer.linear(f"{name}.heads.{source}.3", hidden)
        made = writer.add(made, part) if made else part
    return [made]


def _windows(writer: GraphWriter, settings: SyncExpertSettings, name: str, values: str) -> str:
    """Embed windows in vectors of length 1."""
    hidden = writer.linear(f"{name}.first", values)
    for index in range(settings.layers):
        block = f"{name}.blocks.{index}"
        normed = writer.transpose(writer.layer_norm(f"{block}.norm", hidden))
        wide = writer.gelu(writer.transpose(writer.convolve(f"{block}.wide", normed, kernel=3)))
        hidden = writer.add(writer.slice(hidden, 1, -1, 1), writer.linear(f"{block}.mix", wide))
    out = writer.linear(f"{name}.last", writer.layer_norm(f"{name}.norm", hidden))
    length = writer.op("ReduceL2", out, writer.integers(-1), keepdims=1)
    return writer.op("Div", out, writer.op("Max", length, writer.constant(LEAST_LENGTH)))
