"""The files of a store, in a folder here or behind an address such as s3://bucket/corpus/features.

An address is read through fsspec (https://filesystem-spec.readthedocs.io), with whatever that finds installed for
its kind: s3fs for s3://, gcsfs for gs://, and so on. What is read is kept in a folder here and not fetched again.
"""

import hashlib
import os
from pathlib import Path
from typing import Any

from phonolips.atomic import whole_file
from phonolips.errors import CorpusError, MissingToolError


def is_address(folder: Path | str) -> bool:
    """Tell an address from a folder."""
    return isinstance(folder, str) and "://" in folder


def default_cache() -> Path:
    """Say where what was fetched is kept: PHONOLIPS_CACHE, else the user's cache folder."""
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

    def path(self, name: str) -> Path:
        """Say where a file lies on this machine."""
        return self.folder / name

    def list(self, name: str) -> list[str]:
        """List the files of a folder inside."""
        folder = self.folder / name
        return os.listdir(folder) if folder.is_dir() else []

    def fetch_folder(self, name: str) -> Path | None:
        """Say where a folder inside lies; None where it is not there."""
        folder = self.folder / name
        return folder if folder.is_dir() else None


class RemoteFolder:
    """Files behind an address, each fetched whole when it is first asked for.

    Raises:
        MissingToolError: fsspec, or its package for this kind of address, is not installed.
        CorpusError: the address cannot be reached.
    """

    def __init__(self, address: str, cache: Path | None = None) -> None:
        self.label = address.rstrip("/")
        name = hashlib.sha256(self.label.encode()).hexdigest()[:16]
        self.folder = (cache or default_cache()) / name
        self.folder.mkdir(parents=True, exist_ok=True)
        kind = address.partition("://")[0]
        try:
            import fsspec

            self._files, self._root = fsspec.core.url_to_fs(self.label)
        except ImportError as error:
            raise MissingToolError(
                f"{address}: reading {kind}:// needs fsspec and its package for {kind}; "
                f"install them with: pip install 'fsspec[{kind}]'"
            ) from error
        except ValueError as error:
            raise CorpusError(f"{address}: {error}") from error

    def _call(self, name: str, verb: str, *words: Any, **options: Any) -> Any:
        try:
            return getattr(self._files, verb)(f"{self._root}/{name}", *words, **options)
        except FileNotFoundError:
            return None
        except Exception as error:  # each kind of address has errors of its own
            raise CorpusError(f"{self.label}/{name}: cannot be read ({str(error).splitlines()[0]})") from error

    def read(self, name: str) -> bytes | None:
        """Read a small file, anew every time; None where it is not there."""
        return self._call(name, "cat_file")

    def path(self, name: str) -> Path:
        """Fetch a file, if it was not yet, and say where it lies on this machine."""
        kept = self.folder / name
        if not kept.is_file():
            with whole_file(kept) as temporary:
                self._call(name, "get_file", str(temporary))
                if not temporary.is_file():
                    raise CorpusError(f"{self.label}/{name}: no such file")
        return kept

    def list(self, name: str) -> list[str]:
        """List the files of a folder inside."""
        found = self._call(name, "ls", detail=True) or []
        return [item["name"].rpartition("/")[2] for item in found if item["type"] == "file"]

    def fetch_folder(self, name: str) -> Path | None:
        """Fetch all files of a folder inside, and say where they lie; None where it is not there."""
        for file in self.list(name):
            self.path(f"{name}/{file}")
        folder = self.folder / name
        return folder if folder.is_dir() else None


def open_folder(folder: Path | str, cache: Path | None = None) -> LocalFolder | RemoteFolder:
    """Open a folder here, or one behind an address."""
    return RemoteFolder(str(folder), cache) if is_address(folder) else LocalFolder(Path(folder))
