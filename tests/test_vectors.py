"""The shipped models compute what torch computed when the vectors were written; torch itself is not needed here.

CI runs this against the oldest ONNX Runtime that is allowed, too.
"""

from pathlib import Path

import numpy as np
import pytest

from phonolips.model.network import load_network
from phonolips.model.sync import load_sync_expert

VECTORS = Path(__file__).parent / "vectors" / "graphs.npz"
GRAPHS = ("encoder", "lip_parameters", "durations", "decoder", "voice_activity", "sync")
# In the units of each: probabilities, standard deviations, logarithms, parts of unit vectors. Lips are in eye distances.
MOST = {"posteriors": 1e-5, "lips": 1e-6}
MOST_ELSE = 2e-5


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("provider", ["cpu", "numpy"])
def test_every_graph_gives_the_vectors(name, provider):
    network = load_network(provider=provider)
    graph = {
        "encoder": network.audio_encoder.graph,
        "lip_parameters": network.lip_parameters.graph,
        "durations": network.durations.graph,
        "decoder": network.decoder.graph,
        "voice_activity": network.voice_activity.graph,
        "sync": load_sync_expert(provider=provider).graph,
    }[name]
    with np.load(VECTORS) as vectors:
        inputs = [vectors[f"{name}/in/{port.name}"] for port in graph.signature.inputs]
        for port, found in zip(graph.signature.outputs, graph.run(*inputs), strict=True):
            expected = vectors[f"{name}/out/{port.name}"]
            assert found.shape == expected.shape
            assert np.abs(expected).max() > 0.05  # it has something to get wrong
            most = MOST["lips"] / network.lip_scale if name == "decoder" else MOST.get(port.name, MOST_ELSE)
            assert np.abs(found - expected).max() < most, port.name


def test_the_vectors_are_those_of_the_shipped_weights():
    pytest.importorskip("torch")
    import sys

    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools" / "release"))
    from write_vectors import vectors

    with np.load(VECTORS) as kept:
        made = vectors()
        assert set(kept) == set(made)
        for name, values in made.items():
            assert np.allclose(values, kept[name], atol=1e-5), name
