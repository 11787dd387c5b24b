"""Score the synthesis of the test clips beside the reference rows, and the encoder's posteriors; write the tables."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phonolips.corpus.layout import alignment_path
from phonolips.corpus.records import Record
from phonolips.corpus.store.store import Store, declared_arrays
from phonolips.errors import CorpusError, InputError, PhonolipsError
from phonolips.evaluation import metrics, report
from phonolips.evaluation.adaptation import unseen_speaker_rows
from phonolips.evaluation.baselines import standard_baselines
from phonolips.evaluation.baselines.contract import Baseline
from phonolips.evaluation.baselines.recurrent import PlainGru
from phonolips.evaluation.clips import UNNAMED, Clip, read_clip, read_test_records, reference_clips, shapes_of
from phonolips.evaluation.one_word import score_words
from phonolips.evaluation.people import people_table
from phonolips.evaluation.sync import sync_table
from phonolips.evaluation.synthesise import ROWS
from phonolips.lips.measures import opening
from phonolips.phones.compare import boundary_errors, boundary_summary
from phonolips.phones.inventory import NUM_PHONES
from phonolips.phones.textgrid import read_textgrid
from phonolips.speech.align.ctc import align_posteriors
from phonolips.speech.words import alignment_to_words
from phonolips.storage import atomic_file, write_text

if TYPE_CHECKING:
    from phonolips.model.network import Network

log = logging.getLogger("phonolips.evaluation")
ENCODER_MEASURES = (
    "phone_error_rate",
    "step_accuracy",
    "calibration_error",
    "boundary_median_ms",
    "boundary_within_20_ms",
)
BESIDE = "beside"  # folder of what another model made
Methods = list[tuple[str, dict[str, np.ndarray]]]  # (name in the tables, clip -> lips)


def score(data: Path, out: Path, network: "Network", *, references: bool = True, gru: bool = False) -> str:
    """Score the synthesis and the reference rows; write the tables and return them as Markdown."""
    features, made = Store(data / "features"), Store(out / "synthesis")
    records = [record for record in read_test_records(data, features) if record.id in made]
    if not records:
        raise CorpusError(f"{out}: nothing synthesised yet; run 'phonolips evaluate --step synthesise' first")
    names = network.description.speakers
    shapes = shapes_of(features, records, network)
    tests = [
        read_clip(features, record.id, shapes[record.speaker or record.id], made.get(record.id, "posteriors"))
        for record in records
    ]
    train = reference_clips(features, network)
    methods: Methods = [
        (title, {clip.id: np.array(made.get(clip.id, name)) for clip in tests}) for name, title in ROWS.items()
    ]
    methods += unseen_speaker_rows(network, features, [clip.id for clip in tests])
    methods += _rows_beside(out / BESIDE, tests)
    if references or gru:
        baselines = [*(standard_baselines() if references else []), *([PlainGru()] if gru else [])]
        methods += _reference_rows(baselines, train, tests)
    known = {record.id: features.get(record.id, "labels").astype(np.int64) for record in records}
    rows = _score_lips(methods, tests, known, _thresholds(tests, train), names)
    report.write_csv(rows, out / "lips.csv")
    one_word = {record.id for record in records if not (record.complete or record.is_read)}
    by_word = ""
    if one_word:
        around = [clip for clip in tests if clip.id in one_word]
        by_word = score_words(features, around, methods, [row for row in rows if row["clip"] in one_word], out)
    summaries = report.summarise(rows)
    report.write_csv(report.summary_rows(summaries), out / "lips_summary.csv")
    text = (
        f"# Lips\n\n{people_table(rows, names)}{report.markdown_table(summaries)}\n\n{_duration_line(made)}\n\n"
        f"{sync_table(tests, methods, names, out / 'sync.csv')}# Encoder\n\n"
        f"{_encoder_table(data, out, features, network)}\n\n{by_word}"
    )
    write_text(out / "results.md", text)
    return text


def _encoder_table(data: Path, out: Path, features: Store, network: "Network") -> str:
    """Score the encoder where what is said is known, write its files, and return its table."""
    rows, matrix = _score_encoder(data, features, network)
    if not rows:
        return "Not scored: nobody transcribed these clips."
    report.write_csv(rows, out / "encoder.csv")
    with atomic_file(out / "confusion.npy") as temporary:
        np.save(temporary, matrix)
    return report.markdown_table(report.summarise(rows), ENCODER_MEASURES)


def _rows_beside(out: Path, tests: Sequence[Clip]) -> Methods:
    """Read what the model beside made of the sound of `tests`; nothing where there is none."""
    if not declared_arrays(out / "synthesis"):
        return []
    made = Store(out / "synthesis")
    return [
        (f"{ROWS[name]}, model beside", {clip.id: np.array(made.get(clip.id, name)) for clip in tests})
        for name in ("audio", "calm")
    ]


def _reference_rows(baselines: Sequence[Baseline], train: Sequence[Clip], tests: Sequence[Clip]) -> Methods:
    """Let every reference row learn from `train` and predict `tests`."""
    rows: Methods = []
    for baseline in baselines:
        log.info("reference row: %s", baseline.name)
        baseline.fit(train)
        rows.append((baseline.name, {clip.id: baseline.predict(clip) for clip in tests}))
    return rows


def _score_lips(
    methods: Methods,
    tests: Sequence[Clip],
    known: dict[str, np.ndarray],
    thresholds: dict[str, metrics.OpeningThresholds],
    seen: Sequence[str],
) -> list[dict[str, Any]]:
    """Score every method on every clip that it has finite lips of; `known` holds the labels that are not filled."""
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
                labels=known[clip.id],
                detected=clip.detected,
                thresholds=thresholds.get(clip.speaker),
            )
            head = {"method": title, "seen": clip.speaker in seen, "speaker": clip.speaker, "clip": clip.id}
            rows.append(head | scores)
    return rows


def _thresholds(tests: Sequence[Clip], train: Sequence[Clip]) -> dict[str, metrics.OpeningThresholds]:
    """Set every named speaker's closed and open thresholds from all the true openings there are of that speaker."""
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
    """Encode the stored log-mel of every test clip: (record, posteriors, labels)."""
    from tqdm import tqdm

    from phonolips.model.stream import encode_mel

    records = [record for record in read_test_records(data, features) if not record.is_read]
    for record in tqdm(records, desc="encoder", unit="clip", dynamic_ncols=True, disable=None):
        posteriors = encode_mel(network, features.get(record.id, "mel")).posteriors
        yield record, posteriors, features.get(record.id, "labels").astype(np.int64)


def _score_encoder(data: Path, features: Store, network: "Network") -> tuple[list[dict[str, Any]], np.ndarray]:
    """Score the encoder's posteriors: a row a clip, and the confusion matrix of all steps."""
    matrix = np.zeros((NUM_PHONES, NUM_PHONES), np.int64)
    rows = []
    for record, posteriors, labels in _encoder_clips(data, features, network):
        row: dict[str, Any] = {
            "method": "audio",
            "seen": record.split == "test_seen",
            "speaker": (record.speaker or UNNAMED) if record.video else "LibriSpeech",
            "clip": record.id,
        }
        ngram = network.phone_ngram()
        row |= metrics.encoder_scores(posteriors, labels, ngram=ngram, complete=record.complete)
        matrix += metrics.confusion_matrix(labels, posteriors.argmax(1))
        truth = read_textgrid(alignment_path(data, record.id))
        try:
            if not record.complete:
                raise InputError("not all that is said is known")
            found = align_posteriors(posteriors, alignment_to_words(truth), only_words=True)
            row |= boundary_summary(boundary_errors(found.phones, truth.phones))
        except PhonolipsError as error:
            log.info("%s: no boundaries: %s", record.id, error)
        rows.append(row)
    return rows, matrix
