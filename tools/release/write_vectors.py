"""Write test vectors of the shipped models: inputs, and what torch makes of them.

    python tools/release/write_vectors.py tests/vectors

Whoever computes a model in another way (another version of ONNX Runtime, another language) can be held to them without
torch. Needs the extra [train]. `graphs.npz` holds arrays `GRAPH/in/PORT` and `GRAPH/out/PORT`, where lips are as the
decoder makes them: in units of `lip_scale`.
"""

import argparse
from pathlib import Path

import numpy as np

from phonolips.model.bundle import PACKAGED_MODEL, PACKAGED_SYNC_EXPERT
from phonolips.model.graph import Graph
from phonolips.phones.inventory import NUM_PHONES, SILENCE_ID
from phonolips.phones.posteriors import labels_to_posteriors
from phonolips.speech.mel import log_mel
from phonolips.timebase import SAMPLE_RATE, STEPS_PER_FRAME
from phonolips.training.networks.network import read_trainable
from phonolips.training.networks.sync import read_trainable_expert
from phonolips.training.torch_graph import expert_of, network_of

FRAMES = 45  # 1.8 s


def sound(rng: np.random.Generator) -> np.ndarray:
    """Make a sound that is like speech in strength and colour: noise through a few resonances, in syllables."""
    seconds = FRAMES * STEPS_PER_FRAME / 100
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    voice = sum(np.sin(2 * np.pi * hertz * times + rng.uniform(0, 6)) for hertz in (120, 240, 500, 700, 1500, 2500))
    syllables = np.maximum(0, np.sin(2 * np.pi * 3.5 * times))
    return (0.05 * syllables * voice + 1e-3 * rng.normal(size=len(times))).astype(np.float32)


def vectors() -> dict[str, np.ndarray]:
    """Compute the vectors of every graph that is shipped."""
    rng = np.random.default_rng(7)
    network = network_of(read_trainable(PACKAGED_MODEL))
    mel = log_mel(sound(rng))[None]
    labels = np.repeat(rng.integers(0, NUM_PHONES, FRAMES), STEPS_PER_FRAME)
    labels[:8] = SILENCE_ID
    posteriors = labels_to_posteriors(labels)[None]
    moves = network.lip_parameters.predict(posteriors)
    words = rng.integers(1, NUM_PHONES, 12)
    position = np.zeros((1, 12, 2), np.float32)
    position[0, ::3, 0] = position[0, 2::3, 1] = 1
    speaker = np.array([1])
    state = [0.1 * rng.normal(size=part.shape).astype(np.float32) for part in network.decoder.start()]
    bounds = [np.array([5]), np.array([FRAMES])]
    given: list[tuple[Graph, list[np.ndarray]]] = [
        (network.audio_encoder.graph, [mel]),
        (network.durations.graph, [words[None], position, speaker]),
        (network.decoder.graph, [posteriors, moves, network.embeddings[1:2], *state, *bounds]),
    ]
    if network.lip_parameters.graph is not None:
        given.append((network.lip_parameters.graph, [posteriors]))
    if network.voice_activity is not None:
        given.append((network.voice_activity.graph, [mel]))
    deviation = (0.02 * rng.normal(size=(1, FRAMES, 40, 2))).astype(np.float32)
    given.append((expert_of(read_trainable_expert(PACKAGED_SYNC_EXPERT)).graph, [deviation, mel]))
    found = {}
    for graph, inputs in given:
        name = graph.signature.name
        typed = [values.astype(port.dtype) for port, values in zip(graph.signature.inputs, inputs, strict=True)]
        found |= {f"{name}/in/{port.name}": v for port, v in zip(graph.signature.inputs, typed, strict=True)}
        outputs = graph.run(*typed)
        found |= {f"{name}/out/{port.name}": v for port, v in zip(graph.signature.outputs, outputs, strict=True)}
    return found


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of the vectors")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(options.out / "graphs.npz", **vectors())
    print(options.out / "graphs.npz")


if __name__ == "__main__":
    main()
