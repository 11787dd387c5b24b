"""Draw the pictures of docs/editing.md: edited posteriors, an edited TextGrid, an edited transcript.

    python tools/release/edit_sheet.py --grid GRID --textgrids FOLDER --out docs

GRID is the corpus, FOLDER the TextGrids of its clips, such as `alignments` of a prepared corpus. Nothing of a clip is
drawn but curves.
"""

import argparse
import warnings
from pathlib import Path

from phonolips.corpus.grid import find_files, sentence_of
from phonolips.editing.edit import edit
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import PHONES, SILENCE
from phonolips.phones.textgrid import read_textgrid
from phonolips.show.plots import curves
from phonolips.show.plots.style import save_figure
from phonolips.synth import result, verbs

TEXT = "bin blue at f two now"
CLIP, CHANGED = "s1/bbaf2n", "bin red at f nine now"


def edit_posteriors() -> tuple[result.Result, result.Result]:
    """Pronounce "blee" instead of "blue", and keep the mouth open in "now": the example of the page."""
    run = verbs.from_text(TEXT, speaker="s1")
    posteriors, lip_parameters = run.posteriors.copy(), run.lip_parameters.copy()
    word = {item.label: item for item in run.alignment.speech_words()}
    steps = slice(round(word["blue"].start * 100), round(word["blue"].end * 100))
    uw, iy = PHONES.index("UW"), PHONES.index("IY")
    posteriors[steps, iy] += posteriors[steps, uw]
    posteriors[steps, uw] = 0
    frames = slice(round(word["now"].start * 25), round(word["now"].end * 25))
    lip_parameters[frames, run.lip_parameter_names.index("opening")] += 2
    return run, verbs.from_posteriors(posteriors, lip_parameters=lip_parameters, speaker="s1", alignment=run.alignment)


def stretch(alignment: Alignment, label: str, seconds: float) -> Alignment:
    """Make every phone of a word longer, in proportion, so that the word lasts `seconds` more."""
    word = next(item for item in alignment.speech_words() if item.label == label)

    def move(time: float) -> float:
        inside = min(max(time - word.start, 0.0), word.duration)
        return time + seconds * inside / word.duration

    words, phones = (
        [Interval(i.label, move(i.start), move(i.end)) for i in tier if i.label not in ("", SILENCE)]
        for tier in (alignment.words, alignment.phones)
    )
    return Alignment.build(words, phones, alignment.duration + seconds)


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grid", type=Path, required=True, help="the GRID corpus")
    parser.add_argument("--textgrids", type=Path, required=True, help="a folder with s1/bbaf2n.TextGrid")
    parser.add_argument("--out", type=Path, default=Path("docs"))
    options = parser.parse_args()
    warnings.simplefilter("ignore", PhonolipsWarning)
    before, after = edit_posteriors()
    figure = curves(
        {"as synthesised": before.lips, "posteriors and lip parameters edited": after.lips}, 25,
        phones=before.alignment.phones, words=before.alignment.speech_words(),
        title="IY instead of UW in 'blue', and 'opening' two higher in 'now'",
    )  # fmt: skip
    save_figure(figure, options.out / "editing_posteriors.png")
    longer = stretch(before.alignment, "blue", 0.2)
    slow = verbs.from_alignment(longer, speaker="s1")
    stressed = verbs.from_text(TEXT, speaker="s1", emphasis={"blue": 1.5})
    figure = curves(
        {"longer 'blue'": slow.lips, "as synthesised": before.lips, "--emphasis blue=1.5": stressed.lips}, 25,
        phones=slow.alignment.phones, words=slow.alignment.speech_words(),
        title="'blue' 0.2 s longer (the tiers shown are the edited ones)",
    )  # fmt: skip
    save_figure(figure, options.out / "editing_textgrid.png")
    video = next(
        (
            path
            for path in find_files(options.grid, (".mp4", ".mpg"))
            if path.stem == CLIP[3:] and CLIP[:2] in path.parts
        ),
        None,
    )
    if video is None:
        raise InputError(f"{options.grid}: no clip {CLIP}; give the folder with GRID's s1")
    alignment = read_textgrid(options.textgrids / f"{CLIP}.TextGrid")
    done = edit(video, " ".join(sentence_of(video.stem)), CHANGED, alignment=alignment)
    save_figure(done.figure(), options.out / "editing_transcript.png")


if __name__ == "__main__":
    main()
