"""Send a text's lips at 60 frames a second to one of the receivers beside this file, and compare what arrives.

    python tools/readers/live/receive.py KIND [--seconds 30] [--npm FOLDER] [--python PYTHON]

KIND is osc, vmc, vmc1, livelink or vtube-studio. FOLDER holds node_modules with npm `osc` and `ws` (npm install in
tools/readers); PYTHON has pylivelinkface 0.1 (and timecode). Prints packets, order, rates and the largest difference of
the values.
"""

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

import phonolips
from phonolips.live.frame import LiveFrame
from phonolips.live.sinks import open_sink
from phonolips.live.weights import LiveWeights
from phonolips.model.network import load_network

FPS, PORT = 60, 39_600
HERE = Path(__file__).parent
TEXT = "The quick brown fox jumps over the lazy dog, and five big wolves show their teeth to a mouse."


def frames_of(count: int) -> list[LiveFrame]:
    """Return so many frames of a text that is said again and again."""
    result = phonolips.from_text(TEXT, fps=FPS)
    edges = np.ceil(np.arange(len(result.lips) + 1) / FPS * 100 - 0.5).astype(int)
    parameters = np.zeros(3, np.float32)
    made = (
        LiveFrame(i, (i + 0.5) / FPS, result.lips[k], FPS, (), result.posteriors[edges[k] : edges[k + 1]], parameters)
        for i, k in enumerate(itertools.cycle(range(len(result.lips))))
    )
    return list(itertools.islice(made, count))


def read(kind: str, lines: list[dict]) -> list[tuple[float, dict]]:
    """Return what a receiver wrote: a clock in milliseconds or frames, and values by name, for each frame."""
    if kind in ("livelink", "vtube-studio"):
        if kind == "livelink":
            return [(line["at"], line["values"]) for line in lines]
        return [(line["at"], {e["id"]: e["value"] for e in line["data"]["parameterValues"]}) for line in lines]
    found, values = [], {}
    for line in lines:
        for message in line["messages"]:
            address, arguments = message["address"], message["args"]
            if address == "/VMC/Ext/Blend/Val":
                values[arguments[0]] = arguments[1]
            elif address.startswith("/phonolips/"):
                values |= {f"{address}/{n}": each for n, each in enumerate(arguments)}
            elif address != "/VMC/Ext/Blend/Apply":
                values[address] = arguments[0]
        if kind == "osc" or line["messages"][-1]["address"] == "/VMC/Ext/Blend/Apply":
            found.append((line["at"], values))
            values = {}
    return found


def expected(kind: str, frame: LiveFrame, weights) -> dict:
    """Return what a frame should say, by other means than the encoders where there are some."""
    from phonolips.export.blendshapes import ARKIT_NAMES
    from phonolips.live import osc, vtube_studio

    arkit = dict(zip(ARKIT_NAMES, weights.arkit, strict=True))
    if kind == "osc":
        messages = osc.frame_messages(frame, weights)
        return {f"{address}/{n}": each for address, values in messages for n, each in enumerate(values)}
    if kind == "livelink":
        return {name[0].upper() + name[1:]: value for name, value in arkit.items()}
    if kind == "vtube-studio":
        return vtube_studio.parameters(frame, weights)
    vowels = ("A", "I", "U", "E", "O") if kind == "vmc" else ("aa", "ih", "ou", "ee", "oh")
    names = (name[0].upper() + name[1:] if kind == "vmc" else name for name in arkit)
    return (
        {"/VMC/Ext/OK": 1, "/VMC/Ext/T": frame.time}
        | dict(zip(vowels, weights.vowels, strict=True))
        | dict(zip(names, arkit.values(), strict=True))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("osc", "vmc", "vmc1", "livelink", "vtube-studio"))
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--npm", type=Path, default=HERE.parent)
    parser.add_argument("--python", default=sys.executable)
    given = parser.parse_args()
    frames = frames_of(int(given.seconds * FPS))
    port = str(PORT + ("osc", "vmc", "vmc1", "livelink", "vtube-studio").index(given.kind))
    script = {"livelink": "live_link_receiver.py", "vtube-studio": "vts_server.mjs"}.get(given.kind, "osc_receiver.mjs")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "node_modules").symlink_to((given.npm / "node_modules").resolve())
        shutil.copy(HERE / script, folder)
        command = [given.python if script.endswith("py") else "node", script, port, str(given.seconds + 4)]
        clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        receiver = subprocess.Popen(
            command, cwd=folder, env=clean, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert receiver.stderr is not None
        assert receiver.stderr.readline() == "ready\n"
        speaker = load_network().lip_speaker(None)
        warnings.simplefilter("ignore")
        sink = open_sink(f"{given.kind}:{port}", speaker=speaker, fps=FPS)
        began, late = time.monotonic(), 0.0
        for frame in frames:
            time.sleep(max(began + frame.index / FPS - time.monotonic(), 0))
            late = max(late, time.monotonic() - began - frame.index / FPS)
            sink.send(frame)
        took = time.monotonic() - began
        sink.close()
        output, errors = receiver.communicate(timeout=given.seconds + 30)
    if errors:
        print(errors, file=sys.stderr)
    found = read(given.kind, [json.loads(line) for line in output.splitlines()])
    maker, worst, same = LiveWeights(speaker.mean_lip, FPS), 0.0, True
    for frame, (_, values) in zip(frames, found, strict=True):
        wanted = expected(given.kind, frame, maker.weigh(frame))
        if given.kind == "vtube-studio":
            wanted = {name: value for name, value in wanted.items() if name in values}
        same = same and set(values) >= set(wanted) and len(wanted) > 10
        for name, value in wanted.items():
            if isinstance(value, str):
                same = same and values[name] == value
            else:  # relative from 1 on, since numbers of frames and times grow
                worst = max(worst, abs(values[name] - value) / max(abs(value), 1.0))
    times = np.array([at for at, _ in found])
    steps = np.diff(times)
    seconds = ((times - times[0]) / 1000).astype(int)
    each = np.bincount(seconds)[: int(given.seconds) - 1]
    print(
        f"{given.kind}: {len(found)} of {len(frames)} frames, in order: {bool((steps >= 0).all())}, names: {same}, "
        f"values differ by {worst:.1e} at most; a second: {each.min()} to {each.max()} frames; "
        f"between frames {np.median(steps):.1f} ms, {np.percentile(steps, 99):.1f} in 99 %; "
        f"sent in {took:.2f} s, the latest {1000 * late:.0f} ms late"
    )


if __name__ == "__main__":
    main()
