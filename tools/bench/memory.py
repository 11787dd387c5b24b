"""Measure how the memory and the time of a synthesis grow with the length of its sound.

    python tools/bench/memory.py --clips data/librispeech [--minutes 5 15 60] [-- ARGUMENTS OF SYNTH]

The clips under a folder follow each other, and begin again, until the sound has the length asked for. Each row is a
fresh `phonolips synth --audio` with one thread; peak memory is that of its largest process (resident, MiB), and the
growth is per minute of sound between a row and the one before.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import soundfile

from phonolips.media.audio import read
from phonolips.synth.batch import SOUND_SUFFIXES
from phonolips.timebase import SAMPLE_RATE

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def join_clips(folder: Path, minutes: float, out: Path) -> None:
    """Write a WAV of `minutes`, 16 kHz mono, from the clips under a folder, one after the other and over again."""
    clips = sorted(path for path in folder.rglob("*") if path.suffix in SOUND_SUFFIXES)
    if not clips:
        raise SystemExit(f"{folder}: no clips ({', '.join(SOUND_SUFFIXES)})")
    missing = round(60 * minutes * SAMPLE_RATE)
    with soundfile.SoundFile(out, "w", SAMPLE_RATE, 1, "PCM_16") as file:
        for clip in cycle(clips):
            samples = read(clip)[:missing]
            file.write(samples)
            missing -= len(samples)
            if not missing:
                return


def measure(words: Sequence[str]) -> tuple[float, float]:
    """Run `phonolips` with these words; return the seconds it took and the peak MiB of its largest process."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "phonolips", *words], env=os.environ | ONE_THREAD)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"phonolips {' '.join(words)}: exit {process.returncode}")
    return time.perf_counter() - started, usage.ru_maxrss / (1 if sys.platform != "darwin" else 1024) / 1024


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True, help="folder of clips")
    parser.add_argument("--minutes", type=float, nargs="+", default=[5.0, 15.0, 60.0])
    parser.add_argument("--keep", type=Path, help="folder to keep the results in")
    parser.add_argument("more", nargs="*", help="more arguments of synth, after --")
    arguments = parser.parse_args()
    print("| minutes | peak MiB | MiB more a minute | seconds |")
    print("|---|---|---|---|")
    last: tuple[float, float] | None = None
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for minutes in sorted(arguments.minutes):
            sound = folder / f"{minutes:g}min.wav"
            join_clips(arguments.clips, minutes, sound)
            out = folder / f"{minutes:g}min"
            seconds, peak = measure(["synth", "--audio", str(sound), "--out", str(out), *arguments.more])
            growth = "" if last is None else f"{(peak - last[1]) / (minutes - last[0]):.1f}"
            print(f"| {minutes:g} | {peak:.0f} | {growth} | {seconds:.0f} |", flush=True)
            last = minutes, peak


if __name__ == "__main__":
    main()
