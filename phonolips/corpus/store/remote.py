"""The files of a store, in a folder here or behind an address such as s3://bucket/corpus/features.

An address is read through fsspec (https://filesystem-spec.readthedocs.io), with whatever that finds installed for
its kind: s3fs for s3://, gcsfs for gs://, and so on. Who asks, and where, stands in the environment variables that
these read: for s3:// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, and AWS_ENDPOINT_URL or
FSSPEC_S3_ENDPOINT_URL for a server other than Amazon's; FSSPEC_S3_ANON=true for a public bucket.

Shards are fetched whole, when they are first asked for, and kept; a file's name tells what is in it, so what is there
is never fetched again, and a store that changed has other names. Put the index there too (a store that was ever
opened has one): without it, all shards are fetched to make it.
"""

import errno
import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from phonolips.errors import CorpusError, InputError, MissingToolError
from phonolips.storage import atomic_file, atomic_folder

# What only the file that is written on this machine can have: disk full, quota, size limit, read-only.
HERE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
PLAIN_NAME = re.compile(r"(?!\.\.?$)[\w.-]{1,200}", re.ASCII)  # of a file in a store


def is_address(folder: Path | str) -> bool:
    """Return whether this is an address, not a folder."""
    return isinstance(folder, str) and "://" in folder


def default_cache() -> Path:
    """Return where fetched files are kept: PHONOLIPS_CACHE, else the user's cache folder."""
    if "PHONOLIPS_CACHE" in os.environ:
        return Path(os.environ["PHONOLIPS_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "phonolips"


class LocalFolder:
    """Files in a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.label = folder, str(folder)

    def read(self, name: str) -> bytes | None:
        """Read a small file; None where it is not there."""
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None

    def path(self, name: str, check: Callable[[Path], None] | None = None) -> Path:
        """Return the path of a file on this machine; nothing is fetched, so nothing is checked."""
        return self.folder / name

    def list(self, name: str) -> list[str]:
        """List the files of a folder inside."""
        folder = self.folder / name
        return os.listdir(folder) if folder.is_dir() else []

    def fetch_folder(self, name: str) -> Path | None:
        """Return the path of a folder inside; None where it is missing."""
        folder = self.folder / name
        return folder if folder.is_dir() else None


class RemoteFolder:
    """Files behind an address, each fetched whole when it is first asked for.

    Raises:
        MissingToolError: fsspec, or its package for this kind of address, is not installed.
        InputError: there is no such kind of address, or nowhere to keep what is fetched.
        CorpusError: the address cannot be reached.
    """

    def __init__(self, address: str, cache: Path | None = None) -> None:
        self.label = address.rstrip("/")
        self.folder = (cache or default_cache()) / hashlib.sha256(self.label.encode()).hexdigest()[:16]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{self.folder}: what is fetched cannot be kept here ({error.strerror}); "
                "set PHONOLIPS_CACHE to a folder that can be written"
            ) from error
        self._connect()

    def _connect(self) -> None:
        kind = self.label.partition("://")[0]
        try:
            import fsspec

            self._files, self._root = fsspec.core.url_to_fs(self.label)
        except ImportError as error:
            raise MissingToolError(
                f"{self.label}: reading {kind}:// needs fsspec and its package for {kind}; "
                f"install them with: pip install 'fsspec[{kind}]'"
            ) from error
        except ValueError as error:
            raise InputError(f"{self.label}: {_first_line(error)}") from error
        self._process = os.getpid()

    def _call(self, name: str, verb: str, *words: Any, **options: Any) -> Any:
        """Call a method of fsspec's; of its errors, FileNotFoundError and what is wrong here come out as they are."""
        if self._process != os.getpid():  # connections do not outlive a fork
            self._connect()
        try:
            return getattr(self._files, verb)(f"{self._root}/{name}", *words, **options)
        except FileNotFoundError:
            raise
        except Exception as error:  # each kind of address has errors of its own
            if isinstance(error, OSError) and error.errno in HERE:
                raise
            raise CorpusError(
                f"{self.label}/{name}: cannot be read ({_first_line(error)}); "
                "check the address, the credentials and the endpoint, and try again"
            ) from error

    def read(self, name: str) -> bytes | None:
        """Read a small file, anew every time; None where it is not there."""
        try:
            return bytes(self._call(name, "cat_file"))
        except FileNotFoundError:
            return None

    def path(self, name: str, check: Callable[[Path], None] | None = None) -> Path:
        """Fetch a file, if it was not yet, and return its path on this machine.

        Args:
            name: of the file.
            check: raises where what was fetched is damaged; it is not kept then.

        Raises:
            FileNotFoundError: it is not there any more.
        """
        kept = self.folder / name
        if not kept.is_file():
            with atomic_file(kept) as temporary:
                self._call(name, "get_file", str(temporary))
                if check is not None:
                    check(temporary)
        return kept

    def list(self, name: str) -> list[str]:
        """List the files of a folder inside, as they are now."""
        self._call(name, "invalidate_cache")
        try:
            found = self._call(name, "ls", detail=True)
        except FileNotFoundError:
            return []
        names = [item["name"].rpartition("/")[2] for item in found if item["type"] == "file"]
        return [name for name in names if PLAIN_NAME.fullmatch(name)]  # whatever else the other side may list

    def fetch_folder(self, name: str) -> Path | None:
        """Fetch all files of a folder inside, and return its path; None where it is missing."""
        folder = self.folder / name
        if folder.is_dir():
            return folder
        names = self.list(name)
        if not names:
            return None
        try:
            with atomic_folder(folder) as temporary:
                for file in names:
                    self._call(f"{name}/{file}", "get_file", str(temporary / file))
        except FileNotFoundError:  # removed meanwhile
            return None
        return folder


def _first_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error) or type(error).__name__).splitlines()[0]


def open_folder(folder: Path | str, cache: Path | None = None) -> LocalFolder | RemoteFolder:
    """Open a folder here, or one behind an address."""
    return RemoteFolder(str(folder), cache) if is_address(folder) else LocalFolder(Path(folder))
