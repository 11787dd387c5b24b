"""Check that GRID is there, or fetch the missing speakers from Zenodo record 3625687 (CC BY 4.0)."""

import argparse
import hashlib
import json
import os
import shutil
import sys
import urllib.error
import urllib.request
import zipfile
from collections import Counter
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path

from tqdm import tqdm

from phonolips.corpus.grid import VIDEO_SUFFIXES, find_files, speaker_of
from phonolips.errors import CorpusError, PhonolipsError

RECORD = "https://zenodo.org/api/records/3625687"
SPEAKERS = tuple(f"s{number}" for number in range(1, 35) if number != 21)  # s21 has no video
ALIGNMENTS = "alignments"
ATTEMPTS = 5  # connections made for one file before giving up
TIMEOUT_SECONDS = 60
BLOCK_BYTES = 1 << 20


def md5_of(path: Path) -> str:
    """Compute the MD5 checksum of a file, in hexadecimal; it guards against accidents, not attackers."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def fetch_file(url: str, path: Path, *, size: int, md5: str) -> None:
    """Fetch one file, going on where a cut connection or a killed run stopped.

    The bytes gather in `NAME.part`; the file gets its name once its checksum is right.

    Raises CorpusError when the server cannot be reached, keeps breaking off, or sends other bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    reason = ""
    with tqdm(total=size, desc=path.name, unit="B", unit_scale=True, disable=None) as progress:
        for _ in range(ATTEMPTS):
            if _bytes_of(part) >= size:
                break
            try:
                _fetch_rest(url, part, progress)
                reason = "the connection was cut"
            except urllib.error.HTTPError as error:
                reason = f"the server answers {error.code} {error.reason}"
                if error.code < 500 and error.code != 429:
                    break
            except (OSError, HTTPException) as error:
                reason = str(error) or type(error).__name__
    found = _bytes_of(part)
    if found < size:
        raise CorpusError(f"{url}: {found} of {size} bytes fetched ({reason}); run the command again to go on")
    checksum = md5_of(part)
    if checksum != md5:
        part.unlink()
        raise CorpusError(
            f"{url}: wrong checksum, {checksum} where {md5} was expected; the file was removed, run again"
        )
    os.replace(part, path)


def _bytes_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _fetch_rest(url: str, part: Path, progress: tqdm) -> None:
    """Append what is missing; a server that cannot go on from the middle starts the file anew."""
    have = _bytes_of(part)
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
        goes_on = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        progress.n = have if goes_on else 0
        progress.refresh()
        with part.open("ab" if goes_on else "wb") as file:
            while block := response.read(BLOCK_BYTES):
                file.write(block)
                progress.update(len(block))


def read_file_list(record: str) -> dict[str, tuple[str, int, str]]:
    """Ask Zenodo for a record's files: name -> (address, bytes, MD5). Raises CorpusError."""
    try:
        with urllib.request.urlopen(record, timeout=TIMEOUT_SECONDS) as response:
            files = json.load(response)["files"]
        listed = {
            item["key"]: (item["links"]["self"], int(item["size"]), item["checksum"].removeprefix("md5:"))
            for item in files
        }
    except (OSError, HTTPException) as error:
        raise CorpusError(
            f"{record}: cannot be reached ({error}); check the network, or fetch the files with a browser from "
            "https://zenodo.org/records/3625687 and unpack them into --data"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorpusError(f"{record}: not the list of files that was expected ({error!r})") from error
    return listed


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip of the corpus as `folder`, all or nothing.

    Raises CorpusError where the archive is not a zip or has no folder of that name inside.
    """
    temporary = archive.with_suffix(".unpacking")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as file:
            file.extractall(temporary)
        if not (temporary / folder.name).is_dir():
            names = ", ".join(sorted(item.name for item in temporary.iterdir())[:5])
            raise CorpusError(f"{archive}: holds no folder {folder.name!r}; found {names or 'nothing'}")
        os.replace(temporary / folder.name, folder)
    except zipfile.BadZipFile as error:
        raise CorpusError(f"{archive}: not a zip file ({error}); remove it and run again") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def download(data: Path, speakers: Sequence[str], *, record: str = RECORD) -> None:
    """Fetch and unpack the speakers (and the alignments) whose folders are not in `data` yet.

    Raises CorpusError for a name that the record does not have, and as `fetch_file` and `unpack` do.
    """
    missing = [name for name in (*speakers, ALIGNMENTS) if not (data / name).is_dir()]
    if not missing:
        return
    listed = read_file_list(record)
    unknown = [name for name in missing if f"{name}.zip" not in listed]
    if unknown:
        raise CorpusError(f"{record}: has no {unknown[0]}.zip; found {', '.join(sorted(listed))}")
    data.mkdir(parents=True, exist_ok=True)
    for name in missing:
        url, size, md5 = listed[f"{name}.zip"]
        archive = data / ".download" / f"{name}.zip"
        if not archive.is_file():
            fetch_file(url, archive, size=size, md5=md5)
        unpack(archive, data / name)
        archive.unlink()


def check(data: Path) -> str:
    """Count the clips and alignments in `data`, in one line; raise CorpusError where there are none."""
    videos = find_files(data, VIDEO_SUFFIXES) if data.is_dir() else []
    speakers = Counter(speaker for video in videos if (speaker := speaker_of(video, data)))
    if not speakers:
        raise CorpusError(
            f"{data}: no GRID clips here; fetch s1.zip, s2.zip, ... and alignments.zip from "
            f"https://zenodo.org/records/3625687 and unpack them so that {data / 's1' / 'bbaf2n.mpg'} and "
            f"{data / ALIGNMENTS / 's1' / 'bbaf2n.align'} exist, or run again with --download true"
        )
    counts = ", ".join(f"{name} {count}" for name, count in sorted(speakers.items(), key=lambda x: int(x[0][1:])))
    return f"{data}: {speakers.total()} clips ({counts}), {len(find_files(data, ['.align']))} alignments"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the corpus")
    parser.add_argument("--download", action="store_true", help="fetch what is missing; 0.4 GB a speaker")
    parser.add_argument("--speakers", nargs="+", default=SPEAKERS, help="default: all 33 that have video")
    parser.add_argument("--record", default=RECORD, help="address of the record; default: %(default)s")
    options = parser.parse_args(arguments)
    try:
        if options.download:
            download(options.data, options.speakers, record=options.record)
        print(check(options.data))
    except (PhonolipsError, OSError) as error:
        print(f"fetch.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
