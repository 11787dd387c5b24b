"""Put a trained model where the package carries it, in half precision or as int8, and say what that changes.

    python tools/release/ship_weights.py exp/first/model/network phonolips/weights/default
    python tools/release/ship_weights.py --store int8 exp/low_delay/model/network OUT

Large tensors are stored as float16; with `--store int8` the weights of layers among them as int8, with a scale for each
output. All of them are read as float32.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from phonolips.errors import PhonolipsError
from phonolips.model.bundle import WEIGHTS_FILE
from phonolips.model.network import read_network
from phonolips.synth import verbs as synth
from phonolips.training.networks.network import read_trainable

HALF, INT8 = STORES = ("half", "int8")
TEXT = "bin blue at f two now, place green with m nine please"


def ship(trained: Path, target: Path, store: str = HALF) -> str:
    """Write `trained` to `target`, its weights stored as one of STORES; return a line on what changed."""
    network = read_network(trained)
    rng = np.random.default_rng(1)
    noise = (0.1 * rng.standard_normal(48_000) * np.sin(np.arange(48_000) / 4_000) ** 2).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        read_trainable(trained).save(Path(folder), half=True, int8=store == INT8)
        stored = read_network(Path(folder))
        lips = np.abs(synth.from_text(TEXT, network=network).lips - synth.from_text(TEXT, network=stored).lips).max()
        encoded = np.abs(network.posteriors(noise) - stored.posteriors(noise)).max()
    read_trainable(trained).save(target, half=True, int8=store == INT8)
    size = (target / WEIGHTS_FILE).stat().st_size / 1e6
    return f"{target}: {size:.1f} MB; largest change of the lips {lips:.1e} units, of a posterior {encoded:.1e}"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trained", type=Path, help="a model folder made by 'phonolips train'")
    parser.add_argument("target", type=Path, help="where the package carries its weights")
    parser.add_argument("--store", choices=STORES, default=HALF, help="how large weights are stored (default: half)")
    options = parser.parse_args()
    try:
        print(ship(options.trained, options.target, options.store))
    except PhonolipsError as error:
        sys.exit(f"ship_weights: error: {error}")


if __name__ == "__main__":
    main()
