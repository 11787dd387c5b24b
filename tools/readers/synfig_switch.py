"""Synfig Studio switches drawn mouths by a rhubarb.tsv: python synfig_switch.py FILE [--fps 24]

    apt-get install synfig

Renders a switch layer with one plain colour a mouth, as an animator's layers A to X would be, and reads back from
the frames which mouth Synfig showed. Prints how many frames agree with the file.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {mouth: (number % 3, number // 3 % 3, 2) for number, mouth in enumerate("ABCDEFGHX")}  # in halves
SIZE = 16  # pixels


def scene(cues: Path, fps: float, frames: int) -> str:
    """Write Synfig's XML of a switch that the file drives."""
    layers = "".join(
        f'<layer type="SolidColor" active="true" version="0.1" desc="{mouth}"><param name="color"><color>'
        f"<r>{red / 2}</r><g>{green / 2}</g><b>{blue / 2}</b><a>1</a></color></param></layer>"
        for mouth, (red, green, blue) in COLOURS.items()
    )
    return (
        f'<canvas version="1.2" width="{SIZE}" height="{SIZE}" gamma-r="1" gamma-g="1" gamma-b="1" '
        f'view-box="-1 1 1 -1" fps="{fps}" begin-time="0f" end-time="{frames - 1}f">'
        '<layer type="switch" active="true" version="0.0"><param name="layer_name"><animated_file type="string">'
        f"<filename><string>{cues}</string></filename></animated_file></param>"
        f'<param name="canvas"><canvas>{layers}</canvas></param></layer></canvas>'
    )


def main() -> None:
    """Print the mouths that Synfig showed and how many agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cues", type=Path)
    parser.add_argument("--fps", type=float, default=24)
    options = parser.parse_args()
    rows = [line.split("\t") for line in options.cues.read_text().splitlines()]
    starts, mouths = [float(start) for start, _ in rows], [mouth for _, mouth in rows]
    frames = int(starts[-1] * options.fps)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "mouth.sif").write_text(scene(options.cues.resolve(), options.fps, frames))
        subprocess.run(["synfig", "mouth.sif", "-t", "png", "-o", "f.png"], cwd=folder, check=True, capture_output=True)
        shown = ""
        for picture in sorted(Path(folder).glob("f.*.png"))[:frames]:
            colour = np.asarray(Image.open(picture).convert("RGB"))[SIZE // 2, SIZE // 2] / 127.5
            shown += min(COLOURS, key=lambda mouth: np.abs(np.array(COLOURS[mouth]) - colour).sum())
    times = np.arange(len(shown)) / options.fps
    told = [mouths[i] for i in np.searchsorted(starts, times + 1e-6, side="right") - 1]
    same = sum(a == b for a, b in zip(shown, told, strict=True))
    print(f"{shown}\nSynfig shows the mouth of the file in {same} of {frames} frames at {options.fps:g} fps")


if __name__ == "__main__":
    main()
