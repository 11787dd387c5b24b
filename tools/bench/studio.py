"""Measure the studio in a headless Chromium: bytes, first lips, real-time factor, live delay, long sound, equality.

    npm install --prefix /tmp/studio playwright-core
    python tools/bench/studio.py --modules /tmp/studio/node_modules [--model FOLDER] [--minutes 10]

Needs node 20 and Chromium. Figures are of this machine, as busy as it is; the load is printed beside them.
"""

import argparse
import base64
import gzip
import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np

import phonolips
from phonolips.model.network import load_network
from phonolips.show.studio.site import StudioServer, site_files

SCRIPT = Path(__file__).with_suffix(".mjs")
VECTORS = Path(__file__).parents[2] / "tests" / "vectors" / "studio.v1.json"
# What a first visit that plays a sound fetches: everything but the words, other models and notes.
LATER = ("engine/data/", "engine/README.md", "vendor/README.md", "vendor/fflate.LICENSE", "vendor/onnxruntime.LICENSE")


def first_load(model: Path | None) -> dict[str, int]:
    """Count the bytes of a first visit, gzip-compressed as hosts send them, by kind."""
    files = site_files(model)
    name = json.loads(files["models/index.json"].content())["models"][0]["name"]
    counts = {"runtime": 0, "model": 0, "page and engine": 0, "words (with the first text)": 0}
    for path, file in files.items():
        kind = "page and engine"
        if path.startswith("vendor/ort"):
            kind = "runtime"
        elif path.startswith("models/"):
            if not path.startswith((f"models/{name}/", "models/index")):
                continue
            kind = "model"
        elif path.startswith("engine/data/"):
            kind = "words (with the first text)"
        elif path.startswith(LATER):
            continue
        content = file.content()
        counts[kind] += min(len(gzip.compress(content, 6)), len(content))
    return counts


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modules", type=Path, required=True, help="node_modules with playwright-core")
    parser.add_argument("--model", type=Path, help="a model folder instead of the package's")
    parser.add_argument("--minutes", type=float, default=10, help="of the long sound")
    options = parser.parse_args()
    for name, count in first_load(options.model).items():
        print(f"{name:30} {count / 1e6:6.2f} MB, gzip")
    vectors = json.loads(VECTORS.read_text())
    samples = np.frombuffer(base64.b64decode(vectors["samples"]["int16"]), "<i2").astype(np.float32) / 32768
    wanted = phonolips.from_audio(samples, network=load_network(options.model)).lips
    given = {
        "modules": str(options.modules.resolve()),
        "chromium": shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome"),
        "minutes": options.minutes,
        "samples": vectors["samples"]["int16"],
        "lips": base64.b64encode(np.ascontiguousarray(wanted, "<f4").tobytes()).decode(),
    }
    with StudioServer(0, options.model) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        before = os.getloadavg()[0]
        subprocess.run(
            ["node", str(SCRIPT), server.address], input=json.dumps(given), text=True, check=True, timeout=1800
        )
        server.shutdown()
    print(f"load {before:.1f} before, {os.getloadavg()[0]:.1f} after, {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
