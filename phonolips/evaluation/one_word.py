"""The part of an evaluation for clips around one known word (LRW): word by word, and what a lip reader reads.

OUT/lip_reader/           a word classifier on lips, trained on the true lips of the training clips
OUT/reader.csv            what it read, a row a clip and method
OUT/words.csv, words.md   every measure word by word and split by split
OUT/words_audio.png, reader.png
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from phonolips.corpus.store.store import Store
from phonolips.evaluation import reading, report, words
from phonolips.evaluation.clips import Clip
from phonolips.training.reader import train_reader_on_store
from phonolips.training.reader_clips import ReaderClip, word_of
from phonolips.training.reader_network import load_reader

log = logging.getLogger("phonolips.evaluation")
READER = "lip_reader"
TRUTH = "truth"


def score_words(
    features: Store,
    tests: Sequence[Clip],
    methods: Sequence[tuple[str, Mapping[str, np.ndarray]]],
    rows: Sequence[Mapping[str, Any]],
    out: Path,
) -> str:
    """Read every method's lips, write the tables into `out`, and return them as Markdown.

    Args:
        features: the prepared corpus, from whose training clips without a named speaker the reader learns.
        tests: the test clips around one word.
        methods: (name, clip -> lips), as in the other tables.
        rows: the scores of these clips, one a clip and method.
        out: folder.
    """
    reader = train_reader_on_store(features, out / READER, speaker="")
    clips = [ReaderClip(clip.id, word_of(clip.id), clip.lips) for clip in tests]
    known = [clip for clip in clips if clip.word in reader.words]
    if len(known) < len(clips):
        log.info("lip reader: %d test clips of words without training clips are left out", len(clips) - len(known))
    everything = {TRUTH: {clip.id: clip.lips for clip in known}} | dict(methods)
    found = reading.score_reader(reader, known, everything)
    report.write_csv(found, out / "reader.csv")
    table = reading.reader_table(reader, found, homophenes=reading.viseme_words(reader.words))
    joined = words.add_reader_scores(rows, found)
    words.write_word_tables(joined, out)
    return (
        f"# Lip reader\n\n{len(reader.words)} words; trained on true lips\n\n{reading.reader_markdown(table)}\n\n"
        f"# Words\n\nAll of them: words.csv\n\n{(out / 'words.md').read_text(encoding='utf-8')}\n"
    )


def draw_words(out: Path) -> list[Path]:
    """Draw the tables of `score_words` that lie in `out`: words by score, and which words are read as which."""
    import csv

    from phonolips.show.plots.style import save_figure

    if not (out / "words.csv").is_file():
        return []
    with (out / "words.csv").open(encoding="utf-8", newline="") as file:
        table = [{name: _number(value) for name, value in row.items()} for row in csv.DictReader(file)]
    with (out / "reader.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    reader = load_reader(out / READER)
    save_figure(
        words.word_figure(table, method="audio", title="Lips from sound, word by word"), out / "words_audio.png"
    )
    alike = reading.viseme_words(reader.words)
    figure = reading.confusion_figure(
        found, reader.words, [TRUTH, "audio"], homophenes=alike, title="Which words were read"
    )
    save_figure(figure, out / "reader.png")
    return [out / "words_audio.png", out / "reader.png"]


def _number(value: str) -> Any:
    try:
        return float(value or "nan")
    except ValueError:
        return value
