"""Put a model together of parts that were trained apart: everything of one model, durations of another, phone offsets.

    python tools/release/join_parts.py LIPS --durations MODEL --data exp/default/data --out exp/default/model/joined

LIPS is a model folder whose lips are to be shipped, MODEL one with the same speakers. The phone offsets are made by the
chart, on the corpus that the lips were trained on (docs/training.md, "People whom the training does not know").
"""

import argparse
import sys
from pathlib import Path

import torch

from phonolips.corpus.store.store import Store
from phonolips.errors import InputError, PhonolipsError
from phonolips.training.lips_clips import lip_positions
from phonolips.training.networks.network import read_trainable
from phonolips.training.phone_offsets import fit_phone_offsets
from phonolips.training.settings import LipsFitSettings


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lips", type=Path)
    parser.add_argument("--durations", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="a prepared corpus")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    try:
        network, other = read_trainable(given.lips), read_trainable(given.durations)
        if network.description.speakers != other.description.speakers:
            raise InputError(f"{given.durations}: knows other speakers than {given.lips}")
        with torch.no_grad():
            network.durations.load_state_dict(other.durations.state_dict())
        store, settings = Store(given.data / "features"), LipsFitSettings()
        positions = lip_positions(store, "train")
        fit_phone_offsets(network, store, positions, opening=settings.phone_opening, width=settings.phone_width)
        network.save(given.out)
    except PhonolipsError as error:
        sys.exit(f"join_parts: error: {error}")
    print(given.out)


if __name__ == "__main__":
    main()
