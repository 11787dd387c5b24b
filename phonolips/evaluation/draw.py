"""Pictures of an evaluation: the confusion matrix, and curves and posteriorgrams of some test clips."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phonolips.corpus.layout import alignment_path
from phonolips.corpus.records import Record, read_records
from phonolips.corpus.store.store import Store
from phonolips.evaluation.adaptation import encode_stored
from phonolips.evaluation.clips import TESTS, padded_waveform
from phonolips.evaluation.one_word import draw_words
from phonolips.evaluation.synthesise import ROWS
from phonolips.lips.measures import opening
from phonolips.phones.textgrid import read_textgrid
from phonolips.timebase import MODEL_FPS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from phonolips.model.network import Network

PICTURED = 3  # clips drawn of each test split


def draw(data: Path, out: Path, network: "Network") -> list[Path]:
    """Draw the confusion matrix, and curves and posteriorgrams of some test clips; return the files written."""
    from phonolips.show.plots import confusion
    from phonolips.show.plots.style import save_figure

    features, made = Store(data / "features"), Store(out / "synthesis")
    files = []
    if (out / "confusion.npy").is_file():
        files.append(out / "confusion.png")
        save_figure(confusion(np.load(out / "confusion.npy")), files[-1])
    files += draw_words(out)
    for split in TESTS:
        records = [record for record in read_records(data / "records.jsonl", [split]) if record.id in made]
        for record in records[:PICTURED]:
            for kind, figure in _clip_figures(data, features, made, record, network).items():
                files.append(out / f"{kind}_{record.id.replace('/', '_')}.png")
                save_figure(figure, files[-1])
    return files


def _clip_figures(data: Path, features: Store, made: Store, record: Record, network: "Network") -> "dict[str, Figure]":
    """Draw one clip: its curves, its kinds of labels where not all that is said is known, and its posteriorgram."""
    from phonolips.show.plots import curves, label_kinds, posteriorgram

    alignment = read_textgrid(alignment_path(data, record.id))
    truth = features.get(record.id, "lips")
    waveform = padded_waveform(record, len(truth))
    lips = {ROWS[key]: made.get(record.id, key) for key in ("audio", "text")}
    title = record.id if record.is_read else f"{record.id}: {record.text}"
    figures = {"curves": curves({"truth": truth, **lips}, MODEL_FPS, phones=alignment.phones, title=title)}
    if not (record.complete or record.is_read):
        figures["labels"] = label_kinds(
            features.get(record.id, "labels"),
            features.get(record.id, "soft"),
            phones=alignment.phones,
            words=alignment.words,
            window=record.words[0][1:] if record.words else None,
            waveform=waveform,
            title=title,
        )
    names = network.lip_parameters.settings.names
    lip_parameters = encode_stored(network, features, record.id).lip_parameters
    figures["posteriorgram"] = posteriorgram(
        made.get(record.id, "posteriors"),
        phones=alignment.phones,
        words=alignment.speech_words(),
        waveform=waveform,
        opening=opening(made.get(record.id, "audio")),
        lip_parameters=dict(zip(names, lip_parameters.T, strict=True)),
        title=title,
    )
    return figures
