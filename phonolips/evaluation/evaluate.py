"""Synthesise the test clips, score them beside the reference rows, and draw: `phonolips evaluate`.

OUT/synthesis/                Store: what the model made of every test clip; OUT/beside/ likewise, of another model
OUT/lips.csv, encoder.csv     a row a clip and method; sync.csv likewise, from the sync expert
OUT/results.md                tables with 95 % intervals
OUT/*.png                     confusion matrix, curves, posteriorgrams
"""

from pathlib import Path

from phonolips.errors import InputError
from phonolips.evaluation.draw import draw
from phonolips.evaluation.score import BESIDE, score
from phonolips.evaluation.synthesise import synthesise
from phonolips.model.network import Network, load_network

STEPS = ("synthesise", "score", "plots")


def evaluate(
    *,
    data: Path,
    out: Path,
    network: Network | None = None,
    step: str = "all",
    references: bool = True,
    beside: Network | None = None,
    gru: bool = False,
) -> str:
    """Do the steps `synthesise`, `score` and `plots`, or one of them; return what there is to print.

    Args:
        data: a prepared corpus.
        out: where tables and pictures go.
        network: a loaded model; None = the one in the package.
        step: which step.
        references: score the reference rows too.
        beside: another model, scored in the same tables; such as the one that this was trained from.
        gru: train the plain GRU as a reference row too, which takes minutes.

    Raises:
        InputError: an unknown step. CorpusError: no test clips. CheckpointError: no model.
    """
    if step not in (*STEPS, "all"):
        raise InputError(f"step {step!r}; expected one of {', '.join((*STEPS, 'all'))}")
    network = network or load_network()
    text = ""
    if step in ("synthesise", "all"):
        synthesise(data, out, network)
        if beside is not None:
            synthesise(data, out / BESIDE, beside)
        text = f"{out / 'synthesis'}\n"
    if step in ("score", "all"):
        text = score(data, out, network, references=references, gru=gru)
    if step in ("plots", "all"):
        text += "\n".join(str(file) for file in draw(data, out, network))
    return text
