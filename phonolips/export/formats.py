"""What other programs read: one small writer a format, all of them from a Result.

from phonolips.export import export
from phonolips.synth.folder import read_result
export(read_result(Path("demo")), ["rhubarb-tsv", "arkit"])
"""

import importlib
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from phonolips.errors import InputError, PhonolipsWarning, did_you_mean
from phonolips.timebase import FrameRate

if TYPE_CHECKING:
    from phonolips.synth.result import Result

ALL = "all"
PHONES, WORDS, EITHER = "phones", "words", "phones or posteriors"


class Format(NamedTuple):
    """One format: what it is, the file beside lips.npz, and who writes it.

    Args:
        summary: what it is, for people.
        file: name of the file.
        writer: "module:function" in this package, called as function(result, path, **options).
        options: which of `fps`, `viseme_set` and `targets` the writer takes.
        needs: what a result must have beside lips: "phones", "words", "phones or posteriors", or "".
        suffixes: endings that the writer knows beside that of `file`.
    """

    summary: str
    file: str
    writer: str
    options: tuple[str, ...] = ()
    needs: str = ""
    suffixes: tuple[str, ...] = ()


FORMATS: dict[str, Format] = {
    "rhubarb-tsv": Format(
        "mouth cues A to H and X, as Rhubarb Lip Sync writes them", "rhubarb.tsv", "rhubarb:write_tsv"
    ),
    "rhubarb-xml": Format("the same cues as XML", "rhubarb.xml", "rhubarb:write_xml"),
    "rhubarb-json": Format("the same cues as JSON", "rhubarb.json", "rhubarb:write_json"),
    "rhubarb-dat": Format(
        "the same cues by frame, for Moho and OpenToonz", "rhubarb.dat", "rhubarb:write_dat", ("fps",)
    ),
    "visemes-oculus": Format(
        "weights of the 15 Oculus visemes a frame, and cues",
        "visemes-oculus.json",
        "visemes:write_oculus",
        ("fps",),
        EITHER,
    ),
    "visemes": Format(
        "the same for your own visemes, or our twelve",
        "visemes.json",
        "visemes:write_visemes",
        ("fps", "viseme_set"),
        EITHER,
    ),
    "arkit": Format("ARKit's mouth and jaw blendshapes a frame", "arkit.json", "arkit:write_arkit_json", ("fps",)),
    "arkit-csv": Format("the same as Live Link Face writes it", "arkit.csv", "arkit:write_arkit_csv", ("fps",)),
    "gltf": Format(
        "lips as an animated mesh with morph targets", "lips.gltf", "gltf:write_gltf", ("fps", "targets"), "", (".glb",)
    ),
    "textgrid": Format(
        "words, phones, confidence and mouth cues, for Praat", "tiers.TextGrid", "tables:write_tiers", (), PHONES
    ),
    "json": Format("words, phones and lips", "phones.json", "tables:write_json", ("fps",)),
    "csv": Format("a row a frame: opening, width, phone, points", "lips.csv", "tables:write_csv", ("fps",)),
    "srt": Format("the words as subtitles", "subtitles.srt", "subtitles:write_srt", (), WORDS),
    "srt-words": Format("a subtitle a word", "words.srt", "subtitles:write_srt_words", (), WORDS),
}


def check_names(names: str | Sequence[str]) -> list[str]:
    """Return the formats named, each once: a list, or a text such as "rhubarb-tsv,arkit"; "all" names all.

    Raises:
        InputError: nothing named, or a format that is not known.
    """
    wanted = _split(names)
    unknown = [name for name in wanted if name != ALL and name not in FORMATS]
    if unknown or not wanted:
        found = f"format {unknown[0]!r} is not known" if unknown else "no format named"
        near = did_you_mean(unknown[0], (*FORMATS, ALL)) if unknown else ""
        raise InputError(f"{found}; expected some of {', '.join((*FORMATS, ALL))}, with commas between them{near}")
    return list(FORMATS) if ALL in wanted else list(dict.fromkeys(wanted))


def check_out(names: str | Sequence[str], out: Path | None) -> Path | None:
    """Return `out` if these formats can be written there: a folder, or for one format a file of its kind.

    Raises:
        InputError: a file where a folder is needed, or a file name with another ending.
    """
    wanted = check_names(names)
    if out is None or out.is_dir() or _is_file_for(wanted, out):
        return out
    if out.exists():
        raise InputError(f"{out}: is a file; expected a folder for {', '.join(wanted)}")
    if len(wanted) == 1 and out.suffix:
        endings = " or ".join(_suffixes(FORMATS[wanted[0]]))
        raise InputError(f"{out}: expected a folder, or for {wanted[0]} a file name ending in {endings}")
    return out


def export(
    result: "Result",
    names: str | Sequence[str],
    out: Path | None = None,
    *,
    fps: FrameRate | None = None,
    viseme_set: Path | None = None,
    targets: Sequence[str] | None = None,
) -> list[Path]:
    """Write lips, phones and words in the formats of other programs.

    Names, options and what the result holds are checked before the first file is written. With "all", formats that
    this result has not got the material for (subtitles without words, say) are left out with a warning.

    Args:
        result: what `read_result` returns.
        names: formats, as for `check_names`.
        out: a folder, made if it is not there, or for one format the file; None = beside lips.npz.
        fps: rate of the frames that are written; None = that of the lips, and 24 for rhubarb-dat. Formats in
            seconds have none.
        viseme_set: a YAML file with visemes of your own, for `visemes`.
        targets: names of morph targets, for `gltf`.

    Returns:
        the files.

    Raises:
        InputError: a format that is not known, options that do not fit, or lips without what a format needs.
    """
    wanted = check_names(names)
    check_out(names, out)
    given: dict[str, Any] = {"fps": fps, "viseme_set": viseme_set, "targets": targets}
    _check_options(wanted, given)
    folder = result.beside("lips.npz").parent if out is None else out
    is_file = out is not None and _is_file_for(wanted, out)
    attempt = _attempt_or_warn if ALL in _split(names) else _attempt
    written: list[Path] = []
    for name in [name for name in wanted if attempt(name, partial(_check_material, result, FORMATS[name]))]:
        known = FORMATS[name]
        path = folder if is_file else folder / known.file
        path.parent.mkdir(parents=True, exist_ok=True)
        options = {option: given[option] for option in known.options}
        if attempt(name, partial(_writer(known), result, path, **options)):
            written.append(path)
    result.list_files(written)
    return written


def _attempt(name: str, action: Callable[[], None]) -> bool:
    """Do one format's part; return True, or raise what it raises."""
    action()
    return True


def _attempt_or_warn(name: str, action: Callable[[], None]) -> bool:
    """Do one format's part; return whether it could be done, with a warning where it could not."""
    try:
        action()
    except InputError as error:
        warnings.warn(f"{name} left out: {error}", PhonolipsWarning, stacklevel=3)
        return False
    return True


def _check_options(wanted: Sequence[str], given: dict[str, Any]) -> None:
    """Make a number of a frame rate; raise InputError where an option cannot be used, or goes with no format."""
    from phonolips.lips.curve import check_fps

    if given["fps"] is not None:
        given["fps"] = check_fps(given["fps"])
    for option, format_name in (("viseme_set", "visemes"), ("targets", "gltf")):
        if given[option] is not None and format_name not in wanted:
            raise InputError(f"{option} is for {format_name}, which is not among the formats; add {format_name}")
    if given["viseme_set"] is not None:
        from phonolips.export.visemes import read_viseme_set

        read_viseme_set(given["viseme_set"])


def _check_material(result: "Result", known: Format) -> None:
    """Raise InputError where a result has not got what a format needs."""
    if known.needs == WORDS:
        from phonolips.export.subtitles import words_of

        words_of(result)
    elif known.needs == PHONES or (known.needs == EITHER and result.posteriors is None):
        result.need_alignment()


def _split(names: str | Sequence[str]) -> list[str]:
    parts = (names if isinstance(names, str) else ",".join(names)).lower().split(",")
    return [part.strip() for part in parts if part.strip()]


def _writer(known: Format) -> Any:
    module, function = known.writer.split(":")
    return getattr(importlib.import_module(f"phonolips.export.{module}"), function)


def _suffixes(known: Format) -> tuple[str, ...]:
    return (Path(known.file).suffix, *known.suffixes)


def _is_file_for(wanted: list[str], out: Path) -> bool:
    return len(wanted) == 1 and out.suffix in _suffixes(FORMATS[wanted[0]]) and not out.is_dir()
