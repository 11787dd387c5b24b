#!/usr/bin/env python3
"""Prove our glTF with readers that we did not write: Khronos' validator, three.js, and a browser.

    npm install --prefix tools/readers/gltf
    python tools/readers/gltf/check.py RUN [--picture strip.png] [--turn 35] [--keep DIR]

RUN is a folder of 'phonolips synth'. Both containers and the ARKit targets are written, validated (0 errors and 0
warnings are expected), loaded by three.js' GLTFLoader in node, played by its AnimationMixer at every frame, and the
moved mesh compared with the lips. --picture shows it in headless Chromium ('apt install chromium'). --keep writes the
files to DIR, with arkit.csv, for blender_play.py.
"""

import argparse
import functools
import http.server
import json
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import numpy as np

from phonolips.export.arkit import write_arkit_csv
from phonolips.export.blendshapes import ARKIT_NAMES
from phonolips.export.gltf import write_gltf
from phonolips.export.lip_mesh import SAMPLES
from phonolips.synth.folder import read_result
from phonolips.synth.result import Result

HERE = Path(__file__).resolve().parent
SHOWN = 12  # pictures


def check(run: Result, folder: Path) -> bool:
    """Write three files and read each in node; print a row for each; True where all is well."""
    lips = folder / "lips.json"
    lips.write_text(json.dumps({"fps": run.fps, "lips": run.lips.tolist(), "samples": SAMPLES}))
    print("| file | bytes | triangles | targets | errors | warnings | seconds | rms | largest | lips move up to |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    good = True
    for name, targets in (("lips.gltf", None), ("lips.glb", None), ("arkit.glb", ARKIT_NAMES)):
        write_gltf(run, folder / name, targets=targets)
        done = subprocess.run(
            ["node", HERE / "check.mjs", folder / name, lips], capture_output=True, text=True, check=True
        )
        said = json.loads(done.stdout)
        print(
            f"| {name} | {said['bytes']:,} | {said['triangles']} | {len(said['targets'])} | {said['errors']} "
            f"| {said['warnings']} | {said['seconds']:.2f} | {said['rms']:.4f} | {said['largest']:.4f} "
            f"| {said['moved']:.3f} |"
        )
        good &= said["errors"] + said["warnings"] == 0
        for message in said["messages"]:
            print("  ", message)
    return good


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serve files without a line for each."""

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


def picture(run: Result, folder: Path, name: str, out: Path, turn: float) -> None:
    """Show the file in headless Chromium at SHOWN times, evenly over the run."""
    site = folder / "site"
    site.mkdir()
    (site / "node_modules").symlink_to(HERE / "node_modules")
    shutil.copy(HERE / "view.html", site)
    shutil.copy(folder / name, site)
    handler = functools.partial(QuietHandler, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        times = ",".join(f"{time:.3f}" for time in np.linspace(0, run.seconds, SHOWN + 2)[1:-1])
        address = f"http://127.0.0.1:{server.server_port}/view.html?file={name}&times={times}&turn={turn}"
        flags = ["--headless=new", "--no-sandbox", "--hide-scrollbars", "--use-angle=swiftshader"]
        flags += ["--enable-unsafe-swiftshader", "--virtual-time-budget=20000", "--window-size=1200,720"]
        command = [
            "chromium",
            *flags,
            f"--user-data-dir={folder / 'profile'}",
            f"--screenshot={out.resolve()}",
            address,
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        server.shutdown()


def main() -> None:
    """Run the checks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--file", default="lips.glb", help="which of the three files --picture shows")
    parser.add_argument("--turn", type=float, default=0.0, help="degrees to turn the mouth by in the picture")
    parser.add_argument("--keep", type=Path, help="a folder for the files")
    given = parser.parse_args()
    run = read_result(given.run)
    with tempfile.TemporaryDirectory() as temporary:
        good = check(run, Path(temporary))
        if given.keep:
            write_arkit_csv(run, Path(temporary) / "arkit.csv")
            shutil.copytree(temporary, given.keep, dirs_exist_ok=True)
        if given.picture:
            picture(run, Path(temporary), given.file, given.picture, given.turn)
    raise SystemExit(0 if good else "the validator found errors or warnings")


if __name__ == "__main__":
    main()
