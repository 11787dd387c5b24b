"""Stage 0 of the videos recipe: how many people and videos are there, and what is beside them?"""

import argparse
import sys
from collections import Counter
from pathlib import Path

from phonolips.corpus.videos import SUFFIXES, find_sources
from phonolips.errors import PhonolipsError


def main() -> None:
    """Count people, videos and bytes; name what is no video."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder with videos")
    data = parser.parse_args().data
    sources, dropped = find_sources(data)
    people = Counter(source.person for source in sources)
    size = sum(source.path.stat().st_size for source in sources if source.path.is_file())
    print(f"{data}: {len(sources)} videos of {len(people)} people, {size / 1e6:.0f} MB")
    if dropped:
        print(f"{len(dropped)} videos cannot be used, the first: {dropped[0].id}: {dropped[0].reason}")
    others = Counter(path.suffix.lower() for path in data.rglob("*") if path.is_file())
    beside = {suffix or "no ending": count for suffix, count in others.most_common() if suffix not in SUFFIXES}
    if beside:
        print("not looked at: " + ", ".join(f"{count} files with {suffix}" for suffix, count in beside.items()))
    if len(people) == 1:
        print("one person: nobody can be held out, so there will be no figures on people whom the model has not seen")


if __name__ == "__main__":
    try:
        main()
    except PhonolipsError as error:
        print(f"check_data.py: {error}", file=sys.stderr)
        sys.exit(1)
