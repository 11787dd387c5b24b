"""The graphs of a model: ONNX Runtime, NumPy and torch compute the same, whatever kind of decoder and however long.

The shipped model is held to tighter bounds than made-up ones: its outputs are in the units that people see.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import skip_without

skip_without("train")

import torch
from safetensors.numpy import load_file

from phonolips.model.bundle import PACKAGED_MODEL, PACKAGED_SYNC_EXPERT, count_parameters, read_weights
from phonolips.model.graph import Port
from phonolips.model.network import Description, Network, read_network
from phonolips.model.onnx_graph import OnnxGraph
from phonolips.model.settings import (
    AudioEncoderSettings,
    DecoderSettings,
    DurationSettings,
    LipParameterSettings,
    LipsSettings,
    NetworkSettings,
    VoiceActivitySettings,
)
from phonolips.model.stages import KINDS, REPRESENTATIONS, signatures
from phonolips.model.stream import CHUNK_FRAMES
from phonolips.model.sync import load_sync_expert
from phonolips.phones.inventory import NUM_PHONES
from phonolips.training import modules
from phonolips.training.networks.network import TrainableNetwork, read_trainable
from phonolips.training.networks.sync import read_trainable_expert
from phonolips.training.torch_graph import expert_of, network_of
from phonolips.training.upgrade import upgrade_model

PART = {"encoder": "audio_encoder"}  # graph -> attribute of the network, where they differ
PROVIDERS = ("cpu", "numpy")
LENGTHS = (1, 2, 3, 7, 24, 25, 77, CHUNK_FRAMES - 1, CHUNK_FRAMES, CHUNK_FRAMES + 83)
# What comes out of the shipped model, in its own units: posteriors, lips in eye distances.
MOST = {"posteriors": 1e-5, "lips": 1e-6, "lip_parameters": 2e-5, "log_odds": 2e-5, "log_steps": 1e-5}


def draw(ports: tuple[Port, ...], frames: int, batch: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Draw inputs of a graph, alike to what it sees."""
    sizes = {"batch": batch, "steps": 4 * frames, "frames": frames, "phones": frames}
    drawn = []
    for port in ports:
        shape = [sizes[axis] if isinstance(axis, str) else axis for axis in port.axes]
        if port.name == "posteriors":
            values = rng.dirichlet(np.full(NUM_PHONES, 0.05), shape[:2])
        elif port.dtype == "int64":
            bounds = {"first": frames // 3, "stop": frames}
            values = np.full(1, bounds[port.name]) if port.name in bounds else rng.integers(0, 3, shape)
        else:
            values = rng.normal(-8 if port.name == "mel" else 0, 3 if port.name == "mel" else 1, shape)
        drawn.append(values.astype(port.dtype))
    return drawn


def graph_of(network: Network, name: str):
    return getattr(network, PART.get(name, name)).graph


def read_three(folder: Path) -> dict[str, Network]:
    made = {provider: read_network(folder, provider=provider) for provider in PROVIDERS}
    return made | {"torch": network_of(read_trainable(folder))}


@pytest.fixture(scope="module")
def shipped() -> dict[str, Network]:
    return read_three(PACKAGED_MODEL)


@pytest.fixture(scope="module")
def int8_folder(tmp_path_factory) -> Path:
    """The shipped model, its weights stored as int8."""
    folder = tmp_path_factory.mktemp("int8")
    read_trainable(PACKAGED_MODEL).save(folder, half=True, int8=True)
    return folder


@pytest.fixture(scope="module")
def shipped_int8(int8_folder) -> dict[str, Network]:
    return read_three(int8_folder)


@pytest.mark.parametrize("name", sorted(signatures(read_network(PACKAGED_MODEL).description.settings)))
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("model", ["shipped", "shipped_int8"])
def test_the_shipped_graphs_compute_what_torch_does(request, model, name, provider):
    """Twenty seeded inputs, of one frame to more than a chunk, alone and three at once."""
    shipped = request.getfixturevalue(model)
    network = shipped["torch"]
    signature = graph_of(network, name).signature
    for seed, (frames, batch) in enumerate([(frames, batch) for frames in LENGTHS for batch in (1, 3)]):
        inputs = draw(signature.inputs, frames, batch, np.random.default_rng(seed))
        expected, found = (graph_of(shipped[one], name).run(*inputs) for one in ("torch", provider))
        for port, one, other in zip(signature.outputs, expected, found, strict=True):
            assert other.shape == one.shape, port.name
            assert other.dtype == np.float32, port.name
            # A decoder's outputs, times the scale, are eye distances; its hidden state is numbers around 1.
            is_lips = name == "decoder" and port.name != "hidden_out"
            most = MOST["lips"] / network.lip_scale if is_lips else MOST.get(port.name, 1e-5)
            if one.size:
                assert np.abs(one - other).max() < most, (port.name, frames, batch)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_shipped_sync_expert_computes_what_torch_does(provider):
    expert, other = (
        load_sync_expert(PACKAGED_SYNC_EXPERT, provider=provider),
        expert_of(read_trainable_expert(PACKAGED_SYNC_EXPERT)),
    )
    rng = np.random.default_rng(0)
    for frames in (expert.window_frames, 30, 301):
        deviation = 0.05 * rng.normal(size=(frames, 40, 2)).astype(np.float32)
        mel = rng.normal(-8, 3, (4 * frames, 80)).astype(np.float32)
        for one, two in zip(expert.embed(deviation, mel), other.embed(deviation, mel), strict=True):
            assert one.shape == two.shape == (frames - expert.window_frames + 1, expert.settings.embedding)
            assert np.abs(one - two).max() < 1e-5


def made_up(kind: str, representation: str, autoregressive: bool) -> TrainableNetwork:
    """A small network of one kind, whose batch norms have seen something."""
    torch.manual_seed(1)
    settings = NetworkSettings(
        AudioEncoderSettings(channels=16, coarse_channels=24, coarse_dilations=[1, 2]),
        DurationSettings(channels=8, layers=2),
        LipParameterSettings(names=["opening", "width"] if autoregressive else [], channels=12, layers=2),
        DecoderSettings(
            kind=kind, autoregressive=autoregressive, latent=8, speaker=6, channels=16, hidden=20, look_ahead=3
        ),
        LipsSettings(representation=representation, components=7),
        ["shape", "voice"] if autoregressive else ["voice"],
        VoiceActivitySettings(channels=8, dilations=[1, 2]),
    )
    made = TrainableNetwork(Description(settings, ["mean", "s1", "s2"]))
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2.0)
    return made.eval().requires_grad_(False)


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize("autoregressive", [True, False])
@pytest.mark.parametrize("representation", REPRESENTATIONS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("int8", [False, True])
def test_every_kind_of_network_computes_the_same_three_times(
    tmp_path, monkeypatch, int8, kind, representation, autoregressive
):
    monkeypatch.setattr(modules, "LARGE_TENSOR", 1)  # these networks are small
    trainable = made_up(kind, representation, autoregressive)
    trainable.save(tmp_path, int8=int8)
    expected = network_of(read_trainable(tmp_path) if int8 else trainable)
    found = [read_network(tmp_path, provider=provider) for provider in PROVIDERS]
    for name, signature in signatures(trainable.description.settings).items():
        for frames in (1, 2, 7, 40):
            inputs = draw(signature.inputs, frames, 1 + frames % 3, np.random.default_rng(frames))
            wanted = graph_of(expected, name).run(*inputs)
            for network in found:
                for one, other in zip(wanted, graph_of(network, name).run(*inputs), strict=True):
                    assert other.shape == one.shape
                    # displacements add up, and so does rounding
                    assert np.allclose(one, other, rtol=1e-5, atol=5e-5), (name, network.computed_by)


def test_int8_weights_are_the_nearest_multiples_of_their_scales(int8_folder):
    """Large weights of layers, and nothing else, lose at most half a scale; the file is read here without our reader."""
    before, stored = (load_file(folder / "model.safetensors") for folder in (PACKAGED_MODEL, int8_folder))
    read, quantised = read_weights(int8_folder), [name for name, value in stored.items() if value.dtype == np.int8]
    large = {name for name, value in before.items() if value.dtype == np.float16}
    assert {*quantised} == large - {"durations.phones.weight"}  # an embedding
    for name in quantised:
        scale, weight = stored.pop(f"{name}.scale"), before.pop(name).astype(np.float32)
        numbers = stored.pop(name)
        assert scale.dtype == np.float32
        assert scale.shape == (len(weight),) + (1,) * (weight.ndim - 1)
        product = np.stack([np.float64(row) * float(one) for row, one in zip(numbers, scale.ravel(), strict=True)])
        assert np.array_equal(product, read[name])  # exact: nothing was rounded
        assert (np.abs(product - weight) <= 0.501 * scale).all()
        assert (np.abs(numbers).reshape(len(numbers), -1).max(1) == 127).all()
    assert stored.keys() == before.keys()
    for name, value in stored.items():
        assert value.dtype == before[name].dtype
        assert np.array_equal(value, before[name]), name
    assert json.loads((int8_folder / "model.json").read_text())["format"] == 5
    assert count_parameters(int8_folder) == count_parameters(PACKAGED_MODEL)
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (int8_folder, PACKAGED_MODEL)]
    assert sizes[0] < 0.55 * sizes[1]


def test_outputs_without_weights_stay_without():
    """A layer that starts as nothing has no largest number."""
    numbers, scale = modules._quantise(torch.tensor([[0.0, 0.0], [-3.0, 1.5]]))
    assert numbers.tolist() == [[0, 0], [-127, 63 if 1.5 / scale[1, 0] < 63.5 else 64]]
    assert scale[0].tolist() == [1.0]


def test_int8_weights_are_written_as_they_were_read(int8_folder, tmp_path):
    upgrade_model(int8_folder, tmp_path)
    for path in int8_folder.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


@pytest.mark.parametrize("name", sorted(signatures(read_network(PACKAGED_MODEL).description.settings)))
def test_int8_weights_cost_nothing_when_a_graph_runs(int8_folder, tmp_path, name):
    """ONNX Runtime multiplies them when it opens a graph: the operations left are those with float16 weights."""
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    left = []
    for number, folder in enumerate((PACKAGED_MODEL, int8_folder)):
        options = runtime.SessionOptions()
        options.log_severity_level = 3
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(tmp_path / f"{number}.onnx")
        runtime.InferenceSession(str(folder / f"{name}.onnx"), options, providers=["CPUExecutionProvider"])
        nodes = onnx.load(tmp_path / f"{number}.onnx", load_external_data=False).graph.node
        left.append(sorted(node.op_type for node in nodes))
    assert left[0] == left[1]
    assert len(onnx.load(int8_folder / f"{name}.onnx", load_external_data=False).graph.node) > len(left[1])


def test_int8_weights_hardly_change_what_is_encoded(shipped, shipped_int8):
    """Measured on speech: posteriors by 7.2e-4 (rms) and at most 2.3e-2, lips by 1.0e-4 eye distances (rms)."""
    inputs = draw(graph_of(shipped["cpu"], "encoder").signature.inputs, 200, 1, np.random.default_rng(2))
    half, int8 = (graph_of(one["cpu"], "encoder").run(*inputs)[0] for one in (shipped, shipped_int8))
    assert 0 < np.abs(half - int8).max() < 0.1
    assert np.sqrt(np.square(half - int8).mean()) < 3e-3


@pytest.mark.parametrize("provider", PROVIDERS)
def test_blocks_of_the_decoder_are_the_whole(shipped, provider):
    decoder = shipped[provider].decoder
    posteriors, moves, embedding = draw(decoder.graph.signature.inputs, 90, 2, np.random.default_rng(4))[:3]
    whole, end = decoder.decode(posteriors, moves, embedding, decoder.start(2))
    state, parts = decoder.start(2), []
    for first in range(0, 90, 13):
        part, state = decoder.decode(posteriors, moves, embedding, state, slice(first, first + 13))
        parts.append(part)
    assert np.abs(np.concatenate(parts, 1) - whole).max() < 1e-5
    assert np.abs(state.hidden - end.hidden).max() < 1e-5


def test_a_saved_folder_points_every_graph_into_its_weights():
    """No graph holds weights of its own: without model.safetensors nothing can be opened."""
    onnx = pytest.importorskip("onnx")
    tensors = read_network(PACKAGED_MODEL)
    assert tensors.computed_by == "cpu"
    for path in PACKAGED_MODEL.glob("*.onnx"):
        model = onnx.load(path, load_external_data=False)
        onnx.checker.check_model(str(path))
        inside = [one for one in model.graph.initializer if one.data_location != onnx.TensorProto.EXTERNAL]
        assert max((np.prod(one.dims) for one in inside), default=0) < 100, path.name
        outside = {
            entry.value for one in model.graph.initializer for entry in one.external_data if entry.key == "location"
        }
        assert outside == {"model.safetensors"}


def test_an_earlier_format_is_upgraded_to_the_same_model(tmp_path):
    from old_formats import make_old

    made = made_up("recurrent", "pca", True)
    made.save(tmp_path / "now")
    made.save(tmp_path / "then")
    make_old(tmp_path / "then")
    from phonolips.errors import CheckpointError

    with pytest.raises(
        CheckpointError, match=r"format is 3; this version reads 4, 5; upgrade it with 'phonolips upgrade-"
    ):
        read_network(tmp_path / "then")
    upgrade_model(tmp_path / "then")
    for path in (tmp_path / "now").iterdir():
        assert path.read_bytes() == (tmp_path / "then" / path.name).read_bytes(), path.name
    upgrade_model(PACKAGED_MODEL, tmp_path / "half")
    assert (tmp_path / "half" / "model.safetensors").read_bytes() == (PACKAGED_MODEL / "model.safetensors").read_bytes()
    upgrade_model(PACKAGED_SYNC_EXPERT, tmp_path / "sync")
    assert (tmp_path / "sync" / "sync.onnx").read_bytes() == (PACKAGED_SYNC_EXPERT / "sync.onnx").read_bytes()


def test_a_session_is_opened_when_it_is_needed_and_once():
    network = read_network(PACKAGED_MODEL)
    graph = network.decoder.graph
    assert isinstance(graph, OnnxGraph)
    assert graph._session is None
    assert graph.session() is graph.session()


def test_numpy_takes_over_where_onnx_runtime_is_not_installed():
    code = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "import phonolips; from phonolips.model.network import load_network\n"
        "assert load_network().computed_by == 'numpy'\n"
        "print(len(phonolips.from_text('bin blue').lips))\n"
        "try: load_network(provider='cpu')\n"
        "except phonolips.MissingToolError as error: print(error)"
    )
    root = Path(__file__).resolve().parents[1]
    made = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    frames, message = made.stdout.splitlines()
    assert int(frames) > 20
    assert message == "provider 'cpu' needs onnxruntime; pip install onnxruntime, or choose numpy"
