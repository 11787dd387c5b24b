"""Measure lips on faces: put lips onto videos, track the result, and compare; and how jaws follow lower lips.

    python tools/bench/face.py --grid ../shared/data/grid --speakers s1,s1,s1,s4,s26,s30,s31,s33

Every speaker is named once for each pair of clips A and B. `same`: B's own lips put back onto B, peak signal-to-noise
ratio around the mouth. `again`: opening r of B tracked anew after it was written once more, which is the most that can
be expected. The others: A's lips on B's video, tracked, against the lips that were wanted: opening r, width r, mean
error in eye distances, and what the jitter (mean second difference) is, as a multiple of the wanted lips' own.
The second table holds `face_warp.JAW_SHARES` against these clips: least squares of each point's way down on the outer
lower lip's, and r.
"""

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from phonolips.face.person import Face, read_face
from phonolips.face.render import draw_on_face
from phonolips.face.track import track_video
from phonolips.face.warp import JAW_SHARES
from phonolips.lips.measures import opening, width
from phonolips.lips.points import MEDIAPIPE_LIPS
from phonolips.lips.shapes import transfer
from phonolips.media import video as io

LOWER_LIP = 17  # mesh point: the middle of the outer lower lip
MOUTH_ROOM = 6  # pixels around the lips that count as the mouth


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Compute Pearson's r."""
    return float(np.corrcoef(first, second)[0, 1])


def mouth_psnr(face: Face, originals: list[np.ndarray], results: list[np.ndarray]) -> float:
    """Measure the mean peak signal-to-noise ratio around the mouth in decibels, 99 at most for a frame."""
    ratios = []
    for points, original, result in zip(face.points_px, originals, results, strict=True):
        lips = points[list(MEDIAPIPE_LIPS)]
        (left, top), (right, bottom) = (lips.min(0) - MOUTH_ROOM).astype(int), (lips.max(0) + MOUTH_ROOM).astype(int)
        difference = original[top:bottom, left:right].astype(float) - result[top:bottom, left:right]
        ratios.append(min(99.0, 10 * np.log10(255**2 / max(float((difference**2).mean()), 1e-9))))
    return float(np.mean(ratios))


def compare(source: Path, other: Path, folder: Path) -> tuple[list[float], Face]:
    """Measure one pair of clips; the columns of the first table."""
    face = read_face(other)
    originals = list(io.read_frames(other))
    same = list(draw_on_face(face, transfer(face.lips, face.rest), float(face.fps)))
    io.write_video(folder / "same.mp4", same, face.fps)
    again = track_video(folder / "same.mp4").lips

    wanted = transfer(track_video(source).lips, face.rest)[: len(face)]
    started = time.process_time()
    io.write_video(folder / "new.mp4", draw_on_face(face, wanted, float(face.fps)), face.fps)
    rate = len(wanted) / (time.process_time() - started)
    found = track_video(folder / "new.mp4").lips
    jitter = [float(np.abs(np.diff(lips, 2, axis=0)).mean()) for lips in (found, wanted)]
    row = [
        mouth_psnr(face, originals, same),
        correlation(opening(again), opening(face.lips)),
        correlation(opening(found), opening(wanted)),
        correlation(width(found), width(wanted)),
        float(np.linalg.norm(found - wanted, axis=-1).mean()),
        jitter[0] / jitter[1],
        rate,
    ]
    return row, face


def jaw_table(faces: list[Face]) -> list[str]:
    """Regress points of chin and jaw on the lower lip, all clips together, each less its own closed mouth."""
    ways = []
    for face in faces:
        heights = face.space.forward(face.points_px.astype(float))[..., 1]
        openings = opening(face.lips)
        ways.append(heights - np.median(heights[openings <= np.quantile(openings, 0.2)], axis=0))
    way = np.concatenate(ways)
    lip = way[:, LOWER_LIP]
    rows = ["| point | share | r | used |", "|---|---|---|---|"]
    for point, used in JAW_SHARES.items():
        share = float(way[:, point] @ lip / (lip @ lip))
        rows.append(f"| {point} | {share:.2f} | {correlation(way[:, point], lip):.2f} | {used:.2f} |")
    return rows


def main() -> None:
    """Read the command line, measure, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grid", type=Path, default=Path("../shared/data/grid"), help="folder of speakers' folders")
    parser.add_argument("--speakers", default="s1,s1,s1,s4,s26,s30,s31,s33")
    options = parser.parse_args()

    print("| speaker | A on B | same dB | again r | opening r | width r | error | jitter | frames/s |")
    print("|---|---|---|---|---|---|---|---|---|")
    rows, faces, done = [], [], Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        for speaker in options.speakers.split(","):
            clips = sorted(p for p in (options.grid / speaker).iterdir() if p.suffix in (".mp4", ".mpg"))
            first, second = (clips[(3 * done[speaker] + at) % len(clips)] for at in (0, 1))
            done[speaker] += 1
            row, face = compare(first, second, Path(folder))
            rows.append(row)
            faces.append(face)
            print(f"| {speaker} | {first.stem} on {second.stem} | {cells(row)} |", flush=True)
    print(f"| mean | | {cells(list(np.mean(rows, axis=0)))} |\n")
    print("\n".join(jaw_table(faces)))


def cells(row: list[float]) -> str:
    """Format the figures of one row."""
    forms = ("{:.0f}", "{:.3f}", "{:.3f}", "{:.3f}", "{:.4f}", "{:.2f}", "{:.0f}")
    return " | ".join(form.format(value) for form, value in zip(forms, row, strict=True))


if __name__ == "__main__":
    main()
