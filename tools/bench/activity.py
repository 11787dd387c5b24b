"""What voice activity does: how often the mouth moves to sounds that are not speech, and what it costs of speech.

    python tools/bench/activity.py --data PREPARED --out FILE [--model FOLDER] [--recordings NAME=FOLDER ...]

Every sound is made into lips with voice activity off and on. The mouth *moves* in a frame whose opening is more than a
tenth of the way from rest to the 90th percentile of speech. Phones are *silenced* in a step that has lost more than
half of the probability that the encoder gave to anything but silence.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from phonolips.corpus.records import Record, read_records
from phonolips.corpus.store.store import Store
from phonolips.errors import CorpusError
from phonolips.evaluation import metrics
from phonolips.lips.measures import opening
from phonolips.media.audio import read
from phonolips.model.network import Network, load_network
from phonolips.model.stream import encode
from phonolips.phones.inventory import NUM_PHONES, SILENCE_ID
from phonolips.storage import write_text
from phonolips.synth import verbs
from phonolips.timebase import SAMPLE_RATE, STEP_SAMPLES, STEPS_PER_FRAME
from phonolips.training import nonspeech

MOVING_SHARE = 0.1  # of the way from rest to MOVING_PERCENTILE of the opening in speech
MOVING_PERCENTILE = 90
SOUND_SECONDS = 6.0
PEAK_DB = (-30.0, -3.0)  # of the sounds, drawn for each
INSERTED_SECONDS = 2.0  # of a sound between two utterances
AWAY_SECONDS = 0.3  # from the words; what is nearer is the words' own movement
PAUSE_SECONDS = 0.4  # of the pauses in which breaths are looked for
BREATH_NEPERS = 2.3  # power of a breath over the clip's quietest steps, 10 dB
QUIETEST_PERCENTILE = 5
CROWD = 20  # voices
GRID_SPEAKER = "s1"
SEED = 2024  # not the training's

Sound = Callable[[np.random.Generator, int], np.ndarray]


def seconds_of(samples: int) -> np.ndarray:
    """Return the time of every sample."""
    return np.arange(samples) / SAMPLE_RATE


def partials(
    hertz: Sequence[float] | np.ndarray, samples: int, amplitudes: Sequence[float] | None = None
) -> np.ndarray:
    """Sum sines."""
    loud = amplitudes or [1.0] * len(hertz)
    return sum(a * np.sin(2 * np.pi * f * seconds_of(samples)) for a, f in zip(loud, hertz, strict=True))  # type: ignore[return-value]


def dtmf(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Dial a number."""
    sound = np.zeros(samples)
    for start in range(0, samples - 3200, 3200):
        pair = [rng.choice([697, 770, 852, 941]), rng.choice([1209, 1336, 1477])]
        sound[start : start + 1600] = partials(pair, 1600)
    return sound


def ringing(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Ring a telephone: 440 and 480 Hz, 0.4 s and 0.2 s of pause, and again."""
    on = seconds_of(samples) % 1.2 < 0.4
    return partials([440, 480], samples) * on * (1 + np.sign(np.sin(2 * np.pi * 20 * seconds_of(samples))))


def glissando(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Slide up and down three octaves."""
    pitch = 110 * 2 ** (1.5 + 1.5 * np.sin(2 * np.pi * seconds_of(samples) / rng.uniform(1, 4)))
    return np.sin(2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE)


def violin(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Bow long notes with vibrato through the resonances of a body."""
    from scipy.signal import iirpeak, lfilter

    notes = np.repeat(196 * 2 ** (rng.integers(0, 20, 12) / 12), -(-samples // 12))[:samples]
    pitch = notes * (1 + 0.008 * np.sin(2 * np.pi * 5.5 * seconds_of(samples)))
    saw = 2 * (np.cumsum(pitch) / SAMPLE_RATE % 1) - 1
    return sum(lfilter(*iirpeak(f, 4, SAMPLE_RATE), saw) for f in (290, 480, 1000, 2700)) + 0.1 * saw


def piano(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Strike chords of stiff strings that die away."""
    sound = np.zeros(samples)
    for start in range(0, samples, int(rng.choice([4000, 8000]))):
        size = samples - start
        for key in rng.integers(-20, 16, 3):
            base = 440 * 2 ** (key / 12)
            for n in range(1, 9):
                f = n * base * np.sqrt(1 + 0.0004 * n * n)
                if f < SAMPLE_RATE / 2:
                    sound[start:] += partials([f], size) * np.exp(-seconds_of(size) * (1 + 0.6 * n)) / n
    return sound


def drum_loop(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Play kick, snare and hat, eight to the bar."""
    sound, beat = np.zeros(samples), int(rng.uniform(0.2, 0.35) * SAMPLE_RATE)
    for number, start in enumerate(range(0, samples, beat)):
        times = seconds_of(min(beat, samples - start))
        noise = rng.normal(size=len(times))
        hit = 0.2 * np.diff(noise, prepend=0) * np.exp(-times / 0.02)
        if number % 4 == 0:
            hit = hit + np.sin(2 * np.pi * (50 * times - 4 * np.exp(-times / 0.03))) * np.exp(-times / 0.12)
        if number % 4 == 2:
            hit = hit + 0.4 * noise * np.exp(-times / 0.06)
        sound[start : start + len(times)] += hit
    return sound


def breathing(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Breathe: noise of 400 to 3000 Hz that swells and falls once a second or so."""
    from scipy.signal import butter, sosfilt

    low, high = rng.uniform(250, 600), rng.uniform(2000, 4500)
    noise = sosfilt(butter(2, (low, high), "bandpass", fs=SAMPLE_RATE, output="sos"), rng.normal(size=samples))
    return noise * np.sin(np.pi * seconds_of(samples) / rng.uniform(0.5, 2.0)) ** 2


def clapping(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Clap."""
    sound = np.zeros(samples)
    for start in rng.integers(0, samples - 1600, 12):
        sound[start : start + 1600] += rng.normal(size=1600) * np.exp(-seconds_of(1600) / rng.uniform(0.004, 0.02))
    return sound


def chord(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Hold a chord of an organ."""
    base = rng.uniform(80, 400)
    return partials([base * r * n for r in (1, 1.26, 1.5) for n in (1, 2, 4)], samples)


def whistle(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Whistle a tune."""
    pitch = np.repeat(rng.uniform(800, 2500, 15), -(-samples // 15))[:samples]
    pitch = np.convolve(pitch, np.ones(800) / 800, "same")
    return np.sin(2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE) + 0.02 * rng.normal(size=samples)


def sine(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Make a sine of 80 to 5000 Hz."""
    return partials([float(np.exp(rng.uniform(np.log(80), np.log(5000))))], samples)


def square(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Make a square wave of 60 to 1500 Hz."""
    return np.sign(sine(np.random.default_rng(rng.integers(1000)), samples)) if samples else np.zeros(0)


# Made here, with other code than the training's.
KINDS: dict[str, Sound] = {
    "breathing, 400 to 3000 Hz": breathing,
    "sine": sine,
    "square wave": square,
    "glissando": glissando,
    "organ chord": chord,
    "piano-like": piano,
    "violin-like": violin,
    "whistling": whistle,
    "drum loop": drum_loop,
    "clapping": clapping,
    "telephone ringing": ringing,
    "dialling (DTMF)": dtmf,
    "white noise": lambda rng, samples: nonspeech.coloured_noise(rng, samples, 0.0),
    "pink noise": lambda rng, samples: nonspeech.coloured_noise(rng, samples, 1.0),
    "brown noise": lambda rng, samples: nonspeech.coloured_noise(rng, samples, 2.0),
    "mains hum": lambda rng, samples: partials([50, 100, 150, 250], samples, [1, 0.6, 0.4, 0.2]),
    "digital silence": lambda rng, samples: np.zeros(samples),
}


class Made(NamedTuple):
    """What one sound became with voice activity off and on: posteriors and openings (off, on)."""

    posteriors: tuple[np.ndarray, np.ndarray]
    openings: tuple[np.ndarray, np.ndarray]

    def silenced(self, where: np.ndarray) -> tuple[int, int]:
        """Count the steps of `where` whose phones are silenced, and all of `where`."""
        raw, kept = (1 - part[: len(where), SILENCE_ID] for part in self.posteriors)
        return int((where & (kept < 0.5 * raw)).sum()), int(where.sum())


class Bench:
    """A model, and where its mouth counts as moving."""

    def __init__(self, network: Network, speaker: str | None = None) -> None:
        self.network, self.speaker = network, speaker
        silence = np.eye(NUM_PHONES, dtype=np.float32)[np.full(400, SILENCE_ID)]
        lips = verbs.from_posteriors(silence, network=network, speaker=speaker, rest="natural").lips
        self.rest = float(np.median(opening(lips)))
        self.threshold = np.inf

    def make(self, waveform: np.ndarray, *, lips: bool = True) -> Made:
        """Make lips of a sound, with voice activity off and on; or only posteriors."""
        both: list[tuple[np.ndarray, np.ndarray]] = []
        for on in (False, True):
            parts = list(encode(self.network, iter([waveform.astype(np.float32)]), voice_activity=on))
            posteriors = np.concatenate([part.posteriors for part in parts])
            if not lips:
                both.append((posteriors, np.zeros(0)))
                continue
            moves = np.concatenate([part.lip_parameters for part in parts])
            shown = verbs.from_posteriors(
                posteriors, lip_parameters=moves, network=self.network, speaker=self.speaker, rest="natural"
            ).lips
            both.append((posteriors, opening(shown)))
        posteriors, openings = zip(*both, strict=True)
        return Made(posteriors, openings)  # type: ignore[arg-type]

    def set_threshold(self, openings: np.ndarray) -> None:
        """Set from speech how far the mouth must open to count as moving."""
        self.threshold = self.rest + MOVING_SHARE * (float(np.percentile(openings, MOVING_PERCENTILE)) - self.rest)

    def moving(self, made: Sequence[Made], where: Sequence[np.ndarray] | None = None) -> tuple[float, float]:
        """Compute the share of frames in which the mouth moves, off and on; of the frames `where`, if given."""
        shares = []
        for on in (0, 1):
            parts = [
                m.openings[on] if where is None else m.openings[on][w] for m, w in zip(made, where or made, strict=True)
            ]
            shares.append(float((np.concatenate(parts) > self.threshold).mean()))
        return shares[0], shares[1]


class Clip(NamedTuple):
    """A test utterance, cut to its labels."""

    record: Record
    waveform: np.ndarray
    labels: np.ndarray
    sex: str


def load_clip(record: Record, features: Store) -> Clip:
    """Read a clip's sound, cut or filled up to its labels; and the sex of its speaker, where a table has it."""
    labels = features.get(record.id, "labels").astype(np.int64)
    waveform = read(Path(record.audio))[: len(labels) * STEP_SAMPLES]
    table = Path(record.audio).parents[2] / "transcripts.tsv"
    sex = ""
    if table.is_file():
        rows = [line.split("\t") for line in table.read_text(encoding="utf-8").splitlines()]
        named = (
            {row[rows[0].index("speaker")]: row[rows[0].index("sex")] for row in rows[1:]} if "sex" in rows[0] else {}
        )
        sex = named.get(record.speaker, "")
    return Clip(record, np.pad(waveform, (0, len(labels) * STEP_SAMPLES - len(waveform))), labels, sex)


def mix(clip: Clip, noise: np.ndarray, ratio_db: float) -> np.ndarray:
    """Lay noise over a clip at a ratio of the powers where somebody speaks."""
    speech = np.repeat(clip.labels > SILENCE_ID, STEP_SAMPLES)
    ratio = np.mean(clip.waveform[speech] ** 2) / max(1e-12, np.mean(noise**2)) / 10 ** (ratio_db / 10)
    mixed = clip.waveform + np.sqrt(ratio) * noise
    return (mixed / max(1.0, float(np.abs(mixed).max()))).astype(np.float32)


def conditions() -> dict[str, Callable[[Clip, np.random.Generator], np.ndarray]]:
    """Name what is done to the speech."""
    made: dict[str, Callable[[Clip, np.random.Generator], np.ndarray]] = {"as it is": lambda clip, rng: clip.waveform}
    for level in (-20, -40, -60):
        made[f"{level} dB"] = lambda clip, rng, level=level: clip.waveform * np.float32(10 ** (level / 20))  # type: ignore[misc]
    for name in ("white noise", "pink noise", "piano-like", "drum loop"):
        for ratio in (10, 5, 0):
            made[f"{name}, {ratio} dB"] = lambda clip, rng, name=name, ratio=ratio: mix(  # type: ignore[misc]
                clip, KINDS[name](rng, len(clip.waveform)), ratio
            )
    return made


def sounds_table(bench: Bench, clips: Sequence[Clip], each: int) -> list[str]:
    """Measure how often the mouth moves to what is no speech, kind by kind."""
    lines = ["| sound | seconds | mouth moves, off | on |", "|---|---|---|---|"]

    def row(name: str, waves: Sequence[np.ndarray]) -> None:
        made = [bench.make(wave) for wave in waves]
        off, on = bench.moving(made)
        lines.append(f"| {name} | {sum(map(len, waves)) / SAMPLE_RATE:.0f} | {off:.3f} | {on:.3f} |")
        print(lines[-1], flush=True)

    def draw(make: Sound) -> list[np.ndarray]:
        waves = []
        for number in range(each):
            rng = np.random.default_rng((SEED, number))
            sound = make(rng, int(SOUND_SECONDS * SAMPLE_RATE))
            waves.append(sound / max(1e-9, float(np.abs(sound).max())) * 10 ** (rng.uniform(*PEAK_DB) / 20))
        return waves

    for name, make in KINDS.items():
        row(name, draw(make))
    for name, make in nonspeech.FAMILIES.items():
        row(f"*{name}*", draw(make))
    row(f"a crowd of {CROWD}", draw(lambda rng, samples: crowd(clips, rng, samples)))
    return lines


def crowd(clips: Sequence[Clip], rng: np.random.Generator, samples: int) -> np.ndarray:
    """Let many people talk at once."""
    chosen = [clips[i].waveform for i in rng.choice(len(clips), CROWD)]
    return sum(np.resize(np.roll(w / max(1e-9, float(w.std())), rng.integers(len(w))), samples) for w in chosen)  # type: ignore[return-value]


def away_from_words(labels: np.ndarray, frames: int) -> np.ndarray:
    """Mark the frames that are further than AWAY_SECONDS from any word."""
    width = 2 * round(AWAY_SECONDS * 100) + 1
    near = np.convolve(labels != SILENCE_ID, np.ones(width))[width // 2 : width // 2 + len(labels)] > 0
    marked = ~near[: len(near) // STEPS_PER_FRAME * STEPS_PER_FRAME].reshape(-1, STEPS_PER_FRAME).any(1)
    return np.pad(marked[:frames], (0, max(0, frames - len(marked))))


def breath_frames(clip: Clip, *, loud: bool = True) -> np.ndarray:
    """Mark the frames of long pauses that are louder than a clip's quietest steps, or those that are not."""
    power = np.log((clip.waveform.reshape(-1, STEP_SAMPLES).astype(np.float64) ** 2).mean(1) + 1e-10)
    sounding = power > np.percentile(power, QUIETEST_PERCENTILE) + BREATH_NEPERS
    silent = np.concatenate([[0], (clip.labels == SILENCE_ID).astype(int), [0]])
    edges = np.flatnonzero(np.diff(silent))
    wanted = np.zeros(len(clip.labels), bool)
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if end - start >= PAUSE_SECONDS * 100 and start > 0 and end < len(clip.labels):
            wanted[start + 10 : end - 10] = True  # 0.1 s from the words, about which the aligner may err
    both = (wanted & (sounding == loud))[: len(wanted) // STEPS_PER_FRAME * STEPS_PER_FRAME]
    marked: np.ndarray = both.reshape(-1, STEPS_PER_FRAME).mean(1) > 0.5
    return marked


def pauses_table(bench: Bench, clips: Sequence[Clip], breathers: Sequence[Clip]) -> list[str]:
    """Measure the mouth in real breaths, and in sounds between two utterances."""
    lines = [
        "| what lies between words | seconds | mouth moves, off | on | phones found, off | on |",
        "|---|---|---|---|---|---|",
    ]

    def row(name: str, made: Sequence[Made], where: Sequence[np.ndarray]) -> None:
        off, on = bench.moving(made, where)
        shares = []
        for posteriors in zip(*(m.posteriors for m in made), strict=True):
            phones = [(p[:, SILENCE_ID] < 0.5).reshape(-1, STEPS_PER_FRAME).any(1) for p in posteriors]
            shares.append(np.concatenate([p[w] for p, w in zip(phones, where, strict=True)]).mean())
        lines.append(
            f"| {name} | {sum(w.sum() for w in where) / 25:.0f} | {off:.3f} | {on:.3f} | {shares[0]:.3f} | "
            f"{shares[1]:.3f} |"
        )
        print(lines[-1], flush=True)

    heard = [clip for clip in breathers if breath_frames(clip).any()]
    whole = [bench.make(clip.waveform) for clip in heard]
    for name, loud in (
        ("real breaths and other sounds in pauses of LibriSpeech", True),
        ("the quiet around them", False),
    ):
        marked = [breath_frames(clip, loud=loud) for clip in heard]
        row(name, whole, [np.pad(w, (0, len(m.openings[0]) - len(w))) for w, m in zip(marked, whole, strict=True)])
    samples = int(INSERTED_SECONDS * SAMPLE_RATE)
    for name in ("breathing, 400 to 3000 Hz", "sine", "piano-like", "drum loop", "white noise", "digital silence"):
        made, where = [], []
        for number, (one, other) in enumerate(zip(clips[::2], clips[1::2], strict=False)):
            rng = np.random.default_rng((SEED, number))
            sound = KINDS[name](rng, samples)
            sound = sound / max(1e-9, float(np.abs(sound).max())) * np.abs(one.waveform).max() / 2
            made.append(bench.make(np.concatenate([one.waveform, sound, other.waveform])))
            labels = np.concatenate([one.labels, np.zeros(samples // STEP_SAMPLES, np.int64), other.labels])
            inserted = np.zeros(len(labels), np.int64) + 1
            inserted[len(one.labels) : len(one.labels) + samples // STEP_SAMPLES] = SILENCE_ID
            both = np.where(inserted == SILENCE_ID, labels, 1)
            where.append(away_from_words(both, len(made[-1].openings[0])))
        row(f"{name}, {INSERTED_SECONDS:.0f} s", made, where)
    return lines


def speech_table(bench: Bench, clips: Sequence[Clip], features: Store) -> list[str]:
    """Measure what is lost of speech, condition by condition."""
    lines = [
        "| speech | clips | phones silenced | phone error rate, off | on | opening r, off | on |",
        "|---|---|---|---|---|---|---|",
    ]
    groups = {
        "LibriSpeech": [c for c in clips if not c.record.video],
        "its women": [c for c in clips if c.sex == "F"],
        "its men": [c for c in clips if c.sex == "M"],
        GRID_SPEAKER: [c for c in clips if c.record.video and c.record.speaker == GRID_SPEAKER],
        "other GRID speakers": [c for c in clips if c.record.video and c.record.speaker != GRID_SPEAKER],
    }
    for group, chosen in groups.items():
        for condition, change in conditions().items():
            if not chosen or (condition != "as it is" and group not in ("LibriSpeech", GRID_SPEAKER)):
                continue
            lines.append(f"| {group}, {condition} | {len(chosen)} | {speech_cells(bench, chosen, change, features)} |")
            print(lines[-1], flush=True)
    return lines


def speech_cells(
    bench: Bench, clips: Sequence[Clip], change: Callable[[Clip, np.random.Generator], np.ndarray], features: Store
) -> str:
    """Make the cells of one row of `speech_table`."""
    silenced, total, errors, phones = 0, 0, np.zeros(2), np.zeros(2)
    correlations: list[tuple[float, float]] = []
    ngram = bench.network.phone_ngram()
    for number, clip in enumerate(clips):
        speaker = clip.record.speaker if clip.record.speaker in bench.network.description.speakers else None
        bench.speaker = speaker
        made = bench.make(change(clip, np.random.default_rng((SEED, number))), lips=bool(clip.record.video))
        lost, said = made.silenced(clip.labels > SILENCE_ID)
        silenced, total = silenced + lost, total + said
        for on, posteriors in enumerate(made.posteriors):
            row = metrics.encoder_scores(
                posteriors[: len(clip.labels)], clip.labels, ngram=ngram, complete=clip.record.complete
            )
            errors[on] += row["phone_errors"]
            phones[on] += row["phone_total"]
        if clip.record.video and features.rows(clip.record.id, "lips"):
            true = opening(np.array(features.get(clip.record.id, "lips")))
            both = [np.corrcoef(true[: len(o)], o[: len(true)])[0, 1] for o in made.openings]
            correlations.append((float(both[0]), float(both[1])))
    bench.speaker = None
    rates = errors / np.maximum(1, phones)
    r = [f"{value:.4f}" for value in np.mean(correlations, 0)] if correlations else ["–", "–"]
    return f"{silenced / max(1, total):.4%} | {rates[0]:.4f} | {rates[1]:.4f} | {r[0]} | {r[1]}"


def recordings_table(bench: Bench, folders: Sequence[str]) -> list[str]:
    """Measure recordings: how often the mouth moves, and how much of the phones that the encoder finds is silenced."""
    lines = ["| recordings | files | seconds | mouth moves, off | on | phones silenced |", "|---|---|---|---|---|---|"]
    for named in folders:
        name, _, folder = named.partition("=")
        files = sorted(
            p for p in Path(folder).iterdir() if p.suffix in (".wav", ".flac", ".mp4", ".oga", ".ogg", ".opus")
        )
        if not files:
            raise CorpusError(f"--recordings {named}: no recording in {folder}")
        made, seconds, lost, found = [], 0.0, 0, 0
        for file in files:
            waveform = read(file)
            made.append(bench.make(waveform))
            seconds += len(waveform) / SAMPLE_RATE
            raw = made[-1].posteriors[0]
            some = made[-1].silenced(raw.argmax(1) != SILENCE_ID)
            lost, found = lost + some[0], found + some[1]
        off, on = bench.moving(made)
        lines.append(f"| {name} | {len(files)} | {seconds:.0f} | {off:.3f} | {on:.3f} | {lost / max(1, found):.2%} |")
        print(lines[-1], flush=True)
    return lines


def choose(records: list[Record], most: int) -> list[Record]:
    """Take at most so many, evenly."""
    return records if len(records) <= most else [records[i * len(records) // most] for i in range(most)]


def run(data: Path, model: Path | None, each: int, utterances: int, folders: Sequence[str]) -> str:
    """Measure everything; return the tables as Markdown."""
    network, features = load_network(model), Store(data / "features")
    records = [r for r in read_records(data / "records.jsonl") if r.id in features and r.split.startswith("test")]
    unseen = choose([r for r in records if not r.video], utterances)
    if not unseen:
        raise CorpusError(f"{data}: no unseen LibriSpeech utterance is prepared")
    clips = [load_clip(record, features) for record in [*unseen, *(r for r in records if r.video)]]
    spoken = [clip for clip in clips if not clip.record.video]
    bench = Bench(network)
    bench.set_threshold(np.concatenate([bench.make(clip.waveform).openings[0] for clip in spoken]))
    breathers = [load_clip(record, features) for record in records if not record.video]
    parts = [
        sounds_table(bench, spoken, each),
        pauses_table(bench, spoken, breathers),
        speech_table(bench, clips, features),
    ]
    if folders:
        parts.append(recordings_table(bench, folders))
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a prepared corpus")
    parser.add_argument("--model", type=Path, help="a model folder; default: the one in the package")
    parser.add_argument("--out", type=Path, help="where to write the tables")
    parser.add_argument("--each", type=int, default=10, help="sounds of each kind")
    parser.add_argument("--utterances", type=int, default=60, help="of unseen LibriSpeech speakers")
    parser.add_argument("--recordings", action="append", default=[], help="NAME=FOLDER with sounds; may be repeated")
    options = parser.parse_args()
    text = run(options.data, options.model, options.each, options.utterances, options.recordings)
    if options.out:
        write_text(options.out, text)
    print(text, end="")


if __name__ == "__main__":
    main()
