"""Stage 0 of the LRW recipe: is this LRW, how much of it is here, and do its videos look as they should?"""

import argparse
import sys
from collections import Counter
from pathlib import Path

from phonolips.corpus.lrw import find_records
from phonolips.errors import PhonolipsError
from phonolips.media.video import probe

LOOKED_AT = 20  # videos that are opened
FRAMES, FPS, SIDE = 29, 25, 256


def main() -> None:
    """Count words and clips by split, and open some videos."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder with lipread_mp4")
    data = parser.parse_args().data
    records, dropped = find_records(data)
    splits = Counter(record.split for record in records)
    words = {record.text for record in records}
    print(f"{data}: {len(records)} clips of {len(words)} words ({', '.join(f'{n} {s}' for s, n in splits.items())})")
    print(f"{len(dropped)} clips cannot be used" + (f", the first: {dropped[0].reason}" if dropped else ""))
    odd = []
    for record in records[:: max(1, len(records) // LOOKED_AT)]:
        try:
            info = probe(Path(record.video))
        except PhonolipsError as error:
            odd.append(str(error))
            continue
        if (info.width, info.height) != (SIDE, SIDE) or round(float(info.fps)) != FPS or not info.has_audio:
            sound = "sound" if info.has_audio else "no sound"
            odd.append(f"{record.video}: {info.width}x{info.height}, {float(info.fps):g} fps, {sound}")
    if odd:
        print(f"unlike LRW (256x256, 25 fps, sound), {len(odd)} of the videos opened: " + "; ".join(odd[:3]))


if __name__ == "__main__":
    try:
        main()
    except PhonolipsError as error:
        print(f"check_data.py: {error}", file=sys.stderr)
        sys.exit(1)
