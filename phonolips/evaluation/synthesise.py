"""Make lips for every test clip, from its sound and from its text, and keep them in a store."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phonolips.corpus.layout import alignment_path
from phonolips.corpus.records import Record
from phonolips.corpus.store.shards import SHARDS
from phonolips.corpus.store.store import ArraySpec, Store, StoreWriter
from phonolips.evaluation.clips import complete_labels, padded_waveform, read_test_records, shapes_of
from phonolips.lips.curve import resample_by_phones
from phonolips.lips.rest import NATURAL
from phonolips.phones.intervals import Alignment
from phonolips.phones.inventory import NUM_PHONES, SILENCE, UNKNOWN
from phonolips.phones.posteriors import labels_to_posteriors
from phonolips.phones.textgrid import read_textgrid
from phonolips.speech.words import alignment_to_words
from phonolips.synth import verbs
from phonolips.synth.timing import predict_alignment
from phonolips.temporary import sweep
from phonolips.timebase import STEPS_PER_SECOND

if TYPE_CHECKING:
    from phonolips.model.network import Network
    from phonolips.model.speakers import LipSpeaker

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


def synthesise(data: Path, out: Path, network: "Network") -> None:
    """Make lips for every test clip from its sound and from its text; go on where a killed evaluation stopped.

    A speaker who is not in the model gets the mean speaker's style and the own mean shape.
    """
    from tqdm import tqdm

    features = Store(data / "features")
    records = [record for record in read_test_records(data, features) if features.rows(record.id, "lips")]
    shapes = shapes_of(features, records, network)
    sweep(out / "synthesis" / SHARDS)
    with StoreWriter(out / "synthesis", SYNTHESIS_ARRAYS) as store:
        for record in tqdm(records, desc="synthesis", unit="clip", dynamic_ncols=True, disable=None):
            if record.id in store:
                continue
            speaker = _speaker(features, record, shapes, network)
            store.add(record.id, *_synthesise_clip(data, features, record, speaker, network))


def _synthesise_clip(
    data: Path, features: Store, record: Record, speaker: "LipSpeaker", network: "Network"
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Make the arrays of SYNTHESIS_ARRAYS for one clip, and the lengths of its speech for the duration line."""
    frames = features.rows(record.id, "lips")
    options: dict[str, Any] = {"speaker": speaker, "network": network, "rest": NATURAL}  # as people do
    encoded = verbs.from_audio(padded_waveform(record, frames), **options)
    posteriors = encoded.need_posteriors()
    calm = verbs.from_posteriors(posteriors, lip_parameters=encoded.lip_parameters, liveliness=0, **options)
    narrow = verbs.from_posteriors(posteriors, **options)
    labels = complete_labels(features.get(record.id, "labels"), posteriors)
    from_text = verbs.from_posteriors(labels_to_posteriors(labels), **options)
    meta: dict[str, Any] = {}
    warped = np.full_like(from_text.lips, np.nan)
    alignment = read_textgrid(alignment_path(data, record.id))
    if UNKNOWN not in {phone.label for phone in alignment.phones}:
        row = network.speaker_row(record.speaker if record.speaker in network.description.speakers else None)
        predicted = predict_alignment(network, alignment_to_words(alignment), row)
        steps = round(predicted.duration * STEPS_PER_SECOND)
        spoken = verbs.from_posteriors(predicted.posteriors(steps), **options)
        warped = resample_by_phones(spoken.lips, predicted.phones, alignment.phones, frames)
        meta = {"predicted_speech_s": _speech_seconds(predicted), "true_speech_s": _speech_seconds(alignment)}
    values = {
        "audio": encoded.lips,
        "calm": calm.lips,
        "phones_only": narrow.lips,
        "text": from_text.lips,
        "predicted": warped,
        "posteriors": posteriors,
    }
    return values, meta


def _speaker(features: Store, record: Record, shapes: dict[str, np.ndarray], network: "Network") -> "LipSpeaker":
    """Take a speaker whom the model knows; of another, the own mean shape and the embedding made of it."""
    if record.speaker in network.description.speakers:
        return network.lip_speaker(record.speaker)
    mel = features.get(record.id, "mel").astype(np.float32)
    return network.unnamed_speaker(shapes[record.speaker or record.id], mel)


def _speech_seconds(alignment: Alignment) -> float:
    spoken = [phone for phone in alignment.phones if phone.label != SILENCE]
    return spoken[-1].end - spoken[0].start if spoken else 0.0
