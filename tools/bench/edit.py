"""Change one word of a clip into the word of another clip, and compare with that clip's true lips.

    python tools/bench/edit.py --data PREPARED --out FILE.md [--edits-per-place 12]

GRID's sentences have six places. For a place, clip A and clip B of one speaker are taken whose words before and after
it are the same and whose words at it differ; the word of A becomes that of B (nothing of B is used), and the lips from
0.1 s before to 0.1 s after the changed word are compared with the true ones of B, after both were brought to B's phone
times. Both clips are held out. Seams: the largest speed and acceleration (mean over the points) of the three steps
around each seam, and the share of them beyond the 95th percentile of what untouched clips do at the same places.
Intervals are 95 % bootstrap intervals over edits.
"""

import argparse
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from phonolips.corpus.layout import alignment_path
from phonolips.corpus.records import Record, read_records
from phonolips.corpus.store.store import Store
from phonolips.editing.edit import edit_recording, recorded_lips
from phonolips.editing.edited import Edited
from phonolips.editing.infill import InfillSettings, join
from phonolips.editing.timeline import Timeline, Zone
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.evaluation import baselines, metrics, report
from phonolips.evaluation.clips import Clip, mean_shapes
from phonolips.lips.curve import resample_by_phones
from phonolips.lips.measures import opening, width
from phonolips.model.network import Network, load_network
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.textgrid import read_textgrid
from phonolips.storage import write_text
from phonolips.synth.result import Result
from phonolips.timebase import MODEL_FPS, STEPS_PER_FRAME, frame_centres
from phonolips.training.lips_clips import lip_clips

AROUND_SECONDS = 0.1
BLEND_SECONDS = InfillSettings().blend_seconds
PLACES = 6
GROUPS = (("s1", ("s1",)), ("s4", ("s4",)), ("s30 and s31", ("s30", "s31")))
HARD = InfillSettings(reach_seconds=0.0, blend_seconds=0.0)
EDIT, KNOWN, SPLICE = "edit (fitted to the clip)", "edit, speaker of the model", "hard splice of synthesised lips"
CUT, TAKE = "plain cut: old lips, stretched", "true lips of a third clip"
MEASURES = ("opening_r", "width_r", "rmse", "rmse_in_place", "seam_speed", "seam_acceleration")
SHARES = ("fast_seams", "jerky_seams")


class Pair(NamedTuple):
    """The clip to be edited, the clip whose word it gets, a third clip like that one or None, and the word's place."""

    source: Record
    target: Record
    third: Record | None
    place: int


def same_around(first: list[str], second: list[str], place: int) -> bool:
    """Return whether the words before and after a place are the same in two sentences."""
    return all(first[at] == second[at] for at in (place - 1, place + 1) if 0 <= at < PLACES)


def find_pairs(records: list[Record], most: int, seed: int) -> list[Pair]:
    """Draw at most `most` edits for each place, every target once a place."""
    rng = np.random.default_rng(seed)
    said = {record.id: record.text.split() for record in records}
    pairs: list[Pair] = []
    for place in range(PLACES):
        found = 0
        for index in rng.permutation(len(records)).tolist():
            target = records[index]
            alike = [r for r in records if r is not target and r.speaker == target.speaker]
            alike = [r for r in alike if same_around(said[r.id], said[target.id], place)]
            sources = [r for r in alike if said[r.id][place] != said[target.id][place]]
            thirds = [r for r in alike if said[r.id][place] == said[target.id][place]]
            if not sources or found == most:
                continue
            source = sources[int(rng.integers(len(sources)))]
            third = thirds[int(rng.integers(len(thirds)))] if thirds else None
            pairs.append(Pair(source, target, third, place))
            found += 1
    return pairs


def phones_around(alignment: Alignment, place: int) -> tuple[list[Interval], Interval]:
    """List the phones of the word at a place and of its neighbours, and the word."""
    words = alignment.speech_words()
    near = words[max(0, place - 1) : place + 2]
    phones = [p for p in alignment.phones if near[0].start <= (p.start + p.end) / 2 < near[-1].end]
    return phones, words[place]


def score(lips: np.ndarray, alignment: Alignment, truth: Result, place: int) -> dict[str, float]:
    """Score the changed word and 0.1 s around it; raise InputError where the phones are not the same."""
    phones, _ = phones_around(alignment, place)
    true_phones, word = phones_around(truth.alignment, place)
    warped = resample_by_phones(lips, phones, true_phones, len(truth.lips))
    times = frame_centres(len(truth.lips))
    inside = (times >= word.start - AROUND_SECONDS) & (times < word.end + AROUND_SECONDS)
    made, true = warped[inside], truth.lips[inside]
    difference = made - true
    return {
        "opening_r": metrics.correlation(opening(made), opening(true)),
        "width_r": metrics.correlation(width(made), width(true)),
        "rmse": float(np.sqrt(np.mean(difference**2))),
        "rmse_in_place": float(np.sqrt(np.mean((difference - difference.mean((0, 1))) ** 2))),
    }


def motion(lips: np.ndarray, frames: list[int]) -> list[tuple[float, float]]:
    """Measure the largest speed (units/s) and acceleration (units/s^2) around seams before some frames."""
    speed = np.linalg.norm(np.diff(lips, axis=0), axis=-1).mean(1) * MODEL_FPS
    acceleration = np.linalg.norm(np.diff(lips, n=2, axis=0), axis=-1).mean(1) * MODEL_FPS**2
    inside = [frame for frame in frames if 2 <= frame <= len(lips) - 2]
    return [(speed[f - 2 : f + 1].max(), acceleration[f - 2 : f].max()) for f in inside]


def seam_frames(edited: Edited) -> list[int]:
    """List the first frame after every seam."""
    return [round(seam * edited.fps) for seam in edited.seams]


class Bench:
    """Everything that edits are made and judged with."""

    def __init__(self, data: Path, network: Network) -> None:
        self.data, self.network, self.features = data, network, Store(data / "features")
        names = lip_clips(self.features, "train")
        lips = [
            (self.features.meta(c)["speaker"], self.features.get(c, "lips"), self.features.get(c, "detected"))
            for c in names
        ]
        means = mean_shapes(lips)
        train = [self.clip(c, means[self.features.meta(c)["speaker"]]) for c in names]
        self.sequencing: list[baselines.Baseline] = [baselines.VisemeTrajectories(), baselines.VisemeMean()]
        for row in self.sequencing:
            row.fit(train)

    def clip(self, name: str, mean_lip: np.ndarray) -> Clip:
        """Read a clip as the sequencing rows want it."""
        get = self.features.get
        return Clip(
            name, self.features.meta(name)["speaker"], np.array(get(name, "lips")), np.array(get(name, "detected")),
            get(name, "labels").astype(np.int64), get(name, "mel"), mean_lip,
        )  # fmt: skip

    def recording(self, record: Record) -> Result:
        """Read a clip, tracked and aligned."""
        alignment = read_textgrid(alignment_path(self.data, record.id))
        return Result(np.array(self.features.get(record.id, "lips")), float(MODEL_FPS), alignment=alignment)

    def sequence(self, row: baselines.Baseline, source: Result, edited: Edited) -> np.ndarray:
        """Let a sequencing row speak an edited clip with the mean shape that fits the source clip best."""

        def say(alignment: Alignment, frames: int, mean_lip: np.ndarray) -> np.ndarray:
            labels = alignment.labels(STEPS_PER_FRAME * frames)
            blank = np.zeros((frames, 40, 2), np.float32)
            mel = np.zeros((len(labels), 80), np.float32)
            return row.predict(Clip("edited", "", blank, np.zeros(frames, bool), labels, mel, mean_lip))

        zero = np.zeros((40, 2), np.float32)
        mean_lip = (source.lips - say(source.alignment, len(source.lips), zero)).mean(0)
        return say(edited.alignment, len(edited.lips), mean_lip)

    def rows(self, pair: Pair) -> list[tuple[str, np.ndarray, Alignment, list[int]]]:
        """Make an edit in every way: (method, lips, alignment, frames after seams)."""
        source = self.recording(pair.source)
        text, words = pair.source.text, pair.source.text.split()
        words[pair.place] = pair.target.text.split()[pair.place]
        to = " ".join(words)

        def run(**options: Any) -> Edited:
            return edit_recording(source, text, to, network=self.network, **options)

        done = run()
        who = done.speaker
        hard = run(speaker=who, settings=HARD)
        made = [(EDIT, done.lips, seam_frames(done))]
        if pair.source.speaker in self.network.description.speakers:
            known = run(speaker=pair.source.speaker)
            made.append((KNOWN, known.lips, seam_frames(known)))
        # The same words at the same times; only what stands in the changed stretch differs.
        stretch, seams = ~hard.kept, seam_frames(hard)
        timeline = Timeline(hard.alignment, hard.cuts, (), np.interp(*_places(hard)), hard.kept)
        recorded = recorded_lips(source.lips, timeline)
        spoken = speak(self.network, who, hard)
        made.append((SPLICE, np.where(stretch[:, None, None], spoken, recorded), seams))
        for row in self.sequencing:
            said = self.sequence(row, source, hard)
            made.append((f"{row.name}, spliced", np.where(stretch[:, None, None], said, recorded), seams))
        said, joined = self.sequence(self.sequencing[0], source, done), done.lips.copy()
        for zone in zones_of(done.kept):
            joined[zone.first : zone.last] = join(said, done.lips, done.kept, zone, MODEL_FPS, BLEND_SECONDS)
        made.append((f"{self.sequencing[0].name}, joined like the edit", joined, seam_frames(done)))
        made.append((CUT, recorded, seams))
        rows = [(name, lips, done.alignment, frames) for name, lips, frames in made]
        if pair.third is not None:
            third = self.recording(pair.third)
            rows.append((TAKE, third.lips, third.alignment, []))
        return rows


def _places(edited: Edited) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what interpolates the recorded place of every frame from those of the kept ones."""
    known = np.flatnonzero(edited.kept)
    return np.arange(len(edited.kept)), known, edited.source_frames[known].astype(float)


def zones_of(kept: np.ndarray) -> list[Zone]:
    """List the stretches of frames that are not kept."""
    edges = np.flatnonzero(np.diff(np.pad(~kept, 1).astype(int)))
    return [Zone(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def speak(network: Network, who: Any, edited: Edited) -> np.ndarray:
    """Synthesise a whole edited clip from its phones, as lively as synthesis is by itself."""
    from phonolips.synth import verbs as synth

    posteriors = edited.alignment.posteriors(STEPS_PER_FRAME * len(edited.lips))
    return synth.from_posteriors(posteriors, speaker=who, network=network, rest="natural").lips


def measure(bench: Bench, pairs: list[Pair], group: str, seen: bool) -> tuple[list[dict[str, Any]], list[str]]:
    """Score every way of every edit; what cannot be compared is named."""
    from tqdm import tqdm

    rows: list[dict[str, Any]] = []
    left_out: list[str] = []
    natural: list[tuple[float, float]] = []
    seams: dict[int, list[tuple[float, float]]] = {}
    for pair in tqdm(pairs, desc=group, unit="edit", dynamic_ncols=True, disable=None):
        truth = bench.recording(pair.target)
        try:
            made = bench.rows(pair)
            scores = [score(lips, alignment, truth, pair.place) for _, lips, alignment, _ in made]
        except InputError as error:
            left_out.append(f"{pair.source.id} to {pair.target.id}, word {pair.place + 1}: {error}")
            continue
        shift = truth.alignment.speech_words()[pair.place].start - made[0][2].speech_words()[pair.place].start
        places = sorted({round(f + shift * MODEL_FPS) for _, _, _, frames in made for f in frames})
        natural += motion(truth.lips, places)
        for (name, lips, _, frames), values in zip(made, scores, strict=True):
            row = {"method": name, "seen": seen, "speaker": group, "clip": f"{pair.source.id}>{pair.target.id}"}
            moved = motion(lips, frames)
            if moved:
                seams[len(rows)] = moved
                values |= dict(zip(MEASURES[-2:], np.max(moved, axis=0).tolist(), strict=True))
            rows.append(row | {"place": pair.place} | values)
    limits = np.quantile(natural, 0.95, axis=0)
    for index, moved in seams.items():
        rows[index] |= dict(zip(SHARES, (np.array(moved) > limits).mean(0).tolist(), strict=True))
    usual = {"method": f"untouched clips ({len(natural)} places)", "seen": seen, "speaker": group, "clip": ""}
    for speed, acceleration in natural:
        rows.append(usual | {"seam_speed": speed, "seam_acceleration": acceleration, "place": -1})
    return rows, left_out


def difference_table(rows: list[dict[str, Any]]) -> str:
    """Compare the edit with every other way, edit by edit: mean differences with intervals."""
    shown = MEASURES[:4]
    lines = [f"| the edit minus | {' | '.join(shown)} |", "|---" * (len(shown) + 1) + "|"]
    by_method: dict[str, dict[tuple[str, int], dict[str, Any]]] = {}
    for row in rows:
        if row["place"] >= 0:
            by_method.setdefault(row["method"], {})[row["clip"], row["place"]] = row
    for name, found in by_method.items():
        if name == EDIT:
            continue
        cells = []
        for key in shown:
            values = np.array([by_method[EDIT][edit][key] - row[key] for edit, row in found.items()])
            low, high = metrics.bootstrap_interval(values)
            cells.append(f"{np.nanmean(values):+.3f} [{low:+.3f}, {high:+.3f}]")
        lines.append(f"| {name} ({len(found)}) | {' | '.join(cells)} |")
    return "\n".join(lines)


def percentiles(rows: list[dict[str, Any]]) -> str:
    """Measure how fast lips are at the same places of untouched clips."""
    natural = np.array([[row[key] for key in MEASURES[-2:]] for row in rows if row["place"] < 0])
    parts = [
        f"{name} {', '.join(f'{value:.3g}' for value in np.quantile(column, (0.5, 0.95, 0.99)))}"
        for name, column in zip(("speed", "acceleration"), natural.T, strict=True)
    ]
    return f"Untouched clips at these {len(natural)} places, percentiles 50, 95, 99: {'; '.join(parts)}."


def main() -> None:
    """Measure, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a prepared corpus")
    parser.add_argument("--model", type=Path, help="model folder; the one in the package unless given")
    parser.add_argument("--edits-per-place", type=int, default=12, help="at most, for each group of speakers")
    parser.add_argument("--seed", type=int, default=0, help="of the draw of pairs")
    parser.add_argument("--out", type=Path, required=True, help="tables to write (.md); rows go beside it (.csv)")
    options = parser.parse_args()
    warnings.simplefilter("ignore", PhonolipsWarning)
    started = time.perf_counter()
    network = load_network(options.model)
    bench = Bench(options.data, network)
    records = read_records(options.data / "records.jsonl", ["test_seen", "test_unseen"])
    records = [r for r in records if r.video and r.id in bench.features and bench.features.rows(r.id, "lips")]
    text, everything = ["# Transcript editing", ""], []
    for group, speakers in GROUPS:
        pairs = find_pairs([r for r in records if r.speaker in speakers], options.edits_per_place, options.seed)
        if not pairs:
            continue
        rows, left_out = measure(bench, pairs, group, speakers[0] in network.description.speakers)
        everything += rows
        scored = [row for row in rows if row["place"] >= 0]
        text += [report.markdown_table(report.summarise(scored), (*MEASURES, *SHARES)), percentiles(rows), ""]
        text += [difference_table(rows), ""]
        if left_out:
            text += [f"{len(left_out)} of {len(pairs)} pairs left out:", *(f"- {line}" for line in left_out), ""]
    write_text(options.out, "\n".join(text))
    report.write_csv(everything, options.out.with_suffix(".csv"))
    print(f"{options.out} ({time.perf_counter() - started:.0f} s)")


if __name__ == "__main__":
    main()
