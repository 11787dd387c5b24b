"""Run the same commands with two checkouts and compare every file that they write: a net under a large change.

    python tools/release/compare_outputs.py --before ../before --after . --data ../shared/data --work exp/net

Arrays, tensors, tables, texts, pictures and decoded films must be equal; what differs is listed in WORK/report.md, and the
exit code is 1 unless every difference is among the `--expected` ones (shell patterns of COMMAND/FILE). Each side runs
once: WORK/before is kept, so that the same commit is not run again, and WORK/after is made anew.
"""

# ruff: noqa: E501

import argparse
import csv
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import soundfile
from PIL import Image

TEXT = "Dr. Smith bought 3 blue cars, and painted them on the 4th of May."
GRID_TEXT = "bin blue at f two now"
# Names that a change gave to keys, columns and files: old name -> new name; what is equal but for them counts as equal.
RENAMED = {
    "gestures": "lip_parameters",
    "gesture_names": "lip_parameter_names",
    "ears": "encoder",
    "ears.csv": "encoder.csv",
    "heard": "from_sound",
    "guessed": "from_posteriors",
    "gesture_weight": "lip_parameter_weight",
    "hearings": "encoder_outputs",
    "manner": "options",
    "wild": "limits",
}
VOLATILE = re.compile(
    r"CKPT\+[\d+-]+|(?<=index-)[0-9a-f]{8}|(?<=shards/\d{6}-)[0-9a-f]{8}|\d+(\.\d+)? frames per second|\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?|\(\d+(\.\d+)? s\)|phonolips \d\S*|took \S+"
)
VOLATILE_KEYS = {"seconds", "minutes", "time", "wall", "version", "phonolips", "fingerprint", "command", "created"}
ADDED_KEYS = {"format", "format_version"}


class Command(NamedTuple):
    """One command line; `{in}` is the folder of inputs, and everything is written below the working folder.

    Args:
        name: of its folder.
        words: after `phonolips`; a list whose first word is `bash` or `python` is run as it stands.
        needs: a file or folder that it cannot do without, relative to the working folder.
    """

    name: str
    words: list[str]
    needs: str = ""


def _synth(name: str, *words: str) -> Command:
    return Command(name, ["synth", *words, "--out", name])


def commands(grid: Path | None) -> list[Command]:
    """List what is run, in this order; later commands read what earlier ones wrote."""
    found = [
        Command("info", ["info"]),
        _synth("text", "--text", GRID_TEXT),
        _synth(
            "text_options", "--text", TEXT, "--speaker", "s1", "--fps", "30", "--rate", "1.2", "--liveliness", "0.5",
            "--emphasis", "blue=1.5", "--shut-in-silence", "--no-pictures",
        ),
        _synth("speak", "--text", TEXT, "--speak", "--voice", "en-gb"),
        _synth("phones", "--phones", "B IH1 N sil B L UW1", "--no-pictures"),
        _synth("phones_speak", "--phones", "B IH1 N  B L UW1", "--speak", "--no-pictures"),
        _synth("audio", "--audio", "speak/speech.wav", "--export", "arkit,visemes,visemes-oculus,gltf,rhubarb-json,json"),
        _synth("audio_phones_only", "--audio", "speak/speech.wav", "--phones-only", "--no-pictures", "--fps", "29.97"),
        _synth("audio_textgrid", "--audio", "speak/speech.wav", "--textgrid", "speak/phones.TextGrid", "--no-pictures"),
        _synth("textgrid", "--textgrid", "speak/phones.TextGrid", "--rate", "0.8", "--no-pictures"),
        _synth("posteriors", "--posteriors", "audio/posteriors.npz", "--fps", "60", "--no-pictures"),
        _synth("durations", "--text", GRID_TEXT, "--durations", "text/phones.TextGrid", "--no-pictures"),
        _synth("batch", "--audio", "{in}/sounds", "--export", "rhubarb-json,json", "--jobs", "2", "--no-pictures"),
        _synth("photo", "--text", GRID_TEXT, "--face", "{in}/face.png", "--no-pictures"),
        Command("export_list", ["export", "audio"]),
        Command("export_text", ["export", "text", "--to", "all", "--fps", "30", "--out", "export_text"]),
        Command("plot_posteriorgram", ["plot", "audio", "--out", "plot_posteriorgram/a.png"]),
        Command("plot_lips", ["plot", "audio", "--kind", "lips", "--with", "textgrid", "--out", "plot_lips/a.png"]),
        Command("plot_filmstrip", ["plot", "text", "--kind", "filmstrip", "--out", "plot_filmstrip/a.png"]),
        Command("plot_compare", ["plot", "audio", "--kind", "compare", "--with", "speak", "--out", "plot_compare/a.png"]),
        Command("plot_page", ["plot", "audio", "--html", "--out", "plot_page/page.html"]),
        Command(
            "render_film", ["render", "speak", "--out", "render_film/a.mp4", "--caption", "posteriors", "--fps", "30"]
        ),
        Command("render_gif", ["render", "text", "--out", "render_gif/a.gif", "--palette", "dark", "--size", "160"]),
        Command("render_strip", ["render", "text", "--out", "render_strip/a.png", "--palette", "line", "--seconds", "0.5-2"]),
        Command("render_webm", ["render", "text", "--out", "render_webm/a.webm", "--palette", "flat", "--caption", "phone"]),
        Command("align_sphinx", ["align", "speak/speech.wav", "--text", TEXT, "--aligner", "sphinx", "--plot", "--out",
                                 "align_sphinx/a.TextGrid"]),
        Command("align_ctc", ["align", "speak/speech.wav", "--text", TEXT, "--aligner", "ctc", "--out",
                              "align_ctc/a.TextGrid"]),
        Command("track", ["track", "{in}/clip.mp4", "--out", "track/lips.npz"]),
        Command("track_wild", ["track", "{in}/clip.mp4", "--out", "track_wild/lips.npz", "--wild", "--layout", "ibug20"]),
        Command("export_track", ["export", "track/lips.npz", "--to", "json,csv,arkit,gltf", "--out", "export_track"]),
        Command("adapt", ["adapt", "--video", "{in}/clip.mp4", "--name", "me", "--out", "adapt/me.json"]),
        Command("adapt_frame", ["adapt", "--video", "{in}/clip.mp4", "--one-frame", "--out", "adapt_frame/me.json"]),
        Command("adapt_picture", ["adapt", "--video", "{in}/face.png", "--out", "adapt_picture/me.json"]),
        _synth("adapted", "--text", GRID_TEXT, "--speaker", "adapt/me.json", "--no-pictures"),
        Command("render_face", ["render", "text", "--face", "{in}/clip.mp4", "--out", "render_face/a.mp4"]),
        Command("edit", ["edit", "--video", "{in}/clip.mp4", "--transcript", "{sentence}", "--to", "{edited}", "--textgrid",
                         "{in}/clip.TextGrid", "--speak", "--out", "edit"]),
        Command("edit_removal", ["edit", "--video", "{in}/clip.mp4", "--transcript", "{sentence}", "--to", "{shorter}",
                                 "--aligner", "ctc", "--no-face", "--speaker", "s1", "--out", "edit_removal"]),
        Command("recipe", ["bash", "{checkout}/recipes/grid/run.sh", "--data", "{in}/toy/grid", "--exp", "toy", "--exp-root",
                           "recipe", "--config", "{checkout}/recipes/grid/conf/tiny.yaml", "--alignments", "{in}/toy/mfa",
                           "--splits", "{in}/toy/splits", "--jobs", "1", "--device", "cpu"]),
        Command("train_sync", ["train", "sync", "--data", "recipe/toy/data", "--out", "train_sync", "sync.epochs=2",
                               "sync.batch=2", "--device", "cpu"], "recipe/toy/data"),
        Command("gallery", ["gallery", "--data", "recipe/toy/data", "--out", "gallery", "--samples", "8", "--phone", "IH"]),
        Command("check_data", ["check-data", "recipe/toy/data"]),
        Command("recipe_model", ["synth", "--text", GRID_TEXT, "--model", "recipe/toy/model/network", "--out", "recipe_model",
                                 "--no-pictures"]),
    ]  # fmt: skip
    bad = {
        "nothing": ["synth", "--out", "bad"],
        "two": ["synth", "--text", "a", "--phones", "B", "--out", "bad"],
        "no_file": ["synth", "--audio", "missing.wav", "--out", "bad"],
        "speaker": ["synth", "--text", "a", "--speaker", "nobody", "--out", "bad"],
        "rate": ["synth", "--text", "a", "--rate", "99", "--out", "bad"],
        "fps": ["synth", "--text", "a", "--fps", "0", "--out", "bad"],
        "emphasis": ["synth", "--text", "a", "--emphasis", "word", "--out", "bad"],
        "emoji": ["synth", "--text", "\U0001f600", "--out", "bad"],
        "durations": ["synth", "--text", "red", "--durations", "text/phones.TextGrid", "--out", "bad"],
        "export": ["export", "text", "--to", "nothing"],
        "plot": ["plot", "text", "--kind", "compare"],
        "size": ["render", "text", "--out", "bad.mp4", "--size", "big"],
        "edit": ["edit", "--video", "missing.mp4", "--transcript", "a", "--to", "b", "--out", "bad"],
        "step": ["prepare", "--step", "nothing", "--out", "bad"],
    }
    return found + [Command(f"bad_{name}", words) for name, words in bad.items()]


def make_inputs(folder: Path, checkout: Path, grid: Path | None) -> dict[str, str]:
    """Make what the commands read, once: a toy corpus, a photo, a clip with its TextGrid, a folder of sounds."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    places = [checkout / "tools" / "make_toy_corpus.py", checkout / "tests" / "toy" / "make_toy_corpus.py"]
    maker = next(path for path in places if path.is_file())
    if not (folder / "toy").is_dir():
        words = ["--out", folder / "toy/grid", "--clips", "8", "--speakers", "3"]
        words += ["--alignments-out", folder / "toy/mfa", "--splits-out", folder / "toy/splits"]
        subprocess.run([sys.executable, maker, *map(str, words)], check=True, env=environment, capture_output=True)
    from skimage import data

    Image.fromarray(data.astronaut()).save(folder / "face.png")
    if grid is not None:
        clip = grid / "grid/s1/bbaf2n.mp4"
        shutil.copy(clip, folder / "clip.mp4")
        shutil.copy(grid / "grid_mfa/s1/bbaf2n.TextGrid", folder / "clip.TextGrid")
        names = ["bin blue at f two now", "bin red at f nine now", "bin blue at f now"]
    else:
        clip = sorted((folder / "toy/grid").rglob("*.m*"))[0]
        shutil.copy(clip, folder / "clip.mp4")
        shutil.copy(next((folder / "toy/mfa").rglob(f"{clip.stem}.TextGrid")), folder / "clip.TextGrid")
        code = f"from phonolips.corpus.grid import sentence_of; print(' '.join(sentence_of({clip.stem!r})))"
        said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        sentence = said.stdout.split()
        names = [" ".join(sentence), " ".join([*sentence[:-1], "today"]), " ".join([*sentence[:-2], sentence[-1]])]
    (folder / "sounds").mkdir(exist_ok=True)
    for number, seconds in enumerate((1.0, 2.5)):
        times = np.arange(int(seconds * 16_000)) / 16_000
        soundfile.write(folder / f"sounds/{number}.wav", 0.1 * np.sin(2 * np.pi * 220 * times), 16_000)
    return dict(zip(("sentence", "edited", "shorter"), names, strict=True))


def run_side(work: Path, checkout: Path, inputs: Path, words: dict[str, str], chosen: list[Command]) -> None:
    """Run all commands with one checkout; what each says and how it ends is kept beside what it writes."""
    work.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "COLUMNS": "200",
    }  # fmt: skip
    script = work / "bin" / "phonolips"  # recipes call a program of this name
    script.parent.mkdir(exist_ok=True)
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m phonolips "$@"\n')
    script.chmod(0o755)
    environment["PATH"] = (
        f"{script.parent.resolve()}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    fill = {**words, "in": str(inputs.resolve()), "checkout": str(checkout.resolve())}
    for command in chosen:
        said = work / "said" / f"{command.name}.json"
        if said.is_file():
            continue
        (work / command.name).mkdir(parents=True, exist_ok=True)
        line = [re.sub(r"\{(\w+)\}", lambda found: fill[found[1]], word) for word in command.words]
        line = line if line[0] == "bash" else [sys.executable, "-m", "phonolips", *line]
        started = time.perf_counter()
        done = subprocess.run(line, cwd=work, env=environment, capture_output=True, text=True, check=False)
        said.parent.mkdir(exist_ok=True)
        replaced = {str(checkout.resolve()): "CHECKOUT", str(inputs.resolve()): "INPUTS", str(work.resolve()): "WORK"}
        texts = [done.stdout, done.stderr]
        for name, short in replaced.items():
            texts = [text.replace(name, short) for text in texts]
        values = {"code": done.returncode, "out": texts[0], "err": texts[1]}
        said.write_text(json.dumps(values, indent=1))
        print(f"{work.name}: {command.name}: exit {done.returncode}, {time.perf_counter() - started:.1f} s", flush=True)


def _new_name(name: str) -> str:
    parts = re.split(r"([./:\s])", name)
    return "".join(RENAMED.get(part, part) for part in parts) if name not in RENAMED else RENAMED[name]


def _same_arrays(one: Any, other: Any) -> str:
    first, second = np.asarray(one), np.asarray(other)
    if first.shape != second.shape:
        return f"shape {first.shape} -> {second.shape}"
    if first.dtype.kind in "USO" or second.dtype.kind in "USO":
        return "" if np.array_equal(first, second) else "text differs"
    if np.array_equal(first, second, equal_nan=first.dtype.kind == "f" and second.dtype.kind == "f"):
        return ""
    return f"largest difference {np.nanmax(np.abs(first.astype(float) - second.astype(float))):.3g}"


def _same_mappings(one: dict[str, Any], other: dict[str, Any]) -> str:
    old = {_new_name(name): value for name, value in one.items()}
    new = {_new_name(name): value for name, value in other.items()}
    troubles = [f"{name}: gone" for name in old if name not in new]
    troubles += [f"{name}: new" for name in new if name not in old and name not in ADDED_KEYS]
    for name in old.keys() & new.keys():
        trouble = _same_arrays(old[name], new[name])
        if trouble:
            troubles.append(f"{name}: {trouble}")
    return "; ".join(troubles)


def _plain(value: Any) -> Any:
    """Take out what differs from run to run, and give keys their new names."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key not in VOLATILE_KEYS | ADDED_KEYS}
        return {_new_name(key): _plain(item) for key, item in kept.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return _plain_text(value) if isinstance(value, str) else value


def _plain_text(text: str) -> str:
    for old, new in RENAMED.items():
        text = re.sub(rf"\b{re.escape(old)}\b", new, text)
    return VOLATILE.sub("...", text)


def _film(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = {}
    with av.open(str(path)) as file:
        if file.streams.video:
            values["pictures"] = np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])
            values["rate"] = float(file.streams.video[0].average_rate or 0)
    with av.open(str(path)) as file:
        if file.streams.audio:
            values["sound"] = np.concatenate([frame.to_ndarray().ravel() for frame in file.decode(audio=0)])
    return values


def _tensors(path: Path) -> dict[str, Any]:
    from safetensors.numpy import load_file

    return dict(load_file(path))


def _text(path: Path, side: Path) -> str:
    """Read a text; the folder of its side counts as the same on both."""
    return path.read_text(encoding="utf-8", errors="replace").replace(str(side.resolve()), "WORK")


def compare_files(one: Path, other: Path, sides: tuple[Path, Path]) -> str:
    """Describe how two files differ; "" where what they hold is equal."""
    kind = one.suffix
    if kind == ".npz":
        with np.load(one, allow_pickle=False) as first, np.load(other, allow_pickle=False) as second:
            return _same_mappings(dict(first), dict(second))
    if one.read_bytes() == other.read_bytes():
        return ""
    if kind == ".safetensors":
        return _same_mappings(_tensors(one), _tensors(other))
    if kind in (".png", ".jpg"):
        return _same_arrays(np.asarray(Image.open(one)), np.asarray(Image.open(other)))
    if kind in (".mp4", ".webm", ".gif", ".mkv", ".mov"):
        return _same_mappings(_film(one), _film(other))
    if kind == ".npy":
        return _same_arrays(np.load(one), np.load(other))
    texts = [_text(path, side) for path, side in zip((one, other), sides, strict=True)]
    if kind == ".json":
        first, second = (_plain(json.loads(text)) for text in texts)
        return "" if first == second else "JSON differs"
    if kind == ".jsonl":
        first, second = ([_plain(json.loads(line)) for line in text.splitlines()] for text in texts)
        return "" if first == second else "rows differ"
    if kind == ".csv":
        first, second = (
            [[_plain_text(cell) for cell in row] for row in csv.reader(text.splitlines())] for text in texts
        )
        return "" if first == second else "table differs"
    first, second = (_plain_text(text) for text in texts)
    return "" if first == second else "text differs"


def _files(folder: Path) -> dict[str, Path]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {
        _new_name(VOLATILE.sub("...", path.relative_to(folder).as_posix())): path
        for path in found
        if path.name != ".DS_Store"
    }


def compare_sides(before: Path, after: Path, chosen: list[Command]) -> list[tuple[str, str, str]]:
    """Compare what all commands wrote and said: rows of command, what, difference ("" = equal)."""
    rows = []
    for command in chosen:
        said = [json.loads((side / "said" / f"{command.name}.json").read_text()) for side in (before, after)]
        rows.append((command.name, "exit code", "" if said[0]["code"] == said[1]["code"] else f"{said[0]['code']} -> "
                     f"{said[1]['code']}"))  # fmt: skip
        for stream in ("out", "err"):
            first, second = (_plain_text(side[stream]) for side in said)
            rows.append((command.name, f"std{stream}", "" if first == second else "differs"))
        files = [_files(side / command.name) for side in (before, after)]
        for name in sorted(files[0].keys() | files[1].keys()):
            if name not in files[1]:
                rows.append((command.name, name, "gone"))
            elif name not in files[0]:
                rows.append((command.name, name, "new"))
            else:
                rows.append((command.name, name, compare_files(files[0][name], files[1][name], (before, after))))
    return rows


def main() -> int:
    """Run, compare, write the report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--before", type=Path, required=True, help="a checkout of the older commit")
    parser.add_argument("--after", type=Path, required=True, help="a checkout of the newer one")
    parser.add_argument("--data", type=Path, help="the folder with real GRID clips; without it a toy clip is used")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--compare-only", action="store_true", help="run nothing again")
    parser.add_argument("--only", action="append", default=[], help="names of commands, as shell patterns")
    parser.add_argument(
        "--expected", action="append", default=[], help="COMMAND/FILE that may differ, as shell patterns"
    )
    options = parser.parse_args()
    inputs = options.work / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    words = make_inputs(inputs, options.before, options.data)
    chosen = [
        item
        for item in commands(options.data)
        if not options.only or any(fnmatch.fnmatch(item.name, pattern) for pattern in options.only)
    ]
    before, after = options.work / "before", options.work / "after"
    run_side(before, options.before, inputs, words, chosen)
    if after.is_dir() and not options.compare_only:
        shutil.rmtree(after)
    run_side(after, options.after, inputs, words, chosen)
    rows = compare_sides(before, after, chosen)
    different = [row for row in rows if row[2]]
    unexpected = [
        row
        for row in different
        if not any(fnmatch.fnmatch(f"{row[0]}/{row[1]}", pattern) for pattern in options.expected)
    ]
    lines = [
        f"{len(chosen)} commands, {len(rows)} comparisons, {len(different)} differences, {len(unexpected)} unexpected"
    ]
    lines += ["", "| command | what | difference | |", "|---|---|---|---|"]
    for row in different:
        lines.append(f"| {' | '.join(row)} | {'unexpected' if row in unexpected else 'expected'} |")
    (options.work / "report.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main())
