"""Synthesise the test clips, score them beside the reference rows, and draw: `phonolips evaluate`.

OUT/synthesis/            Store: what the model made of every test clip
OUT/lips.csv, ears.csv    a row a clip and method; sync.csv likewise, from the sync expert
OUT/results.md            tables with 95 % intervals
OUT/*.png                 confusion matrix, curves, posteriorgrams
"""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phonolips.corpus.layout import alignment_path
from phonolips.corpus.records import Record, read_records
from phonolips.corpus.store.store import ArraySpec, Store, StoreWriter
from phonolips.errors import CorpusError, InputError, PhonolipsError
from phonolips.evaluation import metrics, report
from phonolips.evaluation.adaptation import encode_stored, unseen_speaker_rows
from phonolips.evaluation.baselines import Clip, mean_lips, standard_baselines
from phonolips.evaluation.sync import sync_table
from phonolips.model.network import load_network
from phonolips.phones.intervals import Alignment
from phonolips.phones.inventory import IGNORED_ID, NUM_PHONES, SILENCE, UNKNOWN
from phonolips.phones.textgrid import read_textgrid
from phonolips.storage import write_text
from phonolips.synth import verbs
from phonolips.timebase import MODEL_FPS, frames_to_samples

if TYPE_CHECKING:
    from phonolips.model.network import Network
    from phonolips.model.speakers import LipSpeaker
from phonolips.speech.words import alignment_to_words

log = logging.getLogger("phonolips.evaluation")
STEPS = ("synthesise", "score", "plots")
TESTS = ("test_seen", "test_unseen")
SYNTHESIS_ARRAYS = {
    "audio": ArraySpec("float32", (40, 2)),
    "calm": ArraySpec("float32", (40, 2)),
    "phones_only": ArraySpec("float32", (40, 2)),
    "text": ArraySpec("float32", (40, 2)),
    "predicted": ArraySpec("float32", (40, 2)),
    "posteriors": ArraySpec("float32", (NUM_PHONES,)),
}
ROWS = {
    "audio": "audio",
    "calm": "audio, liveliness 0",
    "phones_only": "audio, phones only",
    "text": "text, true durations",
    "predicted": "text, predicted durations",
}  # array of the synthesis -> method in the tables; the last is warped to the true phone times
ENCODER_MEASURES = (
    "phone_error_rate",
    "step_accuracy",
    "calibration_error",
    "boundary_median_ms",
    "boundary_within_20_ms",
)
PICTURED = 3  # clips drawn of each kind
REFERENCE_CLIPS = 2_000  # training clips that the reference rows learn from, at most, evenly drawn
UNNAMED = "unnamed"  # in the tables, all speakers whom nobody knows


def _test_records(data: Path, features: Store) -> list[Record]:
    records = [record for record in read_records(data / "records.jsonl", TESTS) if record.id in features]
    if not records:
        raise CorpusError(f"{data}: no test clip is prepared; see dropped*.tsv there for what was left out")
    return records


def _padded_waveform(record: Record, frames: int) -> np.ndarray:
    from phonolips.media.audio import read

    waveform = read(Path(record.audio))[: frames_to_samples(frames)]
    return np.pad(waveform, (0, frames_to_samples(frames) - len(waveform)))


def synthesise(data: Path, out: Path, network: "Network") -> None:
    """Make lips for every test clip from its sound and from its text; go on where a killed run stopped.

    A speaker who is not in the model gets the mean speaker's manner and the own mean lip as shape.
    """
    from tqdm import tqdm

    from phonolips.phones.posteriors import labels_to_posteriors

    features = Store(data / "features")
    records = [record for record in _test_records(data, features) if features.rows(record.id, "lips")]
    shapes = _mean_lips(features, records, network)
    with StoreWriter(out / "synthesis", SYNTHESIS_ARRAYS) as store:
        for record in tqdm(records, desc="synthesis", unit="clip", dynamic_ncols=True, disable=None):
            if record.id in store:
                continue
            frames = features.rows(record.id, "lips")
            options: dict[str, Any] = {
                "speaker": _speaker(features, record, shapes, network),
                "network": network,
            }
            encoded = verbs.from_audio(_padded_waveform(record, frames), **options)
            posteriors = encoded.need_posteriors()
            calm = verbs.from_posteriors(posteriors, lip_parameters=encoded.lip_parameters, liveliness=0, **options)
            narrow = verbs.from_posteriors(posteriors, **options)
            labels = complete_labels(features.get(record.id, "labels"), posteriors)
            told = verbs.from_posteriors(labels_to_posteriors(labels), **options)
            meta: dict[str, Any] = {}
            warped = np.full_like(told.lips, np.nan)
            alignment = read_textgrid(alignment_path(data, record.id))
            if UNKNOWN not in {phone.label for phone in alignment.phones}:
                row = network.speaker_row(record.speaker if record.speaker in network.description.speakers else None)
                predicted = verbs.predict_alignment(network, alignment_to_words(alignment), row)
                spoken = verbs.from_posteriors(
                    labels_to_posteriors(predicted.labels(round(predicted.duration * 100))), **options
                )
                warped = metrics.resample_by_phones(spoken.lips, predicted.phones, alignment.phones, frames)
                meta = {
                    "predicted_speech_s": _speech_seconds(predicted),
                    "true_speech_s": _speech_seconds(alignment),
                }
            values = {
                "audio": encoded.lips,
                "calm": calm.lips,
                "phones_only": narrow.lips,
                "text": told.lips,
                "predicted": warped,
                "posteriors": posteriors,
            }
            store.add(record.id, values, meta)


def complete_labels(labels: np.ndarray, posteriors: np.ndarray) -> np.ndarray:
    """Fill steps whose phone nobody told with what the ears think; int64 (steps,).

    Args:
        labels: int (steps,), IGNORED_ID where nobody told.
        posteriors: float (steps, phones), or no rows at all; a row of zeros tells nothing either.
    """
    known = labels.astype(np.int64)
    if not len(posteriors):
        return known
    return np.where((known == IGNORED_ID) & (posteriors.max(1) > 0), posteriors.argmax(1), known)


def _speaker(features: Store, record: Record, shapes: dict[str, np.ndarray], network: "Network") -> "LipSpeaker":
    """Take a speaker whom the model knows; of another, the own mean lip, and what the model makes of that."""
    if record.speaker in network.description.speakers:
        return network.lip_speaker(record.speaker)
    mel = features.get(record.id, "mel").astype(np.float32)
    return network.unnamed_speaker(shapes[record.speaker or record.id], mel)


def _speech_seconds(alignment: Alignment) -> float:
    spoken = [phone for phone in alignment.phones if phone.label != SILENCE]
    return spoken[-1].end - spoken[0].start if spoken else 0.0


def _mean_lips(features: Store, records: Iterable[Record], network: "Network") -> dict[str, np.ndarray]:
    """Take the model's mean lip of speakers it knows, and measure the others' on their own clips.

    Returns speaker -> float32 (40, 2), and of clips whose speaker has no name, clip -> float32 (40, 2).
    """
    names = network.description.speakers
    shapes = {name: network.lip_mean[row].numpy() for row, name in enumerate(names)}
    others = [
        (record.speaker or record.id, features.get(record.id, "lips"), features.get(record.id, "detected"))
        for record in records
        if record.speaker not in names
    ]
    return shapes | (mean_lips(others) if others else {})


def _clip(features: Store, clip: str, mean_lip: np.ndarray, posteriors: np.ndarray | None = None) -> Clip:
    encoded = features.get(clip, "soft").astype(np.float32) if posteriors is None else posteriors
    return Clip(
        clip,
        features.meta(clip)["speaker"] or UNNAMED,
        features.get(clip, "lips"),
        features.get(clip, "detected"),
        complete_labels(features.get(clip, "labels"), encoded),
        features.get(clip, "mel").astype(np.float32),
        mean_lip,
    )


def _reference_clips(features: Store, network: "Network") -> list[Clip]:
    """Read the training clips that the reference rows learn from."""
    from phonolips.training.lips_clips import lip_clips

    positions = lip_clips(features, "train")
    if len(positions) > REFERENCE_CLIPS:
        chosen = np.random.default_rng(1).choice(len(positions), REFERENCE_CLIPS, replace=False)
        positions = [positions[index] for index in sorted(chosen)]
        log.info("reference rows learn from %d training clips", len(positions))
    names = network.description.speakers
    clips = []
    for position in positions:
        clip = position if isinstance(position, str) else features.id_at(int(position))
        speaker = features.meta(clip)["speaker"]
        if speaker in names:
            shape = network.lip_mean[names.index(speaker)].numpy()
        else:
            shape = features.get(clip, "lips")[features.get(clip, "detected")].mean(0)
        clips.append(_clip(features, clip, shape))
    return clips


def score(data: Path, out: Path, network: "Network", *, references: bool = True) -> str:
    """Score the synthesis and the reference rows; write the tables and return them as Markdown."""
    features, made = Store(data / "features"), Store(out / "synthesis")
    records = [record for record in _test_records(data, features) if record.id in made]
    if not records:
        raise CorpusError(f"{out}: nothing synthesised yet; run 'phonolips evaluate --step synthesise' first")
    names = network.description.speakers
    shapes = _mean_lips(features, records, network)
    tests = [
        _clip(features, record.id, shapes[record.speaker or record.id], made.get(record.id, "posteriors"))
        for record in records
    ]
    told = {record.id: features.get(record.id, "labels").astype(np.int64) for record in records}
    methods: list[tuple[str, dict[str, np.ndarray]]] = [
        (title, {clip.id: np.array(made.get(clip.id, name)) for clip in tests}) for name, title in ROWS.items()
    ]
    methods += unseen_speaker_rows(network, features, [clip.id for clip in tests])
    train = _reference_clips(features, network)
    if references:
        for baseline in standard_baselines():
            log.info("reference row: %s", baseline.name)
            baseline.fit(train)
            methods.append((baseline.name, {clip.id: baseline.predict(clip) for clip in tests}))
    thresholds = _thresholds(tests, train)
    rows = []
    for title, predictions in methods:
        for clip in tests:
            predicted = predictions.get(clip.id)
            if predicted is None or not np.isfinite(predicted).all():
                continue
            scores = metrics.lip_scores(
                predicted,
                clip.lips,
                mean_lip=clip.mean_lip,
                labels=told[clip.id],
                detected=clip.detected,
                thresholds=thresholds.get(clip.speaker),
            )
            head = {"method": title, "seen": clip.speaker in names, "speaker": clip.speaker, "clip": clip.id}
            rows.append(head | scores)
    report.write_csv(rows, out / "lips.csv")
    one_word = {record.id for record in records if not record.complete}
    by_word = ""
    if one_word:
        from phonolips.evaluation.one_word import score_words

        around = [clip for clip in tests if clip.id in one_word]
        by_word = score_words(features, around, methods, [row for row in rows if row["clip"] in one_word], out)
    summaries = report.summarise(rows)
    report.write_csv(report.summary_rows(summaries), out / "lips_summary.csv")
    encoder, matrix = _score_encoder(data, features, network)
    report.write_csv(encoder, out / "encoder.csv")
    np.save(out / "confusion.npy", matrix)
    text = (
        f"# Lips\n\n{report.markdown_table(summaries)}\n\n{_duration_line(made)}\n\n"
        f"{sync_table(tests, methods, names, out / 'sync.csv')}# Encoder\n\n"
        f"{report.markdown_table(report.summarise(encoder), ENCODER_MEASURES)}\n\n{by_word}"
    )
    write_text(out / "results.md", text)
    return text


def _thresholds(tests: list[Clip], train: list[Clip]) -> dict[str, metrics.OpeningThresholds]:
    """Set every named speaker's closed and open thresholds from all the true openings there are of that speaker."""
    from phonolips.lips.measures import opening

    openings: dict[str, list[np.ndarray]] = {}
    for clip in (*tests, *train):
        if clip.speaker == UNNAMED:
            continue  # the clip's own will do
        openings.setdefault(clip.speaker, []).append(opening(clip.lips[clip.detected]))
    return {
        speaker: metrics.opening_thresholds(np.concatenate(parts).astype(np.float64))
        for speaker, parts in openings.items()
    }


def _duration_line(made: Store) -> str:
    ratios = [
        made.meta(clip)["predicted_speech_s"] / made.meta(clip)["true_speech_s"]
        for clip in made
        if made.meta(clip).get("true_speech_s")
    ]
    if not ratios:
        return ""
    return (
        f"Predicted over true length of speech: mean {np.mean(ratios):.3f}; "
        f"{np.mean(np.abs(np.array(ratios) - 1) <= 0.1):.0%} of {len(ratios)} clips within 10 %."
    )


def _encoder_clips(data: Path, features: Store, network: "Network") -> Iterator[tuple[Record, np.ndarray, np.ndarray]]:
    """Listen to the stored log-mel of every test clip: (record, posteriors, labels)."""
    import torch
    from tqdm import tqdm

    records = _test_records(data, features)
    for record in tqdm(records, desc="encoder", unit="clip", dynamic_ncols=True, disable=None):
        mel = features.get(record.id, "mel").astype(np.float32)
        with torch.inference_mode():
            posteriors = network.audio_encoder.posteriors(torch.from_numpy(mel)[None])
        yield record, posteriors[0].numpy(), features.get(record.id, "labels").astype(np.int64)


def _score_encoder(data: Path, features: Store, network: "Network") -> tuple[list[dict[str, Any]], np.ndarray]:
    from phonolips.speech.align.ctc import align_posteriors

    matrix = np.zeros((NUM_PHONES, NUM_PHONES), np.int64)
    rows = []
    for record, posteriors, labels in _encoder_clips(data, features, network):
        row: dict[str, Any] = {
            "method": "audio",
            "seen": record.split == "test_seen",
            "speaker": (record.speaker or UNNAMED) if record.video else "LibriSpeech",
            "clip": record.id,
        }
        ngram = network.audio_encoder.phone_ngram()
        row |= metrics.encoder_scores(posteriors, labels, ngram=ngram, complete=record.complete)
        matrix += metrics.confusion_matrix(labels, posteriors.argmax(1))
        truth = read_textgrid(alignment_path(data, record.id))
        try:
            if not record.complete:
                raise InputError("not all that is said is known")
            found = align_posteriors(posteriors, alignment_to_words(truth))
            errors = metrics.boundary_errors(found.phones, truth.phones)
            row |= metrics.boundary_summary(errors)
        except PhonolipsError as error:
            log.info("%s: no boundaries: %s", record.id, error)
        rows.append(row)
    return rows, matrix


def draw(data: Path, out: Path, network: "Network") -> list[Path]:
    """Draw the confusion matrix, and curves and posteriorgrams of some test clips."""
    from phonolips.lips.measures import opening
    from phonolips.show.plots import confusion, curves, label_kinds, posteriorgram
    from phonolips.show.plots.style import save_figure

    features, made = Store(data / "features"), Store(out / "synthesis")
    names = network.lip_parameters.settings.names
    files = []
    if (out / "confusion.npy").is_file():
        files.append(out / "confusion.png")
        save_figure(confusion(np.load(out / "confusion.npy")), files[-1])
    from phonolips.evaluation.one_word import draw_words

    files += draw_words(out)
    chosen: list[Record] = []
    for split in TESTS:
        chosen += [r for r in read_records(data / "records.jsonl", [split]) if r.id in made][:PICTURED]
    for record in chosen:
        alignment = read_textgrid(alignment_path(data, record.id))
        name = record.id.replace("/", "_")
        truth = features.get(record.id, "lips")
        lips = {ROWS[key]: made.get(record.id, key) for key in ("audio", "text")}
        files.append(out / f"curves_{name}.png")
        title = f"{record.id}: {record.text}"
        figure = curves({"truth": truth, **lips}, MODEL_FPS, phones=alignment.phones, title=title)
        save_figure(figure, files[-1])
        if not record.complete:
            files.append(out / f"labels_{name}.png")
            figure = label_kinds(
                features.get(record.id, "labels"),
                features.get(record.id, "soft"),
                phones=alignment.phones,
                words=alignment.words,
                window=record.words[0][1:] if record.words else None,
                waveform=_padded_waveform(record, len(truth)),
                title=f"{record.id}: {record.text}",
            )
            save_figure(figure, files[-1])
        files.append(out / f"posteriorgram_{name}.png")
        figure = posteriorgram(
            made.get(record.id, "posteriors"),
            phones=alignment.phones,
            words=alignment.speech_words(),
            waveform=_padded_waveform(record, len(truth)),
            opening=opening(made.get(record.id, "audio")),
            lip_parameters=dict(zip(names, encode_stored(network, features, record.id).lip_parameters.T, strict=True)),
            title=title,
        )
        save_figure(figure, files[-1])
    return files


def evaluate(*, data: Path, out: Path, model: Path | None = None, step: str = "all", references: bool = True) -> str:
    """Run `synthesise`, `score`, `plots`, or all of them; return what there is to print.

    Args:
        data: a prepared corpus.
        out: where tables and pictures go.
        model: a model folder; None = the one in the package.
        step: which step.
        references: score the reference rows too.

    Raises:
        InputError: an unknown step. CorpusError: no test clips. CheckpointError: no model.
    """
    if step not in (*STEPS, "all"):
        raise InputError(f"--step {step}; expected one of {', '.join((*STEPS, 'all'))}")
    network = load_network(model)
    text = ""
    if step in ("synthesise", "all"):
        synthesise(data, out, network)
        text = f"{out / 'synthesis'}\n"
    if step in ("score", "all"):
        text = score(data, out, network, references=references)
    if step in ("plots", "all"):
        text += "\n".join(str(file) for file in draw(data, out, network))
    return text
