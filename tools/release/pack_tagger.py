"""Pack the weights of a part-of-speech tagger, as `phonolips.speech.text.tagger` reads them.

The weights are those of textblob-aptagger 0.2.0 (PyPI; Matthew Honnibal, MIT licence): an averaged perceptron for
English. The package itself is no dependency, because it brings TextBlob and NLTK along and keeps its weights in a
pickle.

    pip download --no-deps textblob-aptagger==0.2.0 && unzip textblob_aptagger-0.2.0-py2.py3-none-any.whl
    python tools/release/pack_tagger.py textblob_aptagger/trontagger-0.1.0.pickle phonolips/speech/text/tagger.npz

Loading a pickle runs what it says: unpack only the file whose SHA-256 is checked here.
"""

import argparse
import hashlib
import pickle
import zlib
from pathlib import Path

import numpy as np

SHA256 = "1109164b3d28dce58f96b763128bab2fd8754c3921fd3330de2724ac6d1ada7c"
SMALLEST_WEIGHT = 0.3  # in size; smaller ones are left out
WEIGHT_STEP = 0.25  # weights are stored as multiples of this, at most 127 of it


def _size(row: list[tuple[int, float]]) -> float:
    return sum(abs(weight) for _, weight in row)


def pack_tagger(source: Path, target: Path) -> None:
    """Convert the pickled weights to arrays: features by hash, each with its classes and weights.

    Raises:
        ValueError: the file is not the one whose contents are known.
    """
    content = source.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise ValueError(f"{source} has SHA-256 {found}; expected {SHA256}, of textblob-aptagger 0.2.0")
    weights, tag_of_word, classes = pickle.loads(content, encoding="latin1")
    names = sorted(classes)
    rows: dict[int, list[tuple[int, float]]] = {}
    for feature, by_class in weights.items():
        kept = [(names.index(name), weight) for name, weight in by_class.items() if abs(weight) >= SMALLEST_WEIGHT]
        key = zlib.crc32(feature.encode())
        if kept and _size(kept) > _size(rows.get(key, [])):  # of two features with one hash the heavier
            rows[key] = kept
    hashes = sorted(rows)
    listed = [pair for value in hashes for pair in rows[value]]
    scaled = np.clip(np.round([weight / WEIGHT_STEP for _, weight in listed]), -127, 127)
    np.savez_compressed(
        target,
        classes=np.array(names),
        words=np.array(sorted(tag_of_word)),
        word_tags=np.array([names.index(tag_of_word[word]) for word in sorted(tag_of_word)], dtype=np.uint8),
        hashes=np.array(hashes, dtype=np.uint32),
        counts=np.array([len(rows[value]) for value in hashes], dtype=np.uint8),
        class_of_weight=np.array([index for index, _ in listed], dtype=np.uint8),
        weights=scaled.astype(np.int8),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", type=Path, help="trontagger-0.1.0.pickle of textblob-aptagger 0.2.0")
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    pack_tagger(arguments.source, arguments.target)
