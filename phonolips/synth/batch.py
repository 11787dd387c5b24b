"""Many recordings at once: a folder or a list goes in, a folder for each and a manifest come out."""

import errno
import json
import os
import traceback
import warnings
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from phonolips.checks import shown
from phonolips.errors import InputError, PhonolipsError, PhonolipsWarning, system_line
from phonolips.reading import parse_json, read_lines, read_text
from phonolips.storage import FIRST_VERSION, LIPS_FILE, atomic_file
from phonolips.synth.folder import check_out_folder, read_result
from phonolips.synth.options import Options
from phonolips.workers.clips import map_clips

MANIFEST_FILE = "manifest.jsonl"
MANIFEST_FORMAT = 2  # of its rows; 1 had no number, and called the options manner
READABLE = (MANIFEST_FORMAT - 1, MANIFEST_FORMAT)
KALDI_SUFFIX = ".scp"  # a list of Kaldi's: NAME PATH
SOUND_SUFFIXES = (
    *(".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".wma", ".aif", ".aiff", ".au", ".amr"),
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg"),
)

# What keeps the system from writing any other result either: then the batch ends, to go on when it is mended.
FOR_ALL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class Item(NamedTuple):
    """A recording and the folder for its results."""

    audio: Path
    folder: Path


class Summary(NamedTuple):
    """What a batch came to: how many were made now, how many stood there before, and what failed, with reasons."""

    done: int
    skipped: int
    failed: list[tuple[Path, str]]
    manifest: Path


def find_items(source: Path, out: Path) -> list[Item]:
    """List the recordings of a folder (with its folders) or of a list, and where their results go.

    A list has a path a line, relative to the list's own folder, with or without quotes; empty lines and lines with #
    are left out. As in Kaldi's lists (.scp), a name may stand before the path. The results of `a/b.wav` go to
    `out/a/b`; where two recordings differ only in their ending, to `out/a/b.wav`.

    Raises:
        InputError: nothing there, no list, or two lines of a list would be written to the same folder.
    """
    if source.is_dir():
        inside = out.resolve()
        files = [
            path
            for path in sorted(source.rglob("*"))
            if path.suffix.lower() in SOUND_SUFFIXES
            and path.is_file()
            and not any(part.startswith(".") for part in path.relative_to(source).parts)
            and inside not in path.resolve().parents
        ]
        names = [path.relative_to(source) for path in files]
        expected = f"recordings ({', '.join(SOUND_SUFFIXES)})"
    else:
        files = [source.parent / name for name in _read_list(source)]
        common = os.path.commonpath([str(file.absolute().parent) for file in files] or ["/"])
        names = [file.absolute().relative_to(common) for file in files]
        expected = "a recording's path a line"
    if not files:
        raise InputError(f"{source}: nothing to do; expected {expected}")
    stems = Counter(name.with_suffix("") for name in names)
    folders = [out / (name if stems[name.with_suffix("")] > 1 else name.with_suffix("")) for name in names]
    times = Counter(folders)
    twice = next((file for file, folder in zip(files, folders, strict=True) if times[folder] > 1), None)
    if twice is not None:
        raise InputError(f"{source}: {twice} is named twice; expected every recording once")
    return [Item(file, folder) for file, folder in zip(files, folders, strict=True)]


def _read_list(source: Path) -> list[str]:
    """Read the paths in a list of recordings, as they stand there; raise InputError where it is none."""
    try:
        lines = read_lines(source)
    except InputError as error:
        reason = str(error).removeprefix(f"{source}: ")
        raise InputError(
            f"{source}: not a list of recordings ({reason}); expected a recording's path a line"
        ) from error
    paths = []
    for number, line in lines:
        path, after = line, line.partition(" ")[2].strip()
        is_kaldi = source.suffix.lower() == KALDI_SUFFIX or os.path.isfile(source.parent / after)  # False for no name
        if after and is_kaldi and not os.path.isfile(source.parent / line):
            path = after
        if path.endswith("|"):
            raise InputError(f"{source}: line {number}: a command, which is never run; expected a recording's path")
        if len(path) > 1 and path[0] == path[-1] and path[0] in "\"'":
            path = path[1:-1]
        if not path.isprintable():
            raise InputError(f"{source}: line {number}: {shown(path)} is no path; expected a recording's path a line")
        paths.append(path)
    return paths


def _fingerprint(audio: Path) -> list[int] | None:
    """Return size and time of a file, to see whether it has changed; None where it is not there."""
    try:
        stat = audio.stat()
    except OSError:
        return None
    return [stat.st_size, stat.st_mtime_ns]


def _read_manifest(path: Path) -> dict[str, dict[str, Any]]:
    """Read the newest row of every folder, those of the format before as this one's; a last line cut short is left out.

    Raises:
        InputError: a row of a format that this version does not read.
    """
    rows: dict[str, dict[str, Any]] = {}
    if path.is_file():
        for line in read_text(path).split("\n"):
            try:
                row = parse_json(line)
            except InputError:
                continue
            found, folder = row.get("format", FIRST_VERSION), row.get("folder")
            if not isinstance(folder, str):
                continue
            if found == FIRST_VERSION and "manner" in row:
                row |= {"options": row.pop("manner"), "format": MANIFEST_FORMAT}
            rows[folder] = row
            if found not in READABLE:
                raise InputError(
                    f"{path}: a row of format version {shown(found)}; this version of phonolips reads "
                    f"{', '.join(map(str, READABLE))}: update phonolips, or write to another folder"
                )
    return rows


def _write_manifest(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _synthesise(item: Item, options: Options) -> dict[str, Any]:
    """Make one recording's files; any error becomes a PhonolipsError that belongs to it, but that of a full disk."""
    from phonolips.model.network import load_network
    from phonolips.synth.verbs import from_audio

    try:
        result = from_audio(
            item.audio,
            phones_only=options.phones_only,
            voice_activity=options.voice_activity,
            audio_stream=options.audio_stream,
            speaker=options.speaker,
            fps=options.lips_fps,
            liveliness=options.liveliness,
            rest=options.rest,
            articulation=options.articulation,
            network=load_network(options.model, provider=options.provider, threads=options.threads),
        )
        chosen = options.audio_stream is not None  # the recording alone does not tell which of its sounds it was
        files = result.save(item.folder, pictures=options.pictures, speech=chosen)
        if options.export:
            files += read_result(item.folder).export(",".join(options.export), fps=options.fps)
    except PhonolipsError:
        raise
    except OSError as error:
        if error.errno in FOR_ALL:
            raise
        raise PhonolipsError(system_line(error)) from error
    except Exception as error:  # a bug that one recording finds must not cost the other ten thousand
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        raise PhonolipsError(
            f"{item.audio}: {type(error).__name__}: {error} ({where}; a bug, please report)"
        ) from error
    return {
        "seconds": round(result.spoken_seconds, 3),
        "frames": len(result.lips),
        "files": [file.name for file in files],
    }


def synthesise_all(source: Path, out: Path, *, jobs: int = 1, options: Options | None = None) -> Summary:
    """Turn every recording of a folder or a list into lips, `jobs` at a time; each worker loads the model once.

    Writes a folder for each and `manifest.jsonl`: a row a recording with audio, folder (in `out`), status (`done`
    or `failed`), seconds, frames, files or reason. A call after a kill goes on where that one stopped: what is done
    with the same options from the same file is skipped. A bad recording does not stop the others.

    Args:
        source: a folder, or a list (see `find_items`).
        out: the folder to write to.
        jobs: processes.
        options: how; None = the defaults.

    Raises:
        InputError: nothing to do, or settings that no recording could be made with.
    """
    from phonolips.lips.curve import check_fps
    from phonolips.model.network import load_network

    chosen = options or Options()
    check_out_folder(out)
    items = find_items(source, out)
    if not any(item.audio.exists() for item in items):
        raise InputError(
            f"{source}: of {len(items)} files that it names none is there, such as {items[0].audio}; expected a "
            "recording's path a line (to speak a text, use `text_file`)"
        )
    check_fps(chosen.lips_fps)
    if chosen.export:
        from phonolips.export.formats import check_names

        check_names(chosen.export)
    load_network(chosen.model, provider=chosen.provider, threads=chosen.threads).lip_speaker(chosen.speaker)
    out.mkdir(parents=True, exist_ok=True)
    manifest, asked = out / MANIFEST_FILE, chosen.as_json()
    rows = _read_manifest(manifest)

    def is_done(item: Item) -> bool:
        row = rows.get(item.folder.relative_to(out).as_posix(), {})
        same = row.get("options") == asked and row.get("fingerprint") == _fingerprint(item.audio)
        return same and row.get("status") == "done" and (item.folder / LIPS_FILE).is_file()

    waiting = [item for item in items if not is_done(item)]
    failed: list[tuple[Path, str]] = []
    with manifest.open("a", encoding="utf-8") as file:
        work = map_clips(
            partial(_synthesise, options=chosen), waiting, jobs=jobs, description="synth", unit="recording"
        )
        for item, made, reason, messages in work:
            for message in messages:
                warnings.warn(f"{item.audio}: {message}", PhonolipsWarning, stacklevel=2)
            folder = item.folder.relative_to(out).as_posix()
            row: dict[str, Any] = {"audio": str(item.audio), "folder": folder, "status": "failed" if reason else "done"}
            row |= {"reason": reason} if reason else made or {}
            row |= {"fingerprint": _fingerprint(item.audio), "options": asked, "format": MANIFEST_FORMAT}
            rows[folder] = row
            file.write(json.dumps(row) + "\n")
            file.flush()
            if reason:
                failed.append((item.audio, reason))
    _write_manifest(manifest, list(rows.values()))
    return Summary(len(waiting) - len(failed), len(items) - len(waiting), failed, manifest)
