"""Train a small encoder and durations on a made-up corpus, in one process or under torchrun; for test_ddp.py.

usage: ddp_worker.py CORPUS OUT [KILLED_RANK]: that rank kills itself in the middle of the encoder's second epoch.
"""

import os
import signal
import sys
from pathlib import Path

import torch

from phonolips.corpus.store.store import Store
from phonolips.model.network import Description
from phonolips.training import durations, encoder, loop
from phonolips.training.networks.network import TrainableNetwork
from phonolips.training.ranks import is_main
from phonolips.training.settings import Recipe, load_settings

SETTINGS = [
    "network.audio_encoder={channels: 24, dilations: [1, 2], coarse_channels: 24, coarse_dilations: [1], dropout: 0}",
    "network.durations={channels: 16, dropout: 0}", "encoder.epochs=3", "encoder.batch=5", "encoder.crop_seconds=0.8",
    "encoder.average=0.8", "durations.epochs=2", "durations.batch=5",
]  # fmt: skip


def kill_rank(rank: str) -> None:
    """Let one process die without a word, as when its machine fails."""
    original = loop.Trainer.on_fit_batch_start

    def dying(self, batch, should_step):
        if self.epoch == 2 and self.step == 2 and os.environ["RANK"] == rank:
            os.kill(os.getpid(), signal.SIGKILL)
        original(self, batch, should_step)

    loop.Trainer.on_fit_batch_start = dying


def fit(corpus: Path, out: Path) -> None:
    """Train, and let the main process save the weights."""
    encoder.augment_mel = lambda mel, mask, **_: mel.double()  # noise is drawn in each process: without it here
    # In double precision: single precision rounds otherwise where sums are made in other parts, and Adam enlarges it.
    torch.Tensor.float = lambda self: self
    recipe = load_settings(Recipe, overrides=SETTINGS)
    torch.manual_seed(0)
    network = TrainableNetwork(Description(recipe.network, ["mean speaker", "s1", "s2"]))
    network.audio_encoder.double()
    store = Store(corpus / "features")
    encoder.train_encoder(network, store, recipe.encoder, out / "encoder", device="cpu")
    durations.train_durations(network, store, corpus, recipe.durations, out / "durations", device="cpu")
    if is_main():
        torch.save(network.state_dict(), out / "weights.pt")


if __name__ == "__main__":
    if len(sys.argv) > 3:
        kill_rank(sys.argv[3])
    fit(Path(sys.argv[1]), Path(sys.argv[2]))
