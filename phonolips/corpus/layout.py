"""What a prepared corpus holds, and where.

A prepared corpus is one folder:

    records.jsonl, dropped.tsv      the clips, and those left out with the reason
    lips/                           Store: lips tracked in every video
    alignments/ID.TextGrid          words and phones with their times
    centres.json                    where in the face each speaker's mouth is laid
    sound/ID.wav, sound/ID.cut.json of videos: the sound of each clip, and where each video was cut
    lags.json                       of videos: by how much the lips of each clip are late
    features/                       Store: log-mel, phones, labels and lips, on one clock

Training needs `features` alone.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from phonolips.corpus.store.shards import ArraySpec
from phonolips.lips.points import LIP_POINTS
from phonolips.phones.intervals import Alignment
from phonolips.phones.inventory import NUM_PHONES
from phonolips.phones.sounds import phones_to_ids
from phonolips.speech.mel import NUM_MELS

RECORDS = "records.jsonl"
LIPS_ARRAYS = {
    "lips": ArraySpec("float32", (LIP_POINTS, 2)),
    "detected": ArraySpec("bool", ()),
    "origin_px": ArraySpec("float64", (2,)),
    "axis_px": ArraySpec("float64", (2,)),
    "pose": ArraySpec("float32", (3,)),  # yaw, pitch, roll in degrees
}
PHONE_TIMES = "phone_times"
FEATURE_ARRAYS = {
    "mel": ArraySpec("float16", (NUM_MELS,)),
    "labels": ArraySpec("int8", ()),
    "phones": ArraySpec("int32", (3,)),  # phone id, first step, step after the last; silences too
    PHONE_TIMES: ArraySpec("float64", (4,)),  # see `phone_times`; stores of version 0.1 lack it
    "soft": ArraySpec("float16", (NUM_PHONES,)),  # encoder output for steps without a label; no rows if all have one
    "lips": ArraySpec("float32", (LIP_POINTS, 2)),
    "detected": ArraySpec("bool", ()),
}
EDGE_SECONDS = 1e-4  # a phone that starts this near to a word's start begins the word


def textgrid_path(folder: Path, clip: str) -> Path:
    """Return the path of a clip's TextGrid in a folder of alignments."""
    return Path(folder) / f"{clip}.TextGrid"


def alignment_path(corpus: Path, clip: str) -> Path:
    """Return the path of a clip's TextGrid in a prepared corpus."""
    return textgrid_path(corpus / "alignments", clip)


def phone_times(alignment: Alignment) -> np.ndarray:
    """List all phones of an alignment with their exact times, and where words begin.

    Returns:
        float64 (phones, 4), rows of phone id (IGNORED_ID for `spn`), start and end in seconds, and 1 where a word, or
        a silence between words, begins.
    """
    starts = {round(word.start / EDGE_SECONDS) for word in alignment.words}
    ids = phones_to_ids(phone.label for phone in alignment.phones)
    rows = [
        (number, phone.start, phone.end, round(phone.start / EDGE_SECONDS) in starts)
        for number, phone in zip(ids, alignment.phones, strict=True)
    ]
    return np.array(rows, np.float64).reshape(-1, 4)


def feature_arrays(declared: Mapping[str, ArraySpec] | None) -> dict[str, ArraySpec]:
    """Return the arrays of the features to be made, given those that the store declares already, or None.

    A store that version 0.1 began is finished as it was begun, without `phone_times`.
    """
    if declared is None or PHONE_TIMES in declared:
        return dict(FEATURE_ARRAYS)
    return {name: spec for name, spec in FEATURE_ARRAYS.items() if name != PHONE_TIMES}
