"""Give the phones that a model's lips never saw the weights of their stand-ins, as `phonolips train lips` does now.

    python tools/release/fill_unseen.py MODEL TARGET --alignments grid_mfa/s1 grid_mfa/s4 --left-out recipes/grid/splits

MODEL is a model that was trained before; which phones it saw comes from the TextGrids of its training clips. TARGET
gets the filled model, large tensors in half precision. `phonolips/training/unseen_phones.py` says what is done.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from phonolips.errors import PhonolipsError
from phonolips.phones.textgrid import read_textgrid
from phonolips.training.networks.network import read_trainable
from phonolips.training.unseen_phones import fill_unseen_phones, find_seen


def read_left_out(folder: Path) -> frozenset[str]:
    """Read the clips, as speaker/clip, that the lists of seen speakers keep out of the training."""
    lines = (line.strip() for path in sorted(folder.glob("seen_*.txt")) for line in path.read_text().splitlines())
    return frozenset(line for line in lines if line and not line.startswith("#"))


def read_clips(folders: Sequence[Path], left_out: frozenset[str]) -> Iterator[list[str]]:
    """Read the phones of the clips in folders named as the speakers."""
    for folder in folders:
        for path in sorted(folder.glob("*.TextGrid")):
            if f"{folder.name}/{path.stem}" not in left_out:
                yield [phone.label for phone in read_textgrid(path).phones]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a model folder")
    parser.add_argument("target", type=Path, help="the folder to write; may be the same")
    parser.add_argument("--alignments", type=Path, nargs="+", required=True, help="one folder for each speaker")
    parser.add_argument("--left-out", type=Path, required=True, help="a folder with lists seen_*.txt")
    options = parser.parse_args()
    try:
        network = read_trainable(options.model)
        seen = find_seen(read_clips(options.alignments, read_left_out(options.left_out)))
        for phone, mixture in fill_unseen_phones(network, seen).items():
            print(phone, "=", " + ".join(f"{weight:.2f} {other}" for other, weight in mixture.items()))
        network.save(options.target, half=True)
    except PhonolipsError as error:
        sys.exit(f"fill_unseen: error: {error}")


if __name__ == "__main__":
    main()
