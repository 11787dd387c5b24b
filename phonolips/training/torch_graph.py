"""The graphs in torch: a network is used while it is being trained, or held against the other kinds of graphs."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from phonolips.model.graph import Graph, Signature
from phonolips.model.network import PHONE_OFFSETS, TABLES, Network
from phonolips.model.stages import signatures
from phonolips.model.sync import SyncExpert, sync_signature
from phonolips.training.networks import sync
from phonolips.training.networks.decoder import DecoderState as TorchState
from phonolips.training.networks.network import TrainableNetwork

Compute = Callable[..., Sequence[Tensor]]


class TorchGraph(Graph):
    """A graph that a torch function computes.

    Args:
        signature: of the graph.
        compute: takes the inputs, returns the outputs.
    """

    def __init__(self, signature: Signature, compute: Compute) -> None:
        super().__init__(signature)
        self.compute = compute

    @torch.inference_mode()
    def run(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """Compute; see `Graph.run`."""
        given = (
            torch.from_numpy(np.ascontiguousarray(values, port.dtype))
            for port, values in zip(self.signature.inputs, inputs, strict=True)
        )
        return [output.numpy() for output in self.compute(*given)]


def network_of(network: TrainableNetwork) -> Network:
    """Return a network that computes with these modules, on the CPU; what is trained later, it uses.

    The tables, such as mean lips and embeddings, are those of this moment.
    """
    settings = network.description.settings

    def encode(mel: Tensor) -> list[Tensor]:
        posteriors, hidden = network.audio_encoder.encode(mel)
        return (
            [posteriors, network.lip_parameters.from_sound(hidden)] if settings.lip_parameters.names else [posteriors]
        )

    def decode(posteriors: Tensor, *inputs: Tensor) -> list[Tensor]:
        *moves, embedding, hidden, last, first, stop = inputs
        latent = network.bottleneck(posteriors)
        context = network.decoder.context(latent, embedding, moves[0] if moves else None)
        outputs, state = network.decoder(context[:, int(first) : int(stop)], TorchState(hidden, last))
        return [outputs, *state]

    def log_steps(phones: Tensor, position: Tensor, speaker: Tensor) -> list[Tensor]:
        return [network.durations(phones, position, speaker, torch.ones_like(phones, dtype=torch.bool))]

    def log_odds(mel: Tensor) -> list[Tensor]:
        assert network.voice_activity is not None
        return [network.voice_activity(mel)]

    def embed(*given: Tensor) -> list[Tensor]:
        assert network.speaker_encoder is not None
        sources = dict(zip(network.speaker_encoder.sources, given, strict=True))
        nothing = torch.zeros(len(given[0]), 0)
        return [network.speaker_encoder(sources.get("shape", nothing), sources.get("voice", nothing))]

    computes: dict[str, Compute] = {
        "encoder": encode,
        "lip_parameters": lambda posteriors: [network.lip_parameters.from_posteriors(posteriors)],
        "durations": log_steps,
        "decoder": decode,
        "voice_activity": log_odds,
        "speaker_encoder": embed,
    }
    network.eval()
    values = network.state_dict()
    return Network(
        network.description,
        {name: TorchGraph(signature, computes[name]) for name, signature in signatures(settings).items()},
        {name: values[name].detach().cpu().numpy() for name in (*TABLES, PHONE_OFFSETS)},
        computed_by="torch",
    )


def expert_of(expert: sync.SyncExpert) -> SyncExpert:
    """Return a sync expert that computes with this module, on the CPU."""
    expert.eval()
    return SyncExpert(TorchGraph(sync_signature(expert.settings), expert), expert.settings)
