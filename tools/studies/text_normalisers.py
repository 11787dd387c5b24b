"""Score readers of written English on files of `written~spoken` lines: ours, and libraries where they are installed.

    python tools/studies/text_normalisers.py FOLDER [--reader phonolips normt2s damga wetext utterwise revonorm] [-v]

FOLDER holds one text file a kind: ours is tests/text/english; NeMo-text-processing keeps its own in
tests/nemo_text_processing/en/data_text_normalization (Apache-2.0). Words alone are compared: case, hyphens, pauses,
"and", "the", "is", "dash" and the spaces between letters said one by one are left out, because readers differ in them
by convention. Prints how many of each kind come out right, and the time for a thousand words.
"""

import argparse
import re
import time
import warnings
from collections.abc import Callable
from pathlib import Path

MIXED = "He paid $5.20 on 12/05/2024 for 5 km at 3:30 pm, and the rest of it is ordinary text for everybody. " * 50


def load_reader(name: str) -> Callable[[str], str]:
    """Return the function of a library that writes English out."""
    if name == "normt2s":
        from normt2s import normalize

        return normalize
    if name == "damga":
        import damga

        return damga.Normalizer("tn", "en").normalize
    if name == "wetext":
        from wetext import Normalizer

        return Normalizer(lang="en", operator="tn").normalize
    if name == "utterwise":
        from utterwise import normalize

        return normalize
    if name == "revonorm":
        from revonorm import normalize

        return lambda text: normalize(text, "en")
    from phonolips.speech.text.normalise import normalise_text

    return lambda text: " ".join(
        " ".join(token.word) if token.spelled else token.word for token in normalise_text(text) if token.word
    )


def plain(spoken: str) -> str:
    """Leave out what readers differ in by convention."""
    low = spoken.lower().replace("missus", "misses")
    words = re.sub(r"[^\w' ]+|_", " ", low).replace("'", "").split()
    return "".join(word for word in words if word not in ("and", "is", "the", "us", "dash", "hyphen"))


def score(reader: Callable[[str], str], folder: Path, verbose: bool) -> tuple[int, int]:
    """Print the cases of each kind that come out right; return their number, and that of all."""
    right = total = 0
    for path in sorted(folder.glob("*.txt")):
        if path.stem == "british":
            continue
        good = cases = 0
        for line in path.read_text(encoding="utf-8").splitlines():
            written, sign, spoken = line.rpartition("~")
            if not sign:
                continue
            try:
                found = reader(written.replace("\\n", "\n"))
            except Exception as error:  # whatever a library does with a text, it is counted as wrong
                found = repr(error)
            cases += 1
            good += plain(found) == plain(spoken)
            if verbose and plain(found) != plain(spoken):
                print(f"    {written} | {spoken} | {found}")
        print(f"  {path.stem:28} {good:4} of {cases}")
        right, total = right + good, total + cases
    return right, total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--reader", nargs="+", default=["phonolips"])
    parser.add_argument("-v", "--verbose", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in options.reader:
        began = time.perf_counter()
        reader = load_reader(name)
        reader("one")
        first = time.perf_counter() - began
        print(f"{name}: {1000 * first:.0f} ms to the first word")
        right, total = score(reader, options.folder, options.verbose)
        reader(MIXED)
        began = time.perf_counter()
        reader(MIXED)
        seconds = (time.perf_counter() - began) * 1000 / len(MIXED.split())
        print(f"  {right} of {total}, {100 * right / total:.1f} %; a thousand words in {1000 * seconds:.0f} ms")


if __name__ == "__main__":
    main()
