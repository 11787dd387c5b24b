"""The four files that Rhubarb Lip Sync writes, byte for byte in its ways: TSV, XML, JSON and Moho's DAT.

Source: the exporters of Rhubarb Lip Sync 1.13 (Wolf, MIT licence), described here, not copied.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from phonolips.export.cues import Cue, mouth_cues
from phonolips.export.writing import new_text_file
from phonolips.lips.curve import check_fps
from phonolips.timebase import STEPS_PER_SECOND, exact_fps, seconds_to_steps

if TYPE_CHECKING:
    from phonolips.synth.result import Result

DAT_FPS = 24.0  # Moho's and OpenToonz's own
PRESTON_BLAIR = {
    "A": "MBP",
    "B": "etc",
    "C": "E",
    "D": "AI",
    "E": "O",
    "F": "U",
    "G": "FV",
    "H": "L",
    "X": "rest",
}
REST = "X"


def write_tsv(result: "Result", path: Path) -> None:
    """Write a line "seconds, tab, mouth" for every cue, and X at the end."""
    cues = _cues(result)
    with new_text_file(path) as file:
        file.writelines(f"{cue.start:.2f}\t{cue.value}\n" for cue in cues)
        file.write(f"{cues[-1].end:.2f}\t{REST}\n")


def write_xml(result: "Result", path: Path) -> None:
    """Write Rhubarb's XML: the sound's path and length, and every cue with start and end."""
    cues = _cues(result)
    with new_text_file(path) as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<rhubarbResult>\n  <metadata>\n')
        file.write(f"    <soundFile>{escape(_sound(result))}</soundFile>\n")
        file.write(f"    <duration>{cues[-1].end:.2f}</duration>\n  </metadata>\n  <mouthCues>\n")
        for cue in cues:
            file.write(f'    <mouthCue start="{cue.start:.2f}" end="{cue.end:.2f}">{cue.value}</mouthCue>\n')
        file.write("  </mouthCues>\n</rhubarbResult>\n")


def write_json(result: "Result", path: Path) -> None:
    """Write Rhubarb's JSON: `metadata` with the sound's path and length, and `mouthCues`."""
    cues = _cues(result)
    rows = [f'    {{ "start": {cue.start:.2f}, "end": {cue.end:.2f}, "value": "{cue.value}" }}' for cue in cues]
    with new_text_file(path) as file:
        file.write('{\n  "metadata": {\n')
        file.write(f'    "soundFile": {json.dumps(_sound(result), ensure_ascii=False)},\n')
        file.write(f'    "duration": {cues[-1].end:.2f}\n  }},\n  "mouthCues": [\n')
        file.write(",\n".join(rows) + "\n  ]\n}\n")


def write_dat(result: "Result", path: Path, *, fps: float | None = None) -> None:
    """Write Moho's switch data with Preston Blair's names: a line "frame mouth" for every cue, the first frame 1.

    No cue is shorter than a frame, so that none is lost.

    Args:
        fps: of the project that will read it; None = 24.
    """
    rate = exact_fps(check_fps(DAT_FPS if fps is None else fps))
    cues = _cues(result, least_seconds=float(1 / rate))

    def frame(seconds: float) -> int:
        return 1 + int(
            seconds_to_steps(seconds) * rate / STEPS_PER_SECOND
        )  # exact: the edges are hundredths of a second

    with new_text_file(path) as file:
        file.write("MohoSwitch1\n")
        last = 0
        for cue in cues:
            if frame(cue.start) > last:  # always, unless the lips as a whole are shorter than a frame
                last = frame(cue.start)
                file.write(f"{last} {PRESTON_BLAIR[cue.value]}\n")
        file.write(f"{max(frame(cues[-1].end), last + 1)} {PRESTON_BLAIR[REST]}\n")


def _cues(result: "Result", *, least_seconds: float = 0.0) -> list[Cue]:
    return mouth_cues(result.lips, result.fps, result.alignment, least_seconds=least_seconds)


def _sound(result: "Result") -> str:
    return str(result.sound.resolve()) if result.sound else ""
