"""Run every command that makes something to look at or to hand on, open what it made, and write a table of it.

    python tools/release/show_outputs.py --data ../shared/data --work exp/outputs --out docs/outputs.md

Every file is opened by a library that is not ours (the column "opened with"); programs that read the exports are named
in docs/formats.md, with the commands of those checks.
"""

import argparse
import csv
import json
import shlex
import shutil
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import av
import numpy as np
import soundfile
from PIL import Image
from praatio import textgrid

SPOKEN = "bin blue at f two now"
LONGER = "Dr. Smith bought 3 blue cars, and painted them on the 4th of May."


def open_video(path: Path) -> str:
    """Decode pictures and sound; say how many and how long."""
    with av.open(str(path)) as file:
        video = file.streams.video[0]
        frames = sum(1 for _ in file.decode(video))
        text = f"PyAV: {frames} pictures {video.width}x{video.height}, {float(frames / video.average_rate):.2f} s"
    with av.open(str(path)) as file:
        if file.streams.audio:
            samples = sum(block.samples for block in file.decode(audio=0))
            text += f", sound {samples / file.streams.audio[0].rate:.2f} s"
    return text


def open_page(path: Path) -> str:
    """Parse a page; raise where it reaches for the network."""
    tags: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append(tag)
            if any(name in ("src", "href") and (value or "").startswith("http") for name, value in attrs):
                raise ValueError(f"{path} reaches for the network")

    Reader().feed(path.read_text(encoding="utf-8"))
    return f"html.parser: {len(tags)} elements, no network"


def open_grid(path: Path) -> str:
    """Read a TextGrid."""
    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=True)
    return f"praatio: {', '.join(grid.tierNames)}, {grid.maxTimestamp:.2f} s"


def open_picture(path: Path) -> str:
    """Load a picture or a GIF."""
    with Image.open(path) as picture:
        frames = getattr(picture, "n_frames", 1)
        milliseconds = 0
        for index in range(frames):
            picture.seek(index)
            picture.load()
            milliseconds += picture.info.get("duration", 0)
        length = f", {frames} pictures, {milliseconds / 1000:.2f} s" if frames > 1 else ""
        return f"Pillow: {picture.width}x{picture.height}{length}"


def open_arrays(path: Path) -> str:
    """Load arrays."""
    with np.load(path, allow_pickle=False) as values:
        shapes = {name: "x".join(map(str, values[name].shape)) for name in values}
        return "numpy: " + ", ".join(f"{name} {shape}" for name, shape in shapes.items() if shape)


def open_json(path: Path) -> str:
    """Parse JSON."""
    value = json.loads(path.read_text(encoding="utf-8"))
    return f"json: {', '.join(value)}" if isinstance(value, dict) else f"json: {len(value)} items"


def open_lines(path: Path) -> str:
    """Parse lines of JSON."""
    return f"json: {len([json.loads(line) for line in path.read_text().splitlines()])} rows"


def open_sound(path: Path) -> str:
    """Read a sound file."""
    info = soundfile.info(str(path))
    return f"soundfile: {info.duration:.2f} s, {info.samplerate} Hz"


def open_table(path: Path) -> str:
    """Read a table."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(
            csv.reader(file, delimiter="\t" if path.suffix in (".tsv",) else " " if path.suffix == ".dat" else ",")
        )
    return f"csv: {len(rows)} rows, {max(map(len, rows))} columns"


def open_subtitles(path: Path) -> str:
    """Read subtitles through FFmpeg."""
    with av.open(str(path)) as file:
        return f"FFmpeg: {sum(1 for packet in file.demux() if packet.size)} subtitles"


OPENERS = {
    ".mp4": open_video, ".gif": open_picture, ".png": open_picture, ".npz": open_arrays, ".TextGrid": open_grid,
    ".json": open_json, ".jsonl": open_lines, ".gltf": open_json, ".wav": open_sound,
    ".csv": open_table, ".tsv": open_table, ".dat": open_table, ".srt": open_subtitles, ".html": open_page,
    ".xml": lambda path: f"ElementTree: {sum(1 for _ in ElementTree.parse(path).iter())} elements",
}  # fmt: skip


def size_of(path: Path) -> str:
    """Describe how large a file is."""
    size = path.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"


COMMANDS = """
text                    | synth --text "{spoken}" --out demo
                        > lips.npz posteriors.npz phones.TextGrid posteriorgram.png lips.mp4
text, heard             | synth --text "{longer}" --speak --out heard > speech.wav lips.mp4
emphasis, rate          | synth --text "{spoken}" --emphasis blue=1.5 --rate 0.8 --out slow > lips.mp4
TextGrid                | synth --textgrid demo/phones.TextGrid --out again > lips.mp4
posteriors              | synth --posteriors demo/posteriors.npz --out edited > lips.mp4
recording               | synth --audio {speech} --fps 30 --out recording > lips.npz lips.mp4
ten recordings          | synth --audio some.txt --no-pictures --jobs 2 --out many > manifest.jsonl
a photo that talks      | synth --text "{spoken}" --speak --face portrait.png --out talk > face.mp4
new sound for a video   | synth --audio heard/speech.wav --face {video} --out dubbed > face.mp4
other words in a video  | edit --video {video} --transcript "{spoken}" --to "bin red at f nine now" --speak --out new
                        > edited.mp4 comparison.png
film                    | render heard --out film.mp4 --size 720 --fps 29.97 --palette dark --caption posteriors
                        > film.mp4
GIF                     | render demo --out demo.gif > demo.gif
strip                   | render demo --out strip.png > strip.png
plot                    | plot heard --out posteriorgram.png > posteriorgram.png
lips over time          | plot heard --kind lips --out lips.png > lips.png
filmstrip               | plot heard --kind filmstrip --out filmstrip.png > filmstrip.png
comparison              | plot demo --kind compare --with slow --out compare.png > compare.png
page                    | plot heard --html --out heard.html > heard.html
every format            | export heard --to all
                        > rhubarb.tsv rhubarb.xml rhubarb.json rhubarb.dat visemes-oculus.json visemes.json arkit.json
                        arkit.csv lips.gltf tiers.TextGrid phones.json lips.csv subtitles.srt words.srt
"""


def rows_of(words: list[str], files: list[str], work: Path) -> list[str]:
    """Open what a command made; a cell `file | size | opened with` for each."""
    out = work / (words[words.index("--out") + 1] if "--out" in words else words[1])
    paths = [out if out.name == file else out / file for file in files]
    return [f"`{path.name}` | {size_of(path)} | {OPENERS[path.suffix](path)}" for path in paths]


def run_all(data: Path, work: Path) -> str:
    """Run everything in `work` and return the table."""
    import skimage.data

    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    Image.fromarray(skimage.data.astronaut()).save(work / "portrait.png")
    speech = sorted((data / "librispeech").rglob("*.opus"))[:10]
    (work / "some.txt").write_text("".join(f"{path}\n" for path in speech))
    given = {"spoken": SPOKEN, "longer": LONGER, "speech": speech[0], "video": data / "grid" / "s1" / "bbaf2n.mp4"}
    lines = ["| what | command | seconds | file | size | opened with |", "|---|---|---|---|---|---|"]
    for line in COMMANDS.strip().replace("\n                        ", " ").splitlines():
        name, _, rest = line.partition("|")
        command, _, files = rest.partition(">")
        words = shlex.split(command.strip().format(**given))
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "phonolips", *words], cwd=work, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - started
        shown = command.strip().format(**given | {"speech": speech[0].name, "video": "bbaf2n.mp4"})
        for index, row in enumerate(rows_of(words, files.split(), work)):
            start = " |  | " if index else f"{name.strip()} | `{shown}` | {seconds:.1f}"
            lines.append(f"| {start} | {row} |")
        print(f"{name.strip()}: {seconds:.1f} s", file=sys.stderr)
    return "\n".join(lines) + "\n"


HEAD = """# What comes out

Every command that makes something to look at or to hand on, run on the project's two-core machine from a cold start
(about 2 s of most times is Python, torch and the model). Each file was opened by a library that is not ours. Which
*programs* read the formats, and the commands of those checks: [formats](formats.md). Commands start with `phonolips`;
this page is made by `python tools/release/show_outputs.py --data DATA --work WORK --out docs/outputs.md`.

| | |
|---|---|
| The page of `plot --html`: click to seek, no network | ![The page](plot_page.png) |
| `plot --kind filmstrip` | ![Filmstrip](plot_filmstrip.png) |
| `plot --kind compare` | ![Two runs compared](plot_compare.png) |
| `--face`, a photo that talks (`tools/release/face_sheet.py`) | ![A portrait that talks](face_sheet.png) |
| Every phone, [as it is drawn](drawing.md) (`tools/release/phone_sheet.py`) | ![Every phone](phones_sheet.jpg) |

"""


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with grid/ and librispeech/")
    parser.add_argument("--work", type=Path, required=True, help="folder for what is made; emptied first")
    parser.add_argument("--out", type=Path, required=True, help="the page to write")
    options = parser.parse_args()
    options.out.write_text(HEAD + run_all(options.data.resolve(), options.work.resolve()), encoding="utf-8")


if __name__ == "__main__":
    main()
