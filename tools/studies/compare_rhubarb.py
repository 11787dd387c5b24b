"""Mouth cues against Rhubarb Lip Sync's own, by how well they follow the tracked lips of real clips.

    cp -r tools/readers READERS && (cd READERS && npm install)
    python tools/studies/compare_rhubarb.py --data PREPARED --readers READERS [--speaker s1] [--clips 10]
        [--train-clips 40]

PREPARED is a prepared corpus. Rhubarb runs as its WebAssembly build from npm, once with the transcript and once
without. Ours: from the sound; from the sound with the mean speaker's lips; from the transcript with the corpus's
phone times; and from the tracked lips themselves, which is the best that cues by this rule can do. Every kind of cues
becomes an opening curve by one rule: a mouth is worth the mean tracked opening under it on training clips. Prints a
Markdown table of Pearson's r with the tracked opening, as means over the test clips with 95 % bootstrap intervals.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from phonolips.corpus.layout import alignment_path
from phonolips.corpus.records import Record, read_records
from phonolips.corpus.store.store import Store
from phonolips.errors import InputError, MissingToolError
from phonolips.evaluation import metrics
from phonolips.export.cues import MOUTHS, Cue, mouth_cues
from phonolips.lips.measures import opening
from phonolips.media.audio import read
from phonolips.phones.posteriors import labels_to_posteriors
from phonolips.phones.textgrid import read_textgrid
from phonolips.synth import verbs as synth
from phonolips.timebase import MODEL_FPS, frame_centres, frames_to_samples

FURTHEST_LAG_FRAMES = 5
MILLISECONDS_PER_FRAME = 1000 / MODEL_FPS


def rhubarb_cues(records: list[Record], readers: Path, *, with_text: bool) -> list[list[Cue]]:
    """Run Rhubarb Lip Sync on the sound of clips.

    Its build for npm gives some cues the end of the next one; a cue here ends where the next begins, as in the
    program's own TSV.
    """
    with tempfile.TemporaryDirectory() as folder:
        lines = []
        for number, record in enumerate(records):
            path = Path(folder) / f"{number}.pcm"
            path.write_bytes((read(Path(record.audio)).clip(-1, 1) * 32767).astype("<i2").tobytes())
            lines.append(json.dumps({"pcm": str(path), "text": record.text if with_text else ""}))
        script = readers / "rhubarb_cues.mjs"
        try:
            done = subprocess.run(
                ["node", script.name], cwd=readers, input="\n".join(lines), capture_output=True, text=True
            )
        except FileNotFoundError as error:
            raise MissingToolError(f"no node, or no folder {readers}; install Debian's nodejs and npm") from error
    if done.returncode:
        raise MissingToolError(f"{script} failed: {done.stderr.strip()[-200:]}; run 'npm install' in {readers}")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return [
        [
            Cue(cue["value"], cue["start"], following["start"] if following else cue["end"])
            for cue, following in zip(cues, [*cues[1:], None], strict=True)
        ]
        for cues in found
    ]


def values_at_frames(cues: list[Cue], frames: int) -> np.ndarray:
    """Find the mouth at every frame's middle; int64 (frames,), places in MOUTHS."""
    starts = np.array([cue.start for cue in cues])
    at = np.searchsorted(starts, frame_centres(frames), side="right") - 1
    return np.array([MOUTHS.index(cue.value) for cue in cues])[np.maximum(at, 0)]


def our_cues(data: Path, store: Store, record: Record) -> dict[str, list[Cue]]:
    """Make our cues of a clip in every way."""
    frames = store.rows(record.id, "lips")
    waveform = read(Path(record.audio))[: frames_to_samples(frames)]
    waveform = np.pad(waveform, (0, frames_to_samples(frames) - len(waveform)))
    alignment = read_textgrid(alignment_path(data, record.id))
    encoded = synth.from_audio(waveform, speaker=record.speaker, rest="natural")
    nobody = synth.from_posteriors(
        encoded.posteriors, lip_parameters=encoded.lip_parameters, alignment=encoded.alignment, rest="natural"
    )
    posteriors = labels_to_posteriors(store.get(record.id, "labels"))
    from_text = synth.from_posteriors(posteriors, speaker=record.speaker, rest="natural")
    tracked = np.array(store.get(record.id, "lips"))
    return {
        "phonolips, sound": mouth_cues(encoded.lips, MODEL_FPS, encoded.alignment),
        "phonolips, sound, mean speaker": mouth_cues(nobody.lips, MODEL_FPS, encoded.alignment),
        "phonolips, text with true times": mouth_cues(from_text.lips, MODEL_FPS, alignment),
        "tracked lips with true phones": mouth_cues(tracked, MODEL_FPS, alignment),
    }


def all_cues(data: Path, store: Store, records: list[Record], readers: Path) -> dict[str, list[list[Cue]]]:
    """Make every kind of cues of these clips; kind -> cues of each clip."""
    ours = [our_cues(data, store, record) for record in records]
    return {
        "Rhubarb, sound": rhubarb_cues(records, readers, with_text=False),
        "Rhubarb, sound and transcript": rhubarb_cues(records, readers, with_text=True),
        **{kind: [clip[kind] for clip in ours] for kind in ours[0]},
    }


def tracked_opening(store: Store, record: Record) -> np.ndarray:
    """Read the opening that was tracked in a clip; (frames,), eye distances."""
    return opening(np.array(store.get(record.id, "lips")))


def spread(records: list[Record], count: int) -> list[Record]:
    """Take `count` of them, evenly spaced."""
    return [records[i] for i in np.linspace(0, len(records) - 1, min(count, len(records))).round().astype(int)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a prepared corpus")
    parser.add_argument("--readers", type=Path, required=True, help="copy of tools/readers after npm install")
    parser.add_argument("--speaker", default="s1")
    parser.add_argument("--clips", type=int, default=10)
    parser.add_argument("--train-clips", type=int, default=40, help="that say what opening a mouth is worth")
    options = parser.parse_args()
    store = Store(options.data / "features")

    def chosen(split: str, count: int) -> list[Record]:
        records = read_records(options.data / "records.jsonl", [split])
        own = [r for r in records if r.speaker == options.speaker and r.id in store and store.rows(r.id, "lips")]
        if not own:
            raise InputError(f"{options.data}: no clip of {options.speaker} in {split}")
        return spread(own, count)

    train, tests = chosen("train", options.train_clips), chosen("test_seen", options.clips)
    train_cues, test_cues = (all_cues(options.data, store, records, options.readers) for records in (train, tests))
    print(f"{len(tests)} test clips and {len(train)} training clips of {options.speaker}\n")
    print("| cues | opening r | least | r at the best lag | cues a second |\n|---|---|---|---|---|")
    for kind, cues in train_cues.items():
        curves = [tracked_opening(store, record) for record in train]
        mouths = np.concatenate([values_at_frames(c, len(curve)) for c, curve in zip(cues, curves, strict=True)])
        openings = np.concatenate(curves)
        worth = np.array(
            [openings[mouths == m].mean() if (mouths == m).any() else openings.mean() for m in range(len(MOUTHS))]
        )
        r, best, rate = [], [], []
        for record, made in zip(tests, test_cues[kind], strict=True):
            true = tracked_opening(store, record)
            from_posteriors = worth[values_at_frames(made, len(true))]
            r.append(metrics.correlation(from_posteriors, true))
            detected = np.array(store.get(record.id, "detected"))
            best.append(metrics.best_lag(from_posteriors, true, detected, FURTHEST_LAG_FRAMES))
            rate.append(len(made) / (len(true) / MODEL_FPS))
        low, high = metrics.bootstrap_interval(r)
        print(
            f"| {kind} | {np.mean(r):.3f} [{low:.3f}, {high:.3f}] | {min(r):.2f} "
            f"| {np.mean([v for _, v in best]):.3f} ({np.mean([v for v, _ in best]) * MILLISECONDS_PER_FRAME:+.0f} ms) "
            f"| {np.mean(rate):.1f} |"
        )


if __name__ == "__main__":
    main()
