"""Which picture of a result: one function for every kind that the command line offers."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phonolips.errors import InputError, did_you_mean
from phonolips.lips.curve import resample_lips
from phonolips.lips.measures import opening
from phonolips.show.plots.style import save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from phonolips.synth.result import Result

KINDS = ("posteriorgram", "lips", "filmstrip", "compare")
NEED_OTHER = ("compare",)
TAKE_OTHER = ("lips", "compare")


def check_kind(kind: str, *, has_other: bool) -> str:
    """Return `kind` if it can be drawn with what is given; raise InputError otherwise."""
    if kind not in KINDS:
        raise InputError(f"kind {kind!r}; expected one of {', '.join(KINDS)}{did_you_mean(kind, KINDS)}")
    if kind in NEED_OTHER and not has_other:
        raise InputError(f"kind {kind!r} needs another result to compare with; none was given")
    if has_other and kind not in TAKE_OTHER:
        raise InputError(f"kind {kind!r} takes no other result; another result goes with {' or '.join(TAKE_OTHER)}")
    return kind


def draw(result: "Result", kind: str = "posteriorgram", other: "Result | None" = None, out: Path | None = None) -> Path:
    """Draw one picture of a result and write it.

    Args:
        result: what is drawn.
        kind: `posteriorgram`; `lips` (opening and width over time, `other` as the reference); `filmstrip` (lip shapes
            above the phones); `compare` (this result against `other`).
        other: another result, of any rate, layout and length.
        out: .png, .svg or .pdf; KIND.png beside the result's lips unless given.

    Returns:
        the file.

    Raises:
        InputError: an unknown kind, `other` missing or not wanted, another ending, no posteriors, no phones.
    """
    check_kind(kind, has_other=other is not None)
    target = result.beside(f"{kind}.png") if out is None else Path(out)
    save_figure(figure(result, kind, other), target)
    result.list_files([target])
    return target


def figure(result: "Result", kind: str = "posteriorgram", other: "Result | None" = None) -> "Figure":
    """Draw one figure of a result; arguments and errors as for `draw`."""
    check_kind(kind, has_other=other is not None)
    drawn = {"posteriorgram": _posteriorgram, "lips": _lips, "filmstrip": _filmstrip, "compare": _compare}
    return drawn[kind](result, other)


def _posteriorgram(result: "Result", _: "Result | None") -> "Figure":
    from phonolips.show.plots import posteriorgram

    if result.posteriors is None:
        raise InputError(
            f"{result.name}: no posteriors.npz beside it; draw kind 'lips', or make the lips with 'phonolips synth'"
        )
    waveform = result.read_sound()
    moves = result.lip_parameters.T if result.lip_parameters is not None else ()
    return posteriorgram(
        result.posteriors,
        phones=result.alignment.phones if result.alignment else None,
        words=result.alignment.speech_words() if result.alignment else None,
        waveform=waveform,
        opening=opening(result.lips),
        fps=result.fps,
        lip_parameters=dict(zip(result.lip_parameter_names, moves, strict=True)),
    )


def _lips(result: "Result", other: "Result | None") -> "Figure":
    from phonolips.show.plots import curves

    lips = {}
    if other is not None:
        reference = other.lips
        if other.fps != result.fps:
            reference = resample_lips(np.asarray(other.lips), result.fps, other.seconds, source_fps=other.fps)
        lips["reference"] = reference
    lips["this result"] = result.lips
    source = result.alignment or (other.alignment if other is not None else None)
    return curves(
        lips,
        result.fps,
        phones=source.phones if source else None,
        words=source.speech_words() if source else None,
    )


def _filmstrip(result: "Result", _: "Result | None") -> "Figure":
    from phonolips.show.plots import filmstrip

    alignment = result.need_alignment()
    return filmstrip(result.lips, result.fps, alignment.phones, words=alignment.speech_words())


def _compare(result: "Result", other: "Result | None") -> "Figure":
    from phonolips.show.plots import comparison

    assert other is not None
    return comparison(result, other, _names(result.path, other.path))


def _names(one: Path | None, other: Path | None) -> tuple[str, str]:
    """Name two results by their folders, or by their files where the folders are called alike."""
    if one is None or other is None:
        return "first", "second"
    first, second = one, other
    for parts in ([path.resolve().parent.name for path in (first, second)], [first.stem, second.stem]):
        if parts[0] != parts[1]:
            return parts[0], parts[1]
    return "first", "second"
